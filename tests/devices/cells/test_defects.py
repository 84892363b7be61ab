"""Defects and surprises of devices in CrossSim 3.2, by number: mended, or kept on purpose."""

import warnings

import numpy as np
import pytest
from analog_settings import tree
from injection import Injected, assert_close, given

from crosssim_core import AnalogCore
from crosssim_core.chain.write import CellWriter
from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError, ParameterWarning, UnsupportedError
from crosssim_core.parameters import DeviceErrorParams, DeviceParameters
from crosssim_core.plugins import factory
from crosssim_core.random import Stream

A = np.random.default_rng(0).uniform(-1, 1, (5, 6))
MILO = Cell(1 / 225e-6, 20e3, 0.5)
SONOS = {"xbar.device": {"Rmin": 62.5e3, "Rmax": 6.25e11}}
ERR = {"enable": True, "model": "NormalIndependentDevice", "magnitude": 0.05}


def model_of(name, cell, **own):
    return factory("device", name)(DeviceErrorParams(enable=True, model=name, **own), cell)


def slot(name, model, **own):
    return {f"xbar.device.{name}": {"enable": True, "model": model, **own}}


def matrix(*settings, seed=1, a=A):
    return AnalogCore(a, tree(*settings), seed=seed).get_matrix()


@pytest.mark.parametrize("kind", ["Normal", "Uniform"])
def test_d01_inverse_errors_are_exact_behind_a_cell_of_conductance_zero(xp, kind):
    """CrossSim truncated 1/g to an integer when the first cell was zero."""
    g = given(xp, (0.0, 0.3, 0.6, 0.75, 1.0))
    model = model_of(f"{kind}InverseProportionalDevice", Cell(1e3, 1e4), magnitude=0.01)
    got = model.program(g, noise=Injected.of(np.full(5, 1.0 if kind == "Normal" else 0.9)))
    step = 0.01 if kind == "Normal" else 0.01 * 0.4
    assert_close(got, (0.0, 0.3 + step / 0.3, 0.6 + step / 0.6, 0.75 + step / 0.75, 1.0 + step))


@pytest.mark.parametrize("model", ["NormalIndependentDevice", "PCMJoshi", "RRAMWan", "CubicDevice"])
def test_d02_a_model_that_knows_no_drift_is_refused_by_name(model):
    """In CrossSim it was a TypeError."""
    cell = {"xbar.device": {"Rmin": 1e5, "Rmax": 1e6}}
    with pytest.raises(UnsupportedError, match=rf"'{model}' cannot fill .*drift_error"):
        matrix(cell, slot("drift_error", model))


def test_d03_a_disabled_slot_asks_nothing_of_its_model():
    """CrossSim tried out every selected model."""
    off = {
        "xbar.device.read_noise": {"model": "PCMJoshi"},
        "xbar.device.programming_error": {"model": "RRAMMilo"},
        "xbar.device.nonlinear_IV": {"model": "SONOS"},
    }
    np.testing.assert_array_equal(matrix(off), matrix())


@pytest.mark.parametrize(("name", "model"), [("read_noise", "PCMJoshi"), ("nonlinear_IV", "SONOS")])
def test_d03_a_model_that_does_not_fit_its_slot_is_refused_when_a_core_is_built(name, model):
    """CrossSim found out at the first product."""
    cell = {"xbar.device": {"Rmin": 1e5, "Rmax": 1e6}}
    with pytest.raises(UnsupportedError):
        matrix(cell, slot(name, model))


def test_d04_a_disabled_programming_error_does_not_keep_cells_from_drifting():
    named = {"xbar.device.programming_error": {"enable": False, "model": "SONOS"}}
    drift = slot("drift_error", "SONOS")
    drifted = matrix(SONOS, drift)
    np.testing.assert_array_equal(matrix(SONOS, drift, named), drifted)
    assert np.abs(drifted - A).max() > 1e-3


def test_d05_a_programming_error_that_time_makes_void_is_warned_of():
    with pytest.warns(ParameterWarning, match="programming_error 'SONOS' is not applied"):
        got = matrix(SONOS, slot("programming_error", "SONOS"), {"xbar.device.time": 1.0})
    np.testing.assert_allclose(got, A, rtol=0, atol=1e-6)


@pytest.mark.parametrize("errors", [{}, {"programming_error": ERR | {"magnitude": 0.0}}])
def test_d06_conductances_are_clipped_with_and_without_errors(errors):
    """CrossSim clipped only what an error model had touched."""
    targets = np.asarray([-0.2, 0.05, 0.5, 1.3])
    for clips, want in ((True, (0.1, 0.1, 0.5, 1.0)), (False, (0.0, 0.05, 0.5, 1.3))):
        writer = CellWriter.of(DeviceParameters(clip_conductance=clips, **errors))
        assert_close(writer.write(targets, noise=Injected.of(np.zeros(4))), want)


