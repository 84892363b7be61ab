"""A small network on chips of Acme's cells."""

from pathlib import Path

import torch
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import from_torch

PARAMS = Path(__file__).with_name("rram.json")


def deviation(seed: int) -> float:
    """How far chip number ``seed`` strays from the digital network, relative to its outputs."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    images = torch.rand(100, 64)
    analog = from_torch(network, CrossSimParameters.from_json(PARAMS), seed=seed)
    with torch.no_grad():
        want: Tensor = network(images)
        return float((analog(images) - want).norm() / want.norm())


if __name__ == "__main__":
    for seed in range(3):
        print(f"chip {seed}: {100 * deviation(seed):.1f} %")
