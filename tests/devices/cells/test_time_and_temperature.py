"""Variation, drift and temperature against their equations."""

import numpy as np
import pytest
from injection import assert_close, given

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.devices import Cell, ProgramsCells
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins import factory
from crosssim_core.random import Stream, WriteNoise

G = np.asarray([[0.1, 0.4], [0.7, 1.0]])


class Fixed:
    """Given deviates, one set for the occasion and one for the chip."""

    def __init__(self, cycle, chip):
        self.cycle, self.chip = cycle, chip

    def normal_like(self, x, /):
        return 0.0 * x + self.cycle

    def of_chip(self, name, /):
        return Fixed(self.chip, None)


def model(name, cell=None, **settings):
    record = DeviceErrorParams(enable=True, model=name, **settings)
    return factory("device", name)(record, cell or Cell(1e3, 1e4))


@pytest.mark.parametrize(
    ("dependence", "size"), [("independent", 1.0), ("proportional", G), ("inverse", 1 / G)]
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_variation_adds_an_error_of_the_cell_and_one_of_the_cycle(
    xp, dependence, size, dtype, tolerance
):
    cells = model(
        "CellVariation", device_to_device=0.03, cycle_to_cycle=0.02, dependence=dependence
    )
    got = cells.program(given(xp, G, dtype), noise=Fixed(cycle=1.0, chip=-2.0))
    assert_close(got, G + (-0.06 + 0.02) * size, tolerance=tolerance, dtype=dtype)


def test_an_inverse_variation_leaves_a_cell_without_conductance_alone():
    cells = model("CellVariation", device_to_device=0.1, dependence="inverse")
    assert not cells.program(np.zeros((2, 2)), noise=Fixed(1.0, 1.0)).any()


def test_programming_again_repeats_the_error_of_the_cell_and_draws_that_of_the_cycle():
    """Two writes of 90,000 cells: their correlation is the share of the device-to-device variance.

    Its standard error is below 1/300; 6 of them are exceeded less often than once in 5e8.
    """
    cells = model("CellVariation", device_to_device=0.03, cycle_to_cycle=0.04)
    g, stream = np.full((300, 300), 0.5), Stream.of(3)
    chip = stream.child("cells")
    errors = [
        (cells.program(g, noise=WriteNoise(stream.child("write", k), chip)) - g).ravel()
        for k in range(2)
    ]
    assert np.corrcoef(errors)[0, 1] == pytest.approx(0.03**2 / 0.05**2, abs=6 / 300)
    assert np.std(errors[0]) == pytest.approx(0.5 * 0.05, rel=6 / 424)


def test_a_core_keeps_its_cells_and_a_new_seed_makes_others():
    params = CrossSimParameters()
    params.xbar.device.programming_error = {
        "enable": True,
        "model": "CellVariation",
        "device_to_device": 0.1,
    }
    matrix = np.random.default_rng(1).uniform(0.2, 1.0, (5, 6))
    core = AnalogCore(matrix, params, seed=0)
    first = core.get_matrix()
    core.set_matrix(matrix)
    np.testing.assert_array_equal(core.get_matrix(), first)
    assert (AnalogCore(matrix, params, seed=1).get_matrix() != first).all()


@pytest.mark.parametrize(
    ("time", "factor"), [(0.0, 1.0), (20.0, 1.0), (2000.0, 100**-0.05), (2e7, 1e6**-0.05)]
)
def test_drift_follows_a_power_of_time_from_the_reference_time_on(xp, time, factor):
    cells = model("PowerLawDrift", Cell(1e3, 1e4, time=time), reference_time=20.0)
    got = cells.drift(given(xp, G), noise=Fixed(0.0, 0.0))
    assert_close(got, G * factor, tolerance=1e-12)
    assert not isinstance(cells, ProgramsCells)


def test_exponents_vary_from_cell_to_cell_and_not_from_occasion_to_occasion():
    cells = model("PowerLawDrift", Cell(1e3, 1e4, time=100.0), exponent_spread=0.01)
    got = cells.drift(G, noise=Fixed(cycle=9.0, chip=2.0))
    assert_close(got, G * 100**-0.07, tolerance=1e-12)


@pytest.mark.parametrize(("kelvin", "sign"), [(300.0, 0), (350.0, 1), (250.0, -1)])
def test_a_cell_conducts_better_when_it_is_warm(xp, kelvin, sign):
    cells = model("ThermalConductance", temperature=kelvin)
    got = cells.program(given(xp, G), noise=Fixed(0.0, 0.0))
    energy = 0.2 * (1 - (G - 0.1) / 0.9)
    want = G * np.exp(-energy / 8.617333262e-5 * (1 / kelvin - 1 / 300))
    assert_close(got, want, tolerance=1e-12)
    assert np.sign(want[0, 0] - G[0, 0]) == sign
    assert want[1, 1] == 1.0


def test_temperature_is_absolute():
    with pytest.raises(ParameterError, match="temperature"):
        DeviceErrorParams(model="ThermalConductance", temperature=-10.0)
