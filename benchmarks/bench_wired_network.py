"""Memory and time of a ResNet-20 whose arrays have resistive wires."""

import resource
from dataclasses import replace

import torch
from report import Notes, Row, Section
from resnet20 import ResNet20
from runner import script
from timing import compare, forward, seconds
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import from_torch
from crosssim_torch.batchnorm import fuse_batchnorms

ARRAY = (1152, 256)
"""Rows and columns of every array."""
Widths = tuple[int, int, int]
"""Channels of each stage."""


def stock_network(widths: Widths) -> nn.Module:
    """A ResNet-20 with random weights, its batch-norms folded."""
    torch.manual_seed(0)
    return fuse_batchnorms(ResNet20(widths).eval())


def wired(network: nn.Module) -> nn.Module:
    """The network in arrays of one size, whose wires have a thousandth of a cell's resistance."""
    params = CrossSimParameters()
    params.core.rows_max, params.core.cols_max = ARRAY
    wires = params.xbar.array.parasitics
    wires.enable = True
    wires.Rp_row = wires.Rp_col = 1e-3 * params.xbar.device.Rmin
    return from_torch(network, params, seed=0)


def measure(stock: nn.Module, analog: nn.Module, images: Tensor, rounds: int) -> list[Row]:
    """Passes of both networks; the first analog one solves the wires."""
    job = forward(analog, images)
    first = seconds(job)
    rows, cols = ARRAY
    jobs = {"PyTorch": forward(stock, images), f"arrays of {rows}×{cols}": job}
    base, row = compare(jobs, rounds)
    notes: Notes = {"first pass [s]": first}
    return [base, replace(row, megabytes=megabytes(), notes=notes)]


def megabytes() -> float:
    """Most memory that this process had so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def results(
    images: int = 16,
    narrow: Widths = (16, 32, 64),
    full: Widths = (256, 256, 256),
    size: int = 32,
    rounds: int = 5,
) -> list[Section]:
    """One section for each width; the full network fills its arrays. Memory is the process's."""
    x = torch.rand(images, 3, size, size)
    sections = []
    for widths in (narrow, full):
        stock = stock_network(widths)
        rows = measure(stock, wired(stock), x, rounds)
        channels = ", ".join(map(str, widths))
        subject = f"ResNet-20 with wires, {channels} channels, {images} images"
        sections.append(Section(subject, "PyTorch with folded batch-norms", rows))
    return sections


if __name__ == "__main__":
    script(results)
