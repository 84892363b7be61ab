"""Memory and time of a ResNet-20 whose arrays have resistive wires."""

import argparse
import resource
import time

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import from_torch

ARRAY = (1152, 256)
"""Rows and columns of every array."""
WIDTHS = {"16, 32, 64": (16, 32, 64), "256, 256, 256 (all arrays full)": (256, 256, 256)}


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


def resnet20(widths: tuple[int, int, int]) -> nn.Module:
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


def measure(stock: nn.Module, analog: nn.Module, images: Tensor) -> list[float]:
    """Times of the stock network, warm, and of two passes of the analog one [s]."""
    times = []
    with torch.no_grad():
        for network in (stock, stock, analog, analog):
            start = time.perf_counter()
            network(images)
            times.append(time.perf_counter() - start)
    return times[1:]


def gibibytes() -> float:
    """Most memory that this process had so far [GiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print one row for each width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=16)
    images = torch.rand(parser.parse_args().images, 3, 32, 32)
    table = Table(
        "widths", "stock [s]", "first pass, wires solved [s]", "next pass [s]", "over stock",
        "most memory [GiB]",
    )  # fmt: skip
    for name, widths in WIDTHS.items():
        stock = resnet20(widths)
        plain, first, later = measure(stock, wired(stock), images)
        row = (f"{plain:.2f}", f"{first:.1f}", f"{later:.2f}", f"{later / plain:.2f}")
        table.add_row(name, *row, f"{gibibytes():.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
