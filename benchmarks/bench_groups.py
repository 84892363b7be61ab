"""Time and memory of layers whose matrices hold structural zeros, over the stock layers.

Depthwise convolutions in one array, over arrays of 144 rows, and with groups in arrays of their
own; GRUs in one array and over arrays of 256 rows. All with 8-bit converters, which round or are
circuits. Each layer is read alone, and read and differentiated by its inputs and weights.
"""

import time
from dataclasses import replace

import torch
from report import Section
from runner import script
from timing import Job, compare, forward
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import AnalogModule, LayerOptions, from_torch
from crosssim_torch.threads import one_thread

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


def cells(layer: nn.Module) -> int:
    """Conductances that the layer stores."""
    return sum(b.numel() for name, b in layer.named_buffers() if "conductance" in name)


def section(name: str, layer: nn.Module, x: Tensor, kinds: dict[str, Kind], rounds: int) -> Section:
    """Reads and derivatives of each kind of arrays."""
    layers: dict[str, nn.Module] = {"PyTorch": layer}
    layers |= {name: analog(layer, *kind) for name, kind in kinds.items()}
    reads = {kind: forward(one, x) for kind, one in layers.items()}
    steps = {f"{kind}, derivatives": trained(one, x) for kind, one in layers.items()}
    base, *others = compare(reads, rounds, memory=True, clock=time.process_time)
    rows = [replace(row, notes={"cells": cells(layers[row.case])}) for row in others]
    rows = [base, *rows, *compare(steps, rounds, clock=time.process_time)]
    return Section(name, "the layer of PyTorch, processor time of one thread", rows)


def depthwise(channels: int, size: int) -> tuple[nn.Module, Tensor]:
    """A convolution with a group for each channel, and images of ``size`` pixels a side."""
    conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
    return conv, torch.randn(8, channels, size, size)


def recurrent(size: int, batch: int) -> tuple[nn.Module, Tensor]:
    """A GRU and series of eight steps."""
    return nn.GRU(size, size), torch.randn(8, batch, size)


def results(
    channels: tuple[int, int, int] = (64, 128, 256),
    states: tuple[int, int, int] = (64, 256, 1024),
    size: int = 16,
    rounds: int = 11,
) -> list[Section]:
    """One section for each layer; processor time of one thread."""
    sections = []
    with one_thread():
        for n in channels:
            name = f"Depthwise convolution 3×3, {n} channels"
            sections.append(section(name, *depthwise(n, size), KINDS, rounds))
        for n in states:
            sections.append(section(f"GRU {n}→{n}, 8 steps", *recurrent(n, 32), GRU_KINDS, rounds))
    return sections


if __name__ == "__main__":
    script(results)
