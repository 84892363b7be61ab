"""Training in two processes that talk through gloo; what each of them reports is checked."""

from typing import Any

import torch
from analog_settings import ERRORS, tree
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from crosssim_torch import analog_modules, from_torch

Report = dict[str, list[Any]]


def stock() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


KINDS = ("one chip", "a chip for each", "sharded")


def train(rank: int, place: str) -> dict[str, Report]:
    """Three steps of training for each of `KINDS`: weights and what arrays hold after each.

    Args:
        rank: Number of this process, 0 or 1.
        place: A file that does not exist yet, for both.
    """
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{place}", rank=rank, world_size=2)
    try:
        return {kind: _train(rank, kind) for kind in KINDS}
    finally:
        distributed.destroy_process_group()


def _train(rank: int, kind: str) -> Report:
    seed = {"one chip": None, "a chip for each": rank, "sharded": 1}[kind]
    torch.manual_seed(10 + rank)
    model = from_torch(stock(), tree(ERRORS), 1, seed=seed)
    if kind == "sharded":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        network: nn.Module = fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    else:
        network = DistributedDataParallel(model, broadcast_buffers=kind == "one chip")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    report: Report = {"weights": [], "held": [], "programmed": []}
    for step in range(3):
        optimizer.zero_grad()
        x = torch.randn(4, 2, 6, generator=torch.Generator().manual_seed(2 * step + rank))
        network(x).square().mean().backward()
        held = [module.get_matrix().tolist() for module in analog_modules(model)]
        report["held"].append(held)
        report["weights"].append([m.form_matrix().tolist() for m in analog_modules(model)])
        names = [n for n, _ in model.named_buffers() if n.endswith("identity")]
        report["programmed"].append([model.get_buffer(n)[3].item() for n in names])
        optimizer.step()
    return report
