"""How the time of an analog convolution grows with batch, digits, slices and partitions.

Each series is fitted by ``time = a + b * number``; growth is linear where the fit explains the
times.
"""

import argparse
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from timing import forward, medians
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import from_torch

CHANNELS = 64
CONVERTERS = {
    "xbar.dac.mvm": {"model": "QuantizerDAC", "bits": 8, "signed": False},
    "core.mapping.inputs.mvm": {"min": 0.0, "max": 1.0},
    "core.balanced.subtract_current_in_xbar": True,
    "xbar.adc.mvm": {"model": "QuantizerADC", "bits": 8, "calibrated_range": [-8.0, 8.0]},
    "xbar.device.cell_bits": 8,
}
DIGITS = {"xbar.dac.mvm.input_bitslicing": True, "xbar.adc.mvm.adc_per_ibit": True}
SLICES = {
    "core.style": "BITSLICED",
    "core.weight_bits": 9,
    "xbar.device.cell_bits": 0,
    "xbar.adc.mvm.adc_range_option": "MAX",
}


class Point(NamedTuple):
    """One run of a series."""

    series: str
    number: int
    model: nn.Module
    images: Tensor


def points(size: int, batch: int) -> Iterator[Point]:
    """Every run: a convolution of square images of ``size`` pixels."""
    layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def analog(settings: dict[str, Any]) -> nn.Module:
        params = CrossSimParameters()
        params.update(CONVERTERS)
        params.update(settings)
        return from_torch(layer, params, seed=0)

    images = torch.rand(8 * batch, CHANNELS, size, size)
    some = images[:batch]
    for number in (1, 2, 4, 8):
        yield Point("images", number * batch, analog({}), images[: number * batch])
    for bits in (1, 2, 4, 7):
        yield Point("digits", bits, analog(DIGITS | {"xbar.dac.mvm.bits": bits}), some)
    for slices in (1, 2, 4, 8):
        yield Point("slices", slices, analog(SLICES | {"core.bit_sliced.num_slices": slices}), some)
    for parts in (1, 2, 4, 8):
        rows = {"core.rows_max": CHANNELS * 9 // parts}
        yield Point("partitions", parts, analog(rows), some)


def series(size: int, batch: int, rounds: int) -> dict[str, list[tuple[int, float]]]:
    """Numbers and times [s] of each series."""
    runs = list(points(size, batch))
    times = medians([forward(run.model, run.images) for run in runs], rounds)
    found: dict[str, list[tuple[int, float]]] = {}
    for run, time in zip(runs, times, strict=True):
        found.setdefault(run.series, []).append((run.number, time))
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    table = Table("number of", "times [ms]", "fit [ms]", "explained")
    for name, pairs in series(16, options.batch, options.rounds).items():
        numbers, times = np.array([(number, 1e3 * time) for number, time in pairs]).T
        slope, start = np.polyfit(numbers, times, 1)
        rest = times - (start + slope * numbers)
        explained = 1 - rest.var() / times.var()
        shown = ", ".join(
            f"{number:g}: {time:.1f}" for number, time in zip(numbers, times, strict=True)
        )
        table.add_row(name, shown, f"{start:.2f} + {slope:.3f} n", f"{explained:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
