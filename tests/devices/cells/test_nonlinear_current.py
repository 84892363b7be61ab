"""Currents of cells that do not follow Ohm's law."""

import numpy as np
import pytest
from injection import assert_close, given

from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins.registry import factory
from crosssim_devices.cells.rram_milo import nonlinearity

MILO = Cell(1 / 225e-6, 20e3, 0.5)
VOLTAGES = (1.0, -1.0, 0.5, -0.5, 0.25)


def model_of(name, cell, **own):
    return factory("device", name)(DeviceErrorParams(enable=True, model=name, **own), cell)


@pytest.mark.parametrize(
    ("microsiemens", "quadratic", "cubic"),
    [
        (50, -3.694422926e-05, 1.661722123e-05),
        (62.5, -2.383894789e-05, 9.319717522e-06),
        (76.2, -1.552381306e-05, 4.235333844e-06),
        (93.9, -9.536914248e-06, 2.997075289e-07),
        (110, -6.524412307e-06, -1.710071303e-06),
        (150, -3.311185810e-06, -3.218291142e-06),
        (200, -2.038040064e-06, -1.739587907e-06),
        (225, -1.602292700e-06, -3.351195901e-07),
    ],
)
def test_coefficients_of_the_milo_cell_follow_the_fit(xp, microsiemens, quadratic, cubic):
    got = nonlinearity(given(xp, [microsiemens * 1e-6]))
    assert float(got[0][0]) == pytest.approx(quadratic, rel=1e-9)
    assert float(got[1][0]) == pytest.approx(cubic, rel=1e-8)


@pytest.mark.parametrize(
    ("g", "want"),
    [
        (0.25, (0.198419965, -0.329486048, 0.110360866, -0.143127386, 0.058622201)),
        (0.4, (0.377641939, -0.424537800, 0.194274251, -0.205998216, 0.098551534)),
        (0.6, (0.587498667, -0.605685845, 0.297300635, -0.301847429, 0.149378405)),
        (0.8, (0.791727854, -0.802488689, 0.398293430, -0.400983638, 0.199618541)),
        (1.0, (0.996066994, -1.003188295, 0.499063293, -0.500843618, 0.249771641)),
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-6)])
def test_currents_of_the_milo_cell_follow_the_fit(xp, g, want, dtype, tolerance):
    conductance, voltage = given(xp, [g] * 5, dtype), given(xp, VOLTAGES, dtype)
    got = model_of("RRAMMilo", MILO).current(conductance, voltage)
    assert_close(got, want, tolerance=tolerance, dtype=dtype)
    assert_close(voltage, VOLTAGES, tolerance=0)


@pytest.mark.parametrize(
    ("microsiemens", "current"),
    [(50, 35.7), (40, 19.0), (30, -3.0), (20, -38.1), (10, -118.8), (1, -749.0)],
)
def test_below_its_range_the_milo_cell_is_extrapolated(microsiemens, current):
    g = np.asarray([microsiemens / 225])
    got = model_of("RRAMMilo", MILO).current(g, np.ones(1)) * 225
    assert float(got[0]) == pytest.approx(current, rel=2e-3, abs=0.05)


def test_below_its_range_the_milo_cell_can_keep_its_shape():
    model = model_of("RRAMMilo", MILO, keep_shape_below_range=True)
    g = np.asarray((50.0, 49.999, 30.0, 1.0, 1e-5)) / 225
    ones = np.ones(5)
    np.testing.assert_allclose(model.current(g, ones) / g, 0.714, rtol=0, atol=1e-3)
    np.testing.assert_allclose(model.current(g, -ones) / -g, 1.453, rtol=0, atol=1e-3)
    assert float(model.current(np.zeros(1), np.ones(1))[0]) == 0
    above = np.asarray((0.25, 0.6, 1.0))
    np.testing.assert_array_equal(
        model.current(above, np.ones(3)), model_of("RRAMMilo", MILO).current(above, np.ones(3))
    )


def test_below_a_nanosiemens_the_milo_cell_is_linear():
    g = np.asarray((0.0, 1e-10, 0.9e-9)) / 225e-6
    np.testing.assert_array_equal(model_of("RRAMMilo", MILO).current(g, np.full(3, 0.7)), 0.7 * g)


def test_the_milo_cell_is_refused_where_its_currents_were_not_measured():
    one = np.ones(1)
    model_of("RRAMMilo", Cell(1 / 225e-6, 20e3, 0.5001)).current(one, one)
    model = model_of("RRAMMilo", Cell(1 / 225e-6, 20e3, 0.5002))
    model.check_slot("programming_error")
    with pytest.raises(ParameterError, match=r"0\.5 V; Vread is 0\.5002 V"):
        model.check_slot("nonlinear_IV")
    with pytest.raises(ParameterError, match=r"0\.5 V"):
        model.current(one, one)


@pytest.mark.parametrize(
    ("Vread", "g", "v", "want"),
    [
        (1.0, 0.25, 1.0, 0.1875),
        (1.0, 0.6, 0.5, 0.28125),
        (1.0, 1.0, 0.25, 0.24609375),
        (0.2, 0.3, 0.9, 0.267813),
        (2.0, 1.0, 1.0, 0.0),
        (2.0, 1.0, 1.2, -0.528),
    ],
)
def test_currents_of_the_cubic_cell_are_known_and_odd(xp, Vread, g, v, want):
    model = model_of("CubicDevice", Cell(1e3, 1e4, Vread))
    conductance, voltage = given(xp, [g, g]), given(xp, [v, -v])
    assert_close(model.current(conductance, voltage), (want, -want), tolerance=1e-8)


@pytest.mark.parametrize(("name", "base"), [("RRAMMilo", MILO), ("CubicDevice", Cell(1e3, 1e4))])
def test_currents_become_linear_as_the_read_voltage_vanishes(name, base):
    g, v = np.linspace(0.3, 1, 8), np.linspace(-1, 1, 8)
    model = model_of(name, Cell(base.Rmin, base.Rmax, 1e-6))
    np.testing.assert_allclose(model.current(g, v), g * v, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "cell"), [("RRAMMilo", MILO), ("CubicDevice", Cell(1e3, 1e4))])
def test_currents_of_a_whole_array_broadcast_over_vectors(xp, name, cell):
    g = given(xp, np.linspace(0.3, 1, 12).reshape(3, 4))
    v = given(xp, np.linspace(-1, 1, 20).reshape(5, 1, 4))
    got = model_of(name, cell).current(g, v)
    assert tuple(got.shape) == (5, 3, 4)
    one = model_of(name, cell).current(g[1, ...], v[2, 0, ...])
    assert_close(got[2, 1, ...], one.tolist() if hasattr(one, "tolist") else np.asarray(one))
