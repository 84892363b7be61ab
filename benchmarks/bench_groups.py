"""Time and memory of layers whose matrices hold structural zeros, over the stock layers.

Depthwise convolutions in one array, over arrays of 144 rows, and with groups in arrays of their
own; GRUs in one array and over arrays of 256 rows. All with 8-bit converters.
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
KINDS: dict[str, tuple[int, str]] = {
    "dense, one array": (0, "dense"),
    "dense, arrays of 144 rows": (144, "dense"),
    "dense, arrays of 100 rows": (100, "dense"),
    "packed": (0, "packed"),
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


def analog(layer: nn.Module, rows: int, groups: str) -> AnalogModule:
    """``layer`` over arrays of so many rows; 0 is unlimited."""
    params = CrossSimParameters()
    params.update(CONVERTERS | {"core.rows_max": rows, "core.cols_max": 0})
    options = LayerOptions(groups=groups)  # type: ignore[arg-type]
    converted: AnalogModule = from_torch(layer, params, seed=0, options=options)
    return converted


def cells(layer: AnalogModule) -> int:
    """Conductances that the layer stores."""
    return sum(b.numel() for name, b in layer.named_buffers() if "conductance" in name)


def compare(
    table: Table, name: str, layer: nn.Module, x: Tensor, kinds: dict[str, tuple[int, str]]
) -> None:
    """One row for each kind of arrays."""
    layers = [analog(layer, *kind) for kind in kinds.values()]
    jobs = [forward(layer, x), *(forward(one, x) for one in layers)]
    stock, *times = cpu_times(jobs, 11)
    table.add_row(name, "none: stock layer", f"{stock * 1e3:.2f}", "1.0", f"{peak(jobs[0]) >> 10}")
    for kind, one, job, own in zip(kinds, layers, jobs[1:], times, strict=True):
        cost = f"{own * 1e3:.2f}", f"{own / stock:.1f}", f"{peak(job) >> 10}", f"{cells(one)}"
        table.add_row("", kind, *cost)
    table.add_section()


def main() -> None:
    """Print one row for each layer and kind of arrays."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    table = Table("layer", "arrays", "CPU time [ms]", "over stock", "peak [KiB]", "cells stored")
    for channels in (64, 128, 256):
        conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        images = torch.randn(8, channels, 16, 16)
        compare(table, f"depthwise 3×3, {channels} channels", conv, images, KINDS)
    for size in (64, 256, 1024):
        gru = nn.GRU(size, size)
        kinds = {"one array": (0, "dense"), "arrays of 256 rows": (256, "dense")}
        compare(table, f"GRU {size}→{size}, 8 steps", gru, torch.randn(8, 32, size), kinds)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