@pytest.mark.parametrize("style", [{}, {"core.style": "OFFSET"}])
@pytest.mark.parametrize(
    "more", [{"xbar.device.cell_bits": 4}, {"core.mapping.weights.percentile": 0.8}]
)
def test_d07_cells_that_are_not_written_keep_their_conductance(style, more):
    """CrossSim wrote them again from what they held, which lost their errors."""
    core = AnalogCore(A, tree(style, more, {"xbar.device.programming_error": ERR}), seed=1)
    before = core.get_matrix()
    core[2, 3] = 0.25
    after = core.get_matrix()
    assert after[2, 3] != before[2, 3]
    after[2, 3] = before[2, 3]
    np.testing.assert_array_equal(after, before)


def test_d08_cells_pushed_below_the_range_of_the_milo_cell_can_keep_its_shape():
    """Kept by default: the fit goes on, and its current is negative from 31 µS downwards."""
    g, one = np.asarray([30 / 225]), np.ones(1)
    assert float(model_of("RRAMMilo", MILO).current(g, one)[0]) * 225 == pytest.approx(-3, abs=0.05)
    model = model_of("RRAMMilo", MILO, keep_shape_below_range=True)
    assert float(model.current(g, one)[0] / g[0]) == pytest.approx(0.714, abs=1e-3)
    assert float(model.current(g, -one)[0] / g[0]) == pytest.approx(-1.453, abs=1e-3)


def milo(**nonlinear):
    cell = {"Rmin": MILO.Rmin, "Rmax": MILO.Rmax, "Vread": MILO.Vread}
    return tree(
        {"xbar.device": cell},
        slot("programming_error", "RRAMMilo"),
        slot("nonlinear_IV", "RRAMMilo", **nonlinear),
    )


@pytest.mark.parametrize(
    ("kept", "said"), [(False, "changes sign at about 31 µS"), (True, "bend as at 50 µS")]
)
def test_d08_cells_below_the_range_of_the_milo_cell_raise_a_warning_when_written(kept, said):
    params = milo(keep_shape_below_range=kept)
    with pytest.warns(ParameterWarning, match=rf"^xbar\.device\.nonlinear_IV: .*{said}"):
        core = AnalogCore(A, params, seed=1)
    with pytest.warns(ParameterWarning, match=said):
        core[0, 0] = 0.5


def test_d08_no_warning_comes_where_cells_stay_within_the_range_of_the_milo_cell():
    clipped, exact, linear = milo(), milo(), milo()
    clipped.xbar.device.clip_conductance = True
    exact.xbar.device.programming_error.enable = False
    linear.xbar.device.nonlinear_IV.enable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for params in (clipped, exact, linear):
            AnalogCore(A, params, seed=1)


def test_d09_the_current_of_the_milo_cell_is_neither_odd_nor_linear_at_its_largest_state():
    """Kept: it is the fit."""
    model = model_of("RRAMMilo", MILO)
    g, v = np.asarray([1.0, 1.0, 0.25, 0.25]), np.asarray([1.0, -1.0, 1.0, -1.0])
    assert_close(model.current(g, v), (0.996066994, -1.003188295, 0.198419965, -0.329486048))


@pytest.mark.parametrize("model", ["RRAMMilo", "CubicDevice"])
def test_d10_d11_currents_are_those_of_cells_whichever_side_is_driven(model):
    """CrossSim gave A·x for x·A where the array was square, and could not broadcast."""
    cell = MILO if model == "RRAMMilo" else Cell(1e3, 1e4, 1.0)
    device = model_of(model, cell)
    random = np.random.default_rng(1)
    g = random.uniform(cell.g_min, 1, (4, 4))
    v = random.uniform(-1, 1, (2, 3, 4))
    rows = np.sum(device.current(g, v[..., None, :]), axis=-1)
    columns = np.sum(device.current(g.T, v[..., None, :]), axis=-1)
    for at in np.ndindex(2, 3):
        single = [[device.current(g[i, j], v[at][j]) for j in range(4)] for i in range(4)]
        np.testing.assert_allclose(rows[at], np.sum(single, axis=1), rtol=1e-12)
        single = [[device.current(g[i, j], v[at][i]) for i in range(4)] for j in range(4)]
        np.testing.assert_allclose(columns[at], np.sum(single, axis=1), rtol=1e-12)
    assert np.abs(rows - columns).max() > 0.01


