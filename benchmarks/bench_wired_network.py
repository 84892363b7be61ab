"""Memory and time of a ResNet-20 whose arrays have resistive wires."""

import resource
from dataclasses import replace

import torch
from report import Notes, Row, Section
from runner import script
from timing import compare, forward, seconds
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import from_torch

ARRAY = (1152, 256)
"""Rows and columns of every array."""
Widths = tuple[int, int, int]
"""Channels of each stage."""


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut, with a 1×1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        changes = inputs != outputs or stride > 1
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (N, inputs, H, W) → (N, outputs, H / stride, W / stride)."""
        return (self.second(self.first(x).relu()) + self.shortcut(x)).relu()


def resnet20(widths: Widths) -> nn.Module:
    """The network for images of 32×32 pixels, with random weights, its batch-norms folded.

    Source: K. He, X. Zhang, S. Ren, J. Sun, CVPR 2016, option B.
    """
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1), nn.ReLU()]
    before = widths[0]
    for stage, width in enumerate(widths):
        for block in range(3):
            layers.append(Block(before, width, 2 if stage and not block else 1))
            before = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10)]
    return nn.Sequential(*layers)


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
        stock = resnet20(widths)
        rows = measure(stock, wired(stock), x, rounds)
        channels = ", ".join(map(str, widths))
        subject = f"ResNet-20 with wires, {channels} channels, {images} images"
        sections.append(Section(subject, "PyTorch with folded batch-norms", rows))
    return sections


if __name__ == "__main__":
    script(results)
