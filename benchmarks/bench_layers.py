"""Time of one forward pass of analog layers, and how much longer than the stock layer it takes."""

import torch
from report import Section
from runner import script
from timing import compare, forward
from torch import Tensor, nn

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


def results(
    device: str = "cpu", features: int = 512, channels: int = 64, size: int = 32, rounds: int = 25
) -> list[Section]:
    """One section for each layer."""
    sections = []
    for name, (layer, x) in layers(features, channels, size).items():
        layer, x = layer.to(device), x.to(device)
        models = {"PyTorch": layer} | {kind: analog(layer, SETTINGS[kind]) for kind in SETTINGS}
        jobs = {kind: forward(model, x) for kind, model in models.items()}
        sections.append(Section(name, "the layer of PyTorch", compare(jobs, rounds)))
    return sections


if __name__ == "__main__":
    script(results)