@pytest.mark.parametrize("size", ["Independent", "Proportional", "InverseProportional"])
def test_d12_the_magnitude_of_a_uniform_error_is_its_whole_width(size):
    """Kept, and said: CrossSim calls it a standard deviation."""
    model = model_of(f"Uniform{size}Device", Cell(1e3, 1e4), magnitude=0.2)
    cells = np.full(20_000, 0.5)
    error = model.program(cells, noise=Stream.of(1).source()) - 0.5
    width = 0.2 * {"Independent": 1.0, "Proportional": 0.5, "InverseProportional": 2.0}[size]
    assert 0.999 * width < np.ptp(error) <= width
    assert model.read_moments(cells)[1][0] == pytest.approx(width / 12**0.5)


def test_d13_clipping_at_zero_raises_the_mean_of_low_states():
    """Kept: 0.1 φ(0) = 0.0399. False alarm below 1e-8: 6 standard errors."""
    settings = slot("programming_error", "NormalIndependentDevice", magnitude=0.1)
    infinite = {"xbar.device.infinite_on_off_ratio": True, "core.style": "OFFSET"}
    limits = {"core.mapping.weights": {"min": 0.0, "max": 1.0}}
    got = matrix(settings, infinite, limits, a=np.zeros((400, 500)))
    assert got.mean() == pytest.approx(0.0398942, abs=6 * 0.0583819 / 447)
    assert got.min() == 0.0


def test_d14_sonos_knows_no_time_before_programming_and_warns_after_the_last_day():
    with pytest.raises(ParameterError, match="time"):
        DeviceParameters(time=-1.0)
    cell = Cell(62.5e3, 6.25e11, time=7.0)
    with pytest.warns(ParameterWarning, match="extrapolated"):
        model_of("SONOS", cell).drift(np.ones(2), noise=Injected.of(np.zeros(2)))
    core = matrix(
        SONOS, slot("drift_error", "SONOS"), {"xbar.device.time": 3.0}, a=np.zeros((2, 2))
    )
    np.testing.assert_array_equal(core, 0.0)


def test_d15_sonos_drifts_below_1800_and_programs_up_to_3200_nanoamperes():
    """Kept: the measurements reach so far."""
    model_of("SONOS", Cell(0.1 / 3200e-9, 1e12)).check_slot("programming_error")
    with pytest.raises(ParameterError, match="3200 nA"):
        model_of("SONOS", Cell(0.1 / 3201e-9, 1e12))
    for current, fits in ((1799e-9, True), (1801e-9, False)):
        model = model_of("SONOS", Cell(0.1 / current, 1e12, time=1.0))
        if fits:
            model.check_slot("drift_error")
        else:
            with pytest.raises(ParameterError, match="1800 nA"):
                model.check_slot("drift_error")


def test_d16_each_model_names_itself_when_it_refuses_a_cell():
    """The message of RRAMWan spoke of RRAMMilo."""
    for name in ("RRAMWan", "RRAMMilo", "PCMJoshi", "SONOS"):
        with pytest.raises(ParameterError, match=name):
            model_of(name, Cell(1e3, 1e4))


@pytest.mark.parametrize(
    "wrong",
    [
        {"Rmin": 1e4, "Rmax": 1e3},
        {"Rmin": 0.0},
        {"Rmax": -1.0},
        {"cell_bits": -1},
        {"read_noise": {"magnitude": -0.1}},
    ],
)
def test_d17_impossible_cells_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        DeviceParameters(**wrong).validate()


def test_d18_the_milo_cell_says_that_it_knows_no_infinite_ratio():
    with pytest.raises(ParameterError, match="infinite on/off ratio"):
        model_of("RRAMMilo", Cell(1 / 225e-6, np.inf))


def test_d19_conductances_keep_the_precision_of_the_matrix():
    """CrossSim held those of pairs in float32, so that 0.7 was 0.70000005."""
    levels = {"xbar.device.cell_bits": 4}
    limits = {"core.mapping.weights": {"min": -1.0, "max": 1.0, "percentile": None}}
    a = np.arange(-15, 16)[:, None] / 15
    np.testing.assert_allclose(matrix(levels, limits, a=a), a, rtol=0, atol=1e-15)


def test_d20_cells_may_drift_relax_and_be_stuck():
    """CrossSim had no drift of phase-change cells and no stuck cells."""
    models = [
        {"model": "PCMJoshi"},
        {"model": "PowerLawDrift", "exponent_spread": 0.01, "reference_time": 27.36},
        {"model": "StuckCells", "cell_yield": 0.9},
    ]
    cell = {"xbar.device": {"Rmin": 40e3, "Rmax": 4e6}}
    held = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for time in (0.0, 3600.0, 86_400.0):
            held.append(
                matrix(
                    cell, slot("drift_error", "Chain", models=models), {"xbar.device.time": time}
                )
            )
    fresh, hour, day = (np.abs(m).sum() for m in held)
    assert fresh > hour > day
