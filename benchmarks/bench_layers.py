"""Time of one forward pass of analog layers, and how much longer than the stock layer it takes."""

import argparse

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.benchmark import Timer

from crosssim_core import CrossSimParameters
from crosssim_torch import from_torch

CONVERTERS = {
    "core.mapping.inputs.mvm": {"min": 0.0, "max": 1.0},
    "xbar.dac.mvm": {"model": "QuantizerDAC", "bits": 8, "signed": False},
    "xbar.adc.mvm": {"model": "SignMagnitudeADC", "bits": 8, "calibrated_range": [-16, 16]},
}
PROGRAMMING = {
    "xbar.device.programming_error": {"enable": True, "model": "SONOS"},
    "xbar.device": {"Rmin": 62.5e3, "Rmax": 6.25e11},
}
LITERAL = {"simulation.literal": True}
SETTINGS: dict[str, dict[str, object]] = {
    "ideal arrays": {},
    "8-bit DAC and ADC": CONVERTERS,
    "+ SONOS programming error": CONVERTERS | PROGRAMMING,
    "the same, literal chain": CONVERTERS | PROGRAMMING | LITERAL,
}


def layers(features: int, channels: int, size: int) -> dict[str, tuple[nn.Module, Tensor]]:
    """Layers and their inputs; images have ``size`` pixels a side."""
    return {
        f"Linear {features}→{features}, 256 inputs": (
            nn.Linear(features, features),
            torch.rand(256, features),
        ),
        f"Conv2d {channels}→{channels}, 3×3, 8 images {size}×{size}": (
            nn.Conv2d(channels, channels, 3, padding=1),
            torch.rand(8, channels, size, size),
        ),
    }


def analog(layer: nn.Module, changes: dict[str, object]) -> nn.Module:
    """``layer`` on arrays of some settings."""
    params = CrossSimParameters()
    params.update(changes)
    return from_torch(layer, params, seed=0)


def milliseconds(layer: nn.Module, inputs: Tensor) -> float:
    """Median time of one forward pass without gradients [ms]."""
    with torch.no_grad():
        layer(inputs)
        timer = Timer("layer(inputs)", globals={"layer": layer, "inputs": inputs})
        return timer.blocked_autorange(min_run_time=0.5).median * 1e3


def main() -> None:
    """Print one row for each layer and kind of arrays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    device = parser.parse_args().device
    table = Table("layer", "arrays", "time [ms]", "over stock")
    for name, (layer, inputs) in layers(512, 64, 32).items():
        layer, inputs = layer.to(device), inputs.to(device)
        stock = milliseconds(layer, inputs)
        table.add_row(name, "none: stock layer", f"{stock:.2f}", "1.0")
        for setting, changes in SETTINGS.items():
            time = milliseconds(analog(layer, changes), inputs)
            table.add_row("", setting, f"{time:.2f}", f"{time / stock:.1f}")
        table.add_section()
    Console().print(table)


if __name__ == "__main__":
    main()
