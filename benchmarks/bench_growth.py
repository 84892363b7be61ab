"""How the time of an analog convolution grows with batch, digits, slices and partitions.

Each series is fitted by ``time = a + b * number``; growth is linear where the fit explains the
times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from report import Notes, Row, Section
from runner import script
from timing import compare, forward
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


def fit(numbers: Sequence[int], rows: Sequence[Row]) -> Notes:
    """A line through times, and how much of their variance it explains."""
    times = np.array([row.milliseconds for row in rows])
    slope, start = map(float, np.polyfit(numbers, times, 1))
    rest = times - (start + slope * np.array(numbers))
    explained = float(1 - rest.var() / times.var())
    return {"start [ms]": start, "each [ms]": slope, "explained variance": explained}


def results(batch: int = 8, size: int = 16, rounds: int = 9) -> list[Section]:
    """One section for each series, whose runs take turns with those of the others."""
    runs = list(points(size, batch))
    rows = compare({f"{r.series}: {r.number}": forward(r.model, r.images) for r in runs}, rounds)
    sections = []
    for series in dict.fromkeys(run.series for run in runs):
        found = [(r.number, row) for r, row in zip(runs, rows, strict=True) if r.series == series]
        first = found[0][1].milliseconds
        own = [replace(row, ratio=row.milliseconds / first) for _, row in found]
        subject = f"Convolution {CHANNELS}→{CHANNELS}, 3×3, by number of {series}"
        notes = fit([number for number, _ in found], own)
        sections.append(Section(subject, "the smallest number", own, notes))
    return sections


if __name__ == "__main__":
    script(results)
