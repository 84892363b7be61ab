"""Programming errors of phase-change and resistive cells against the measurements."""

from math import inf

import numpy as np
import pytest
from injection import Injected, assert_close, given
from moments import clipped_normal

from crosssim_core.devices import Cell, ConductsNonlinearly, DriftsCells, ProgramsCells, ReadsCells
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins.registry import factory
from crosssim_core.random import Stream

PCM, MILO, WAN = Cell(40e3, 4e6), Cell(1 / 225e-6, 20e3), Cell(25600.0, 2.56e6)


def model_of(name, cell):
    return factory("device", name)(DeviceErrorParams(enable=True, model=name), cell)


@pytest.mark.parametrize(
    ("name", "cell", "g", "want"),
    [
        ("PCMJoshi", PCM, (0.1, 0.5, 1), (0.118594246, 0.423577756, 1.021310465)),
        ("RRAMMilo", MILO, (0.25, 0.5, 1), (0.268978010, 0.466597480, 1.006073880)),
        ("RRAMWan", WAN, (0.02, 0.5, 1), (0.051524331, 0.378022338, 1.021436213)),
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-6)])
def test_given_deviates_lead_to_known_conductances(xp, name, cell, g, want, dtype, tolerance):
    target = given(xp, g, dtype)
    got = model_of(name, cell).program(target, noise=Injected.of((1.0, -2.0, 0.5)))
    assert_close(got, want, tolerance=tolerance, dtype=dtype)
    assert_close(target, g, tolerance=1e-7)


MEASURED = [
    ("PCMJoshi", PCM, 0.01, 0.0122095, 0.0114191, 0.0101046),
    ("PCMJoshi", PCM, 0.1, 0.0185942, 0.1, 0.0185942),
    ("PCMJoshi", PCM, 0.25, 0.0276265, 0.25, 0.0276265),
    ("PCMJoshi", PCM, 0.5, 0.0382111, 0.5, 0.0382111),
    ("PCMJoshi", PCM, 1.0, 0.0426209, 1.0, 0.0426209),
    ("RRAMMilo", MILO, 50 / 225, 0.0192310, 50 / 225, 0.0192310),
    ("RRAMMilo", MILO, 0.4, 0.0176120, 0.4, 0.0176120),
    ("RRAMMilo", MILO, 0.6, 0.0157906, 0.6, 0.0157906),
    ("RRAMMilo", MILO, 0.8, 0.0139692, 0.8, 0.0139692),
    ("RRAMMilo", MILO, 1.0, 0.0121478, 1.0, 0.0121478),
    ("RRAMWan", WAN, 0.01, 0.0292854, 0.0173578, 0.0203888),
    ("RRAMWan", WAN, 0.1, 0.0463726, 0.1002563, 0.0457311),
    ("RRAMWan", WAN, 0.25, 0.0614777, 0.2500003, 0.0614763),
    ("RRAMWan", WAN, 0.5, 0.0609888, 0.5, 0.0609888),
    ("RRAMWan", WAN, 1.0, 0.0428724, 1.0, 0.0428724),
]


@pytest.mark.parametrize(("name", "cell", "g", "sigma", "mean", "deviation"), MEASURED)
def test_samples_have_the_moments_of_the_closed_form(name, cell, g, sigma, mean, deviation):
    """False alarm below 1e-8 for each row: 6 standard errors of the mean, 7 of the deviation."""
    noise = Stream.of(5).child(name).source()
    samples = model_of(name, cell).program(np.full(200_000, g), noise=noise).clip(0, None)
    assert clipped_normal(g, sigma) == pytest.approx((mean, deviation), abs=2e-7)
    assert samples.mean() == pytest.approx(mean, abs=6 * deviation / 447)
    assert samples.std() == pytest.approx(deviation, rel=0.015)


def test_an_infinite_on_off_ratio_changes_no_spread():
    g, z = np.asarray((0.1, 0.5)), (1.0, -1.0)
    infinite = model_of("PCMJoshi", Cell(40e3, inf)).program(g, noise=Injected.of(z))
    np.testing.assert_array_equal(
        model_of("PCMJoshi", PCM).program(g, noise=Injected.of(z)), infinite
    )


@pytest.mark.parametrize(
    ("name", "accepted", "refused", "said"),
    [
        ("PCMJoshi", Cell(40000.0, 4e6), Cell(39999.0, 4e6), "25 µS"),
        ("RRAMWan", Cell(1e6 / 39.259, 4e6), Cell(1e6 / 39.261, 4e6), "39.26 µS"),
        ("RRAMMilo", Cell(1 / 225.009e-6, 2e4), Cell(1 / 225.011e-6, 2e4), "225.01"),
        ("RRAMMilo", Cell(5e3, 1 / 49.991e-6), Cell(5e3, 1 / 49.989e-6), "49.99"),
        ("RRAMMilo", Cell(5e3, 2e4), Cell(5e3, inf), "infinite on/off"),
        ("CubicDevice", Cell(1e3, 1e4, 2.0), Cell(1e3, 1e4, 2.001), "2 V"),
    ],
)
def test_cells_outside_the_measured_range_are_refused(name, accepted, refused, said):
    model_of(name, accepted)
    with pytest.raises(ParameterError, match=said):
        model_of(name, refused)


@pytest.mark.parametrize(
    ("name", "cell", "abilities"),
    [
        ("PCMJoshi", PCM, {ProgramsCells}),
        ("RRAMWan", WAN, {ProgramsCells}),
        ("RRAMMilo", MILO, {ProgramsCells, ConductsNonlinearly}),
        ("CubicDevice", Cell(1e3, 1e4), {ConductsNonlinearly}),
    ],
)
def test_each_model_fills_its_slots_and_no_other(name, cell, abilities):
    model = model_of(name, cell)
    every = (ProgramsCells, DriftsCells, ReadsCells, ConductsNonlinearly)
    assert {ability for ability in every if isinstance(model, ability)} == abilities
