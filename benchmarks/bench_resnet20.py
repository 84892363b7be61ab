"""Time and memory of ResNet-20 on simulated arrays, over those of the stock network.

Every case is a ratio measured in one run: all networks take turns with the stock one, whose
batch-norms are folded, on the same images and the same threads, and medians are compared.
"""

import argparse
import copy
import json
from pathlib import Path
from typing import Any

import torch
from hardware import DIGITS, NOISE, OFFSET, SAR, SLICES, SMALL_ARRAYS, SONOS, WIRES, Case, analog
from resnet20 import reference_arrays, reference_folder, resnet20
from rich.console import Console
from rich.progress import track
from rich.table import Table
from timing import Job, forward, medians, peak
from torch import Tensor, nn
from torch.nn import functional as F

from crosssim_torch import synchronize
from crosssim_torch.batchnorm import fuse_batchnorms

RESULTS = Path(__file__).parent / "results" / "resnet20.json"
CASES = (
    Case("ideal arrays", {}, 1.1, "4.5–6", converters=False),
    Case("8-bit DAC, 8-bit ADC", {}, 1.5, "6–8"),
    Case("+ SONOS programming error", SONOS, 1.5, "6–8"),
    Case("OFFSET, 8-bit DAC and ADC", OFFSET, 2.0),
    Case("SAR ADC with mismatch, a table for each group", SAR, 3.5),
    Case("arrays of 144 rows, an ADC each", SMALL_ARRAYS, 2.5, "4.5–7"),
    Case("4 slices of 2 bits, an ADC each", SLICES, 6.0, "9"),
    Case("7 input digits, an ADC conversion each", DIGITS, 10.0, "227"),
    Case("read noise on every product", NOISE, 4.5, "670–810"),
    Case("1 Ω wires", WIRES, 2.5, "unfinished"),
)
TRAINING = Case("training step, 8-bit DAC and ADC", {}, 2.0)


def step(model: nn.Module, images: Tensor) -> Job:
    """One training step; the arrays of an analog network are programmed again for it."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)
    labels = torch.arange(len(images)) % 10

    def run() -> object:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        return optimizer.step()

    return run


def measure(images: Tensor, network: nn.Module, rounds: int) -> list[dict[str, Any]]:
    """One row for each case: ratio of times, ratio of peak memory, and what they are held to."""
    stock = fuse_batchnorms(network)
    models = [analog(case, network, images) for case in track(CASES, "converting", transient=True)]
    trained = analog(TRAINING, network, images)
    runs = [forward(model, images) for model in (stock, *models)]
    steps = [step(model, images) for model in (copy.deepcopy(stock), trained)]
    rows = []
    for cases, jobs in ((CASES, runs), ((TRAINING,), steps)):
        base, *others = medians(jobs, rounds)
        memory, *own = (peak(job) for job in jobs)
        for case, time, bytes_ in zip(cases, others, own, strict=True):
            rows.append(
                {
                    "case": case.name,
                    "milliseconds": 1e3 * time,
                    "ratio": time / base,
                    "limit": case.limit,
                    "memory": bytes_ / memory,
                    "CrossSim 3.2": case.crosssim,
                }
            )
    return rows


def preparation(network: nn.Module, images: Tensor) -> dict[str, float]:
    """Time of converting the network, and of programming its arrays again [s]."""
    case = CASES[0]
    model = analog(case, network, images)
    jobs = (lambda: analog(case, network, images), lambda: synchronize(model))
    converting, programming = medians(jobs, 3)
    return {"converting": converting, "programming": programming}


def subject(batch: int) -> tuple[nn.Module, Tensor]:
    """The network with ``batch`` images, those of the reference where they are at hand."""
    folder = reference_folder()
    if folder is None:
        return resnet20(), torch.randn(batch, 3, 32, 32)
    arrays = reference_arrays(folder)
    images = arrays["x"]
    return resnet20(arrays), images.repeat(-(-batch // len(images)), 1, 1, 1)[:batch]


def main() -> None:
    """Print one table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.manual_seed(0)
    network, images = subject(options.batch)
    rows = measure(images, network, options.rounds)
    times = preparation(network, images)
    table = Table("ResNet-20 on", "time [ms]", "over stock", "at most", "memory", "CrossSim 3.2")
    for row in rows:
        name, milliseconds, *ratios, crosssim = row.values()
        table.add_row(name, f"{milliseconds:.1f}", *(f"{ratio:.2f}" for ratio in ratios), crosssim)
    table.caption = ", ".join(f"{name} {value:.2f} s" for name, value in times.items())
    Console().print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    threads = torch.get_num_threads()
    RESULTS.write_text(json.dumps({"threads": threads, "cases": rows, "seconds": times}, indent=2))


if __name__ == "__main__":
    main()
