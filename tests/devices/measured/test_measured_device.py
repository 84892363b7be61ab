"""Measured cells go through the points of their table and behave between them."""

import json

import numpy as np
import pytest
from injection import Injected, assert_close, given

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins import factory
from crosssim_devices.measured import plot_measurements

TABLE = """\
target [uS],time [h],mean [uS],standard deviation [uS],read noise [uS]
0,1,0.0,0.0,0.0
5,1,5.2,0.3,0.1
10,1,9.9,0.4,0.3
0,3,0.2,0.1,0.0
5,3,4.0,0.5,0.2
10,3,8.1,0.6,0.4
"""
TARGETS = np.asarray([0.0, 0.5, 1.0])


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text(TABLE)
    return str(path)


def device(file, *, time=0.0, Rmin=1e5, Rmax=np.inf):
    record = DeviceErrorParams(enable=True, model="MeasuredDevice", file=file)
    return factory("device", "MeasuredDevice")(record, Cell(Rmin, Rmax, 0.1, time))


def given_by(z):
    return Injected.of(np.full(3, z))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_at_measured_points_the_statistics_are_those_measured(xp, table, dtype, tolerance):
    g = given(xp, TARGETS, dtype)
    for time, mean, deviation in (
        (1.0, (0.0, 0.52, 0.99), (0.0, 0.03, 0.04)),
        (3.0, (0.02, 0.40, 0.81), (0.01, 0.05, 0.06)),
    ):
        got = device(table, time=time).drift(g, noise=given_by(2.0))
        want = np.add(mean, np.multiply(2.0, deviation))
        assert_close(got, want, tolerance=tolerance, dtype=dtype)
    got = device(table, time=2.0).program(g, noise=given_by(1.0))
    assert_close(got, (0.0, 0.55, 1.03), tolerance=tolerance, dtype=dtype)


def test_until_the_first_measurement_nothing_drifts(table):
    early = device(table, time=0.0).drift(TARGETS, noise=given_by(1.0))
    first = device(table, time=1.0).drift(TARGETS, noise=given_by(1.0))
    np.testing.assert_array_equal(early, first)


def test_between_points_curves_are_monotone_and_stay_within_them(table):
    g = np.linspace(0, 1, 201)
    zeros = Injected.of(*[np.zeros(201)] * 3)
    for time in (1.0, 1.7, 3.0):
        mean = device(table, time=time).drift(g, noise=zeros)
        assert (np.diff(mean) > 0).all()
    middle = device(table, time=2.0).drift(TARGETS, noise=given_by(0.0))
    np.testing.assert_allclose(middle, [0.01, 0.46, 0.90], atol=1e-12)


def test_read_noise_is_told_by_the_conductance_that_a_cell_holds(table):
    for time, held, deviation in (
        (1.0, (0.0, 0.52, 0.99), (0.0, 0.01, 0.03)),
        (3.0, (0.02, 0.40, 0.81), (0.0, 0.02, 0.04)),
    ):
        model = device(table, time=time)
        mean, found = model.read_moments(np.asarray(held))
        assert_close(mean, held)
        assert_close(found, deviation, tolerance=1e-12)
        got = model.read(np.asarray(held), noise=given_by(-1.0))
        assert_close(got, np.subtract(held, deviation), tolerance=1e-12)


def test_beyond_the_measured_range_shift_and_deviations_stay(table):
    g = np.asarray([-0.1, 1.2, 1.4])
    got = device(table, time=1.0).drift(g, noise=given_by(1.0))
    assert_close(got, (-0.1, 1.2 - 0.01 + 0.04, 1.4 - 0.01 + 0.04), tolerance=1e-12)
    assert_close(device(table, time=1.0).read_moments(g)[1], (0.0, 0.03, 0.03), tolerance=1e-12)


def test_a_cell_beyond_the_measured_range_is_refused(table):
    with pytest.raises(ParameterError, match=r"0 to 10 µS; .* give .* to 10\.2041 µS"):
        device(table, Rmin=0.98e5)


@pytest.mark.parametrize("slot", ["drift_error", "read_noise"])
def test_a_time_after_the_last_measurement_is_refused(table, slot):
    params = CrossSimParameters()
    params.xbar.device.update({"Rmin": 1e5, "Rmax": 1e9, "time": 3.5})
    setattr(params.xbar.device, slot, {"enable": True, "model": "MeasuredDevice", "file": table})
    with pytest.raises(ParameterError, match=r"ends 3 h after programming; the time is 3\.5 h"):
        AnalogCore(np.eye(2), params)


def test_read_noise_that_was_not_measured_is_refused(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("\n".join(line.rpartition(",")[0] for line in TABLE.splitlines()))
    model = device(str(path), time=1.0)
    model.drift(TARGETS, noise=given_by(0.0))
    with pytest.raises(ParameterError, match="no column 'read noise'"):
        model.check_slot("read_noise")
    with pytest.raises(ParameterError, match="no column 'read noise'"):
        model.read(TARGETS, noise=given_by(0.0))


def test_parameters_name_the_file_and_are_checked_before_a_core_is_built(table):
    params = CrossSimParameters()
    params.xbar.device.update({"Rmin": 1e5, "Rmax": 1e9})
    slot = params.xbar.device.programming_error
    slot.model, slot.enable = "MeasuredDevice", True
    with pytest.raises(ParameterError, match=r"^xbar\.device\.programming_error\.file: .*needs"):
        params.validate()
    slot.file = "nowhere.csv"
    with pytest.raises(ParameterError, match=r"^xbar\.device\.programming_error\.file: .*nowhere"):
        params.validate()
    slot.file = table
    again = CrossSimParameters.from_dict(json.loads(json.dumps(params.to_dict())))
    assert again == params
    assert AnalogCore(np.eye(2), again, seed=1).get_matrix()[0, 0] != 1.0


def test_a_disabled_record_needs_no_file():
    params = CrossSimParameters()
    params.xbar.device.read_noise.model = "MeasuredDevice"
    params.validate()


def test_the_plot_shows_points_and_curves_for_each_time(table):
    matplotlib = pytest.importorskip("matplotlib", reason="needs the extra crosssim-devices[plot]")
    matplotlib.use("Agg")
    figure = plot_measurements(table)
    assert [panel.get_title() for panel in figure.axes] == [
        "Mean − target",
        "Standard deviation",
        "Read noise",
    ]
    for panel in figure.axes:
        assert len(panel.lines) == 4
        for points, curve in zip(panel.lines[::2], panel.lines[1::2], strict=True):
            on_curve = np.interp(points.get_xdata(), curve.get_xdata(), curve.get_ydata())
            np.testing.assert_allclose(on_curve, points.get_ydata(), atol=0.02)
    said = [[t.get_text() for t in p.get_legend().get_texts()] for p in figure.axes[:2]]
    assert said == [["1 h", "3 h"], ["measured", "simulated"]]
    matplotlib.pyplot.close(figure)


def test_the_plot_without_matplotlib_says_what_to_install(table, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        plot_measurements(table)
    assert "pip install 'crosssim-devices[plot]'" in caught.value.__notes__[0]
