"""Our own models pass the conformance kit, found by name like anybody's."""

from pathlib import Path

import pytest

from crosssim_core.devices import Cell
from crosssim_core.plugins import installed_models
from crosssim_core.testing import (
    ADC_CHECKS,
    DAC_CHECKS,
    DEVICE_CHECKS,
    AdcSubject,
    DacSubject,
    DeviceSubject,
    check_device_model,
)

SMALL = {"magnitude": 0.05}
CIRCUIT = {"sigma_comparator": 0.02, "gain_db": 60.0}
CAPACITOR = {**CIRCUIT, "sigma_capacitor": 0.05}
LAWS = ("Normal", "Uniform")
STORED = [
    {"model": "PCMJoshi"},
    {"model": "PowerLawDrift", "exponent_spread": 0.01},
    {"model": "StuckCells", "cell_yield": 0.9},
]
TABLE = Path(__file__).parents[2] / "examples" / "measured-device" / "sonos.csv"
STAGES = {**CIRCUIT, "sigma_C1": 0.01, "sigma_C2": 0.01, "sigma_Cpar": 0.01, "group_size": 5}

DEVICES = [
    DeviceSubject("IdealDevice"),
    DeviceSubject("NormalIndependentDevice", SMALL),
    DeviceSubject("NormalProportionalDevice", SMALL),
    DeviceSubject("NormalInverseProportionalDevice", {"magnitude": 0.002}),
    DeviceSubject("UniformIndependentDevice", SMALL),
    DeviceSubject("UniformProportionalDevice", SMALL),
    DeviceSubject("UniformInverseProportionalDevice", {"magnitude": 0.002}),
    DeviceSubject("SONOS", cell=Cell(62.5e3, 6.25e11)),
    DeviceSubject("SONOS", cell=Cell(62.5e3, 6.25e11, time=2.5)),
    DeviceSubject("PCMJoshi", cell=Cell(40e3, 4e6)),
    DeviceSubject("RRAMMilo", cell=Cell(1 / 225e-6, 20e3, 0.5)),
    DeviceSubject("RRAMMilo", {"keep_shape_below_range": True}, Cell(1 / 225e-6, 20e3, 0.5)),
    DeviceSubject("RRAMWan", cell=Cell(25.6e3, 2.56e6)),
    DeviceSubject("CubicDevice", cell=Cell(1e3, 1e4, 1.0)),
    DeviceSubject("CellVariation", {"device_to_device": 0.03, "cycle_to_cycle": 0.02}),
    DeviceSubject("PowerLawDrift", {"exponent_spread": 0.01}, Cell(1e3, 1e4, time=1e5)),
    DeviceSubject("ThermalConductance", {"temperature": 350.0}),
    DeviceSubject("StuckCells", {"cell_yield": 0.9}),
    DeviceSubject("DeadLines"),
    DeviceSubject("MeasuredDevice", {"file": str(TABLE)}, Cell(62.5e3, 6.25e11, time=2.5)),
    DeviceSubject("Chain", {"models": STORED}, Cell(40e3, 4e6, time=1e5)),
    DeviceSubject("Chain", {"models": STORED, "compensation": "array"}, Cell(40e3, 4e6, time=1e5)),
    DeviceSubject(
        "Chain", {"models": [{"model": f"{law}IndependentDevice", **SMALL} for law in LAWS]}
    ),
]

ADCS = [
    AdcSubject("IdealADC"),
    AdcSubject("QuantizerADC"),
    AdcSubject("QuantizerADC", {"stochastic_rounding": True}),
    AdcSubject("QuantizerADC", low=0.0, high=3.0),
    AdcSubject("SignMagnitudeADC"),
    AdcSubject("SignMagnitudeADC", {"stochastic_rounding": True}),
    AdcSubject("RampADC", CAPACITOR),
    AdcSubject("RampADC", {**CAPACITOR, "symmetric_cdac": False}),
    AdcSubject("SarADC", CAPACITOR),
    AdcSubject("SarADC", {**CAPACITOR, "split_cdac": False, "group_size": 5}),
    AdcSubject("SarADC", CAPACITOR, low=0.0, high=3.0),
    AdcSubject("PipelineADC", STAGES),
    AdcSubject("CyclicADC", STAGES),
]

DACS = [
    DacSubject("IdealDAC"),
    DacSubject("QuantizerDAC"),
    DacSubject("QuantizerDAC", low=0.0),
    DacSubject("SignMagnitudeDAC"),
]


def cases(checks, subjects):
    """One case for each check of each subject."""
    return [
        pytest.param(check, subject, id=f"{subject}-{number}-{check.__name__}")
        for number, subject in enumerate(subjects)
        for check in checks
    ]


@pytest.mark.parametrize(("check", "subject"), cases(DEVICE_CHECKS, DEVICES))
def test_device_models_conform(check, subject):
    check(subject)


@pytest.mark.parametrize(("check", "subject"), cases(ADC_CHECKS, ADCS))
@pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")
def test_adc_models_conform(check, subject):
    check(subject)


@pytest.mark.parametrize(("check", "subject"), cases(DAC_CHECKS, DACS))
@pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")
def test_dac_models_conform(check, subject):
    check(subject)


@pytest.mark.parametrize(
    ("family", "subjects"), [("device", DEVICES), ("adc", ADCS), ("dac", DACS)]
)
def test_no_model_is_left_out(family, subjects):
    ours = {
        name
        for name, model in installed_models(family).items()
        if model.distribution in ("crosssim-core", "crosssim-devices")
    }
    assert {subject.model for subject in subjects} == ours


def test_dead_lines_err_together_and_nothing_else_is_wrong_with_them():
    reason = "a dead line takes all its cells"
    check_device_model(
        "DeadLines",
        column_yield=0.7,
        row_yield=0.7,
        expected_failures={"check_independent_cells": reason},
    )
