"""Time that ADC models take for one conversion of the output of a convolution."""

import argparse
import warnings

import torch
from rich.console import Console
from rich.table import Table
from torch.utils.benchmark import Timer

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
SHAPE = (32, 16, 32, 32)
LIMIT = 4.0
"""Largest current that is converted."""


def converter(name: str, lines: int) -> AdcModel:
    """The converters of one case."""
    model = name.replace(",", " ").split()[0]
    record = AdcParams(**{"model": model, "bits": 8, **CASES[name]})
    return factory("adc", model)(record, AdcSite(-LIMIT, LIMIT, lines, Stream.of(0).source()))


def main() -> None:
    """Print one row for each converter; output channels are its lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    currents = torch.randn(SHAPE, device=parser.parse_args().device)
    warnings.simplefilter("ignore", ParameterWarning)
    table = Table("8-bit ADC", "ns per current")
    for name in CASES:
        adc = converter(name, SHAPE[1])
        adc.convert(currents, axis=1, noise=None)
        timer = Timer("adc.convert(x, axis=1, noise=None)", globals={"adc": adc, "x": currents})
        seconds = timer.blocked_autorange(min_run_time=0.5).median
        table.add_row(name, f"{seconds / currents.numel() * 1e9:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
