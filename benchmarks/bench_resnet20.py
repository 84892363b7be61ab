"""Time and memory of ResNet-20 on simulated arrays, over those of the stock network.

Every case is a ratio measured in one run: all networks take turns with the stock one, whose
batch-norms are folded, on the same images and the same threads, and medians are compared.
"""

import copy
from dataclasses import replace

import torch
from hardware import DIGITS, NOISE, OFFSET, SAR, SLICES, SMALL_ARRAYS, SONOS, WIRES, Case, analog
from report import Notes, Section
from resnet20 import reference_arrays, reference_folder, resnet20
from runner import script
from timing import Job, compare, forward, medians, progress
from torch import Tensor, nn
from torch.nn import functional as F

from crosssim_torch import synchronize
from crosssim_torch.batchnorm import fuse_batchnorms

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
TRAINING = Case("8-bit DAC, 8-bit ADC", {}, 2.0)


def step(model: nn.Module, images: Tensor) -> Job:
    """One training step; the arrays of an analog network are programmed again for it."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)
    labels = torch.arange(len(images)) % 10

    def run() -> object:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        return optimizer.step()

    return run


def measure(images: Tensor, network: nn.Module, rounds: int) -> list[Section]:
    """Passes of every case, and training steps."""
    stock = fuse_batchnorms(network)
    passes = {"PyTorch": forward(stock, images)}
    for case in progress(CASES, "converting"):
        passes[case.name] = forward(analog(case, network, images), images)
    steps = {
        "PyTorch": step(copy.deepcopy(stock), images),
        TRAINING.name: step(analog(TRAINING, network, images), images),
    }
    sections = []
    for verb, cases, jobs in (("reading", CASES, passes), ("training with", (TRAINING,), steps)):
        base, *others = compare(jobs, rounds, memory=True)
        rows = [base, *(case.held(row) for case, row in zip(cases, others, strict=True))]
        subject = f"ResNet-20, {verb} {len(images)} images"
        sections.append(Section(subject, "PyTorch with folded batch-norms", rows))
    return sections


def preparation(network: nn.Module, images: Tensor) -> Notes:
    """Time of converting the network, and of programming its arrays again."""
    case = CASES[0]
    model = analog(case, network, images)
    jobs = (lambda: analog(case, network, images), lambda: synchronize(model))
    converting, programming = medians(jobs, 3)
    return {"converting [s]": converting, "programming [s]": programming}


def subject(batch: int, size: int) -> tuple[nn.Module, Tensor]:
    """The network with square images, those of the reference where they are at hand."""
    folder = reference_folder()
    if folder is None:
        return resnet20(), torch.randn(batch, 3, size, size)
    arrays = reference_arrays(folder)
    images = arrays["x"][..., :size, :size]
    return resnet20(arrays), images.repeat(-(-batch // len(images)), 1, 1, 1)[:batch]


def results(batch: int = 32, size: int = 32, rounds: int = 15) -> list[Section]:
    """Passes and training steps; converting and programming are noted."""
    network, images = subject(batch, size)
    reading, training = measure(images, network, rounds)
    return [replace(reading, notes=preparation(network, images)), training]


if __name__ == "__main__":
    script(results)
