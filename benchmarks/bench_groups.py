"""Time and memory of layers whose matrices hold structural zeros, over the stock layers.

Depthwise convolutions in one array, over arrays of 144 rows, and with groups in arrays of their
own; GRUs in one array and over arrays of 256 rows. All with 8-bit converters, which round or are
circuits. Each layer is read alone, and read and differentiated by its inputs and weights.
"""

import argparse
import statistics
import time

import torch
from rich.console import Console
from rich.table import Table
from timing import Job, forward, peak
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import AnalogModule, LayerOptions, from_torch

CONVERTERS = {
    "core.mapping.inputs.mvm": {"min": -4.0, "max": 4.0},
    "xbar.dac.mvm": {"model": "SignMagnitudeDAC", "bits": 8},
    "xbar.adc.mvm": {"model": "SignMagnitudeADC", "bits": 8, "calibrated_range": [-4, 4]},
}
Kind = tuple[int, str, str]
"""Rows of an array, 0 for all; where groups lie; model of the ADCs."""

KINDS: dict[str, Kind] = {
    "dense, one array": (0, "dense", "SignMagnitudeADC"),
    "dense, arrays of 144 rows": (144, "dense", "SignMagnitudeADC"),
    "dense, arrays of 100 rows": (100, "dense", "SignMagnitudeADC"),
    "dense, arrays of 144 rows, SAR": (144, "dense", "SarADC"),
    "packed": (0, "packed", "SignMagnitudeADC"),
}
GRU_KINDS: dict[str, Kind] = {
    "one array": (0, "dense", "SignMagnitudeADC"),
    "arrays of 256 rows": (256, "dense", "SignMagnitudeADC"),
    "arrays of 256 rows, SAR": (256, "dense", "SarADC"),
}


def cpu_times(jobs: list[Job], rounds: int) -> list[float]:
    """Median processor time of each job [s]; they take turns, and all have run before."""
    for job in jobs:
        job()
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for job, own in zip(jobs, times, strict=True):
            start = time.process_time()
            job()
            own.append(time.process_time() - start)
    return [statistics.median(own) for own in times]


def trained(layer: nn.Module, x: Tensor) -> Job:
    """One read and all derivatives."""
    x = x.clone().requires_grad_()

    def run() -> object:
        y = layer(x)
        return (y[0] if isinstance(y, tuple) else y).sum().backward()

    return run


def analog(layer: nn.Module, rows: int, groups: str, adc: str) -> AnalogModule:
    """``layer`` over arrays of some kind."""
    params = CrossSimParameters()
    params.update(CONVERTERS | {"core.rows_max": rows, "core.cols_max": 0})
    params.xbar.adc.mvm.model = adc
    if adc == "SarADC":
        params.xbar.adc.mvm.sigma_capacitor = 0.03
    options = LayerOptions(groups=groups)  # type: ignore[arg-type]
    converted: AnalogModule = from_torch(layer, params, seed=0, options=options)
    return converted


def cells(layer: AnalogModule) -> int:
    """Conductances that the layer stores."""
    return sum(b.numel() for name, b in layer.named_buffers() if "conductance" in name)


def compare(table: Table, name: str, layer: nn.Module, x: Tensor, kinds: dict[str, Kind]) -> None:
    """One row for each kind of arrays."""
    layers = [analog(layer, *kind) for kind in kinds.values()]
    jobs = [forward(layer, x), *(forward(one, x) for one in layers)]
    times = cpu_times(jobs, 11)
    with_derivatives = cpu_times([trained(one, x) for one in (layer, *layers)], 11)
    names, held = ("none: stock layer", *kinds), ["", *(f"{cells(one)}" for one in layers)]
    for i, job in enumerate(jobs):
        cost = [f"{own[i] * 1e3:.2f} ({own[i] / own[0]:.1f})" for own in (times, with_derivatives)]
        table.add_row(name if i == 0 else "", names[i], *cost, f"{peak(job) >> 10}", held[i])
    table.add_section()


def depthwise(channels: int, size: int) -> tuple[nn.Module, Tensor]:
    """A convolution with a group for each channel, and images of ``size`` pixels a side."""
    conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
    return conv, torch.randn(8, channels, size, size)


def recurrent(size: int, batch: int) -> tuple[nn.Module, Tensor]:
    """A GRU and series of eight steps."""
    return nn.GRU(size, size), torch.randn(8, batch, size)


def main() -> None:
    """Print one row for each layer and kind of arrays."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    times = "read [ms] (over stock)", "with derivatives [ms] (over stock)"
    table = Table("layer", "arrays", *times, "peak [KiB]", "cells stored")
    for channels in (64, 128, 256):
        compare(table, f"depthwise 3×3, {channels} channels", *depthwise(channels, 16), KINDS)
    for size in (64, 256, 1024):
        compare(table, f"GRU {size}→{size}, 8 steps", *recurrent(size, 32), GRU_KINDS)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
