"""Time that ADC models take for one conversion of the output of a convolution."""

import warnings
from dataclasses import replace
from functools import partial

import torch
from report import Section
from runner import script
from timing import Job, compare

from crosssim_core.converters import AdcModel, AdcSite
from crosssim_core.errors import ParameterWarning
from crosssim_core.parameters import AdcParams
from crosssim_core.plugins import factory
from crosssim_core.random import Stream

CAPACITORS = {"sigma_capacitor": 0.02, "sigma_comparator": 0.01}
STAGES = {"sigma_C1": 0.02, "sigma_C2": 0.02, "sigma_comparator": 0.01}
CASES: dict[str, dict[str, object]] = {
    "QuantizerADC": {},
    "RampADC": CAPACITORS,
    "SarADC": CAPACITORS,
    "SarADC, split_cdac = False": CAPACITORS | {"split_cdac": False},
    "SarADC without mismatch": {},
    "PipelineADC": STAGES,
    "CyclicADC": STAGES,
}
LIMIT = 4.0
"""Largest current that is converted."""


def converter(name: str, lines: int) -> AdcModel:
    """The converters of one case."""
    model = name.replace(",", " ").split()[0]
    record = AdcParams(**{"model": model, "bits": 8, **CASES[name]})
    return factory("adc", model)(record, AdcSite(-LIMIT, LIMIT, lines, Stream.of(0).source()))


def results(
    device: str = "cpu", images: int = 32, channels: int = 16, size: int = 32, rounds: int = 75
) -> list[Section]:
    """One row for each converter; output channels are its lines."""
    warnings.simplefilter("ignore", ParameterWarning)
    x = torch.randn(images, channels, size, size, device=device)
    stock = torch.fake_quantize_per_tensor_affine
    jobs: dict[str, Job] = {"PyTorch": partial(stock, x, 2 * LIMIT / 255, 0, -128, 127)}
    for name in CASES:
        jobs[name] = partial(converter(name, channels).convert, x, axis=1, noise=None)
    rows = [
        replace(row, notes={"ns/current": 1e6 * row.milliseconds / x.numel()})
        for row in compare(jobs, rounds)
    ]
    return [Section(f"8-bit ADCs, {x.numel()} currents", stock.__name__, rows)]


if __name__ == "__main__":
    script(results)
