"""SONOS cells against the measurements."""

import numpy as np
import pytest
from injection import Injected, assert_close, given
from moments import clipped_normal

from crosssim_core.devices import Cell, DriftsCells, ProgramsCells, ReadsCells
from crosssim_core.devices.interface import DeclaresReadMoments
from crosssim_core.errors import ParameterError, ParameterWarning
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins.registry import factory
from crosssim_core.random import Stream
from crosssim_devices.cells.sonos import SPREAD, at_time

RECORD = DeviceErrorParams(enable=True, model="SONOS")


def sonos(*, time=0.0, Rmin=62500.0, Rmax=6.25e11, Vread=0.1):
    return factory("device", "SONOS")(RECORD, Cell(Rmin, Rmax, Vread, time))


@pytest.mark.parametrize(
    ("role", "time", "want"),
    [
        ("program", 0.0, (0.107413520, 0.475407695, 1.006213866)),
        ("drift", 0.0, (0.107413520, 0.475407695, 1.006213866)),
        ("drift", 1.0, (0.110039565, 0.466070835, 1.000787925)),
        ("drift", 2.5, (0.112164919, 0.457894886, 0.993936687)),
        ("read", 0.0, (0.104122262, 0.484657686, 1.003929032)),
        ("read", 3.0, (0.104122262, 0.484657686, 1.003929032)),
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-6)])
def test_given_deviates_lead_to_known_conductances(xp, role, time, want, dtype, tolerance):
    g = given(xp, (0.1, 0.5, 1.0), dtype)
    got = getattr(sonos(time=time), role)(g, noise=Injected.of((1.0, -2.0, 0.5)))
    assert_close(got, want, tolerance=tolerance, dtype=dtype)
    assert_close(g, (0.1, 0.5, 1.0), tolerance=1e-7)


def test_after_five_days_drift_is_extrapolated_with_a_warning():
    noise = Injected.of((1.0, -2.0, 0.5))
    with pytest.warns(ParameterWarning, match="7 days"):
        got = sonos(time=7.0).drift(np.asarray((0.1, 0.5, 1.0)), noise=noise)
    assert_close(got, (0.114845600, 0.444787610, 0.982838815))


@pytest.mark.parametrize(
    ("time", "current", "amplitude", "characteristic"),
    [
        (1, (0.172684, 81.816872, 400.615458, 796.173221, 1588.467771), 25.59102, 186.85544),
        (1.5, (0.211698, 82.136143, 400.271591, 794.085800, 1583.047717), 27.159275, 190.21189),
        (2, (0.250712, 82.455414, 399.927725, 791.998379, 1577.627662), 28.72753, 193.56834),
        (2.5, (0.116591, 82.987320, 400.373763, 791.342914, 1575.360896), 29.885355, 196.23583),
        (3, (-0.017530, 83.519226, 400.819802, 790.687448, 1573.094130), 31.04318, 198.90332),
        (4, (0.040334, 83.599624, 398.454590, 786.109359, 1561.728499), 33.76214, 204.77023),
        (5, (0.319927, 84.089677, 398.532072, 784.826893, 1559.301550), 34.57909, 207.34309),
        (7, (0.879113, 85.069782, 398.687038, 782.261962, 1554.447653), 36.21299, 212.48881),
    ],
)
@pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")
def test_mean_currents_and_spreads_follow_the_table(time, current, amplitude, characteristic):
    g = np.asarray((0, 0.05, 0.25, 0.5, 1))
    drifted = sonos(time=float(time)).drift(g, noise=Injected.of(np.zeros(5)))
    np.testing.assert_allclose(drifted * 1600, current, rtol=0, atol=1e-6)
    assert at_time(SPREAD, time) == pytest.approx((amplitude, characteristic), abs=1e-9)


MEASURED = [
    ("program", 0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ("program", 0, 0.05, 0.05, 0.0045336, 0.05, 0.0045336),
    ("program", 0, 0.25, 0.25, 0.0111434, 0.25, 0.0111434),
    ("program", 0, 0.5, 0.5, 0.0122962, 0.5, 0.0122962),
    ("program", 0, 1.0, 1.0, 0.0124277, 1.0, 0.0124277),
    ("drift", 1, 0.0, 0.0001079, 0.0000148, 0.0001079, 0.0000148),
    ("drift", 1, 0.05, 0.0511355, 0.0056714, 0.0511355, 0.0056714),
    ("drift", 1, 0.25, 0.2503847, 0.0141201, 0.2503847, 0.0141201),
    ("drift", 1, 0.5, 0.4976083, 0.0157687, 0.4976083, 0.0157687),
    ("drift", 1, 1.0, 0.9927924, 0.0159911, 0.9927924, 0.0159911),
    ("drift", 2.5, 0.0, 0.0000729, 0.0000111, 0.0000729, 0.0000111),
    ("drift", 2.5, 0.05, 0.0518671, 0.0064413, 0.0518671, 0.0064413),
    ("drift", 2.5, 0.25, 0.2502336, 0.0162503, 0.2502336, 0.0162503),
    ("drift", 2.5, 0.5, 0.4945893, 0.0183472, 0.4945893, 0.0183472),
    ("drift", 2.5, 1.0, 0.9846006, 0.0186723, 0.9846006, 0.0186723),
    ("drift", 5, 0.0, 0.0002000, 0.0000333, 0.0002000, 0.0000333),
    ("drift", 5, 0.05, 0.0525560, 0.0072053, 0.0525560, 0.0072053),
    ("drift", 5, 0.25, 0.2490825, 0.0184501, 0.2490825, 0.0184501),
    ("drift", 5, 0.5, 0.4905168, 0.0211212, 0.4905168, 0.0211212),
    ("drift", 5, 1.0, 0.9745635, 0.0216002, 0.9745635, 0.0216002),
    ("read", 0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ("read", 0, 0.05, 0.05, 0.0024396, 0.05, 0.0024396),
    ("read", 0, 0.25, 0.25, 0.0066354, 0.25, 0.0066354),
    ("read", 0, 0.5, 0.5, 0.0076712, 0.5, 0.0076712),
    ("read", 0, 1.0, 1.0, 0.0078581, 1.0, 0.0078581),
]


@pytest.mark.parametrize(("role", "time", "g", "mu", "sigma", "mean", "deviation"), MEASURED)
def test_samples_have_the_moments_of_the_closed_form(role, time, g, mu, sigma, mean, deviation):
    """False alarm below 1e-8 for each row: 6 standard errors of the mean, 9 of the deviation."""
    model = sonos(time=float(time))
    cells = np.full(200_000, g)
    noise = Stream.of(11).child(role, round(10 * time)).source()
    samples = np.clip(getattr(model, role)(cells, noise=noise), 0, None)
    assert clipped_normal(mu, sigma) == pytest.approx((mean, deviation), abs=2e-7)
    assert samples.mean() == pytest.approx(mean, abs=6 * deviation / 447 + 6e-8)
    assert samples.std() == pytest.approx(deviation, rel=0.015, abs=1e-7)
    if role == "read":
        assert [float(moment[0]) for moment in model.read_moments(cells)] == pytest.approx(
            [mu, sigma], abs=1e-7
        )


def test_only_the_largest_conductance_counts_for_the_unit_of_the_error():
    g, z = np.asarray((0.1, 0.5, 1.0)), (1.0, -2.0, 0.5)
    one = sonos(Rmax=625000.0).program(g, noise=Injected.of(z))
    infinite = sonos(Rmax=np.inf).program(g, noise=Injected.of(z))
    np.testing.assert_array_equal(one, infinite)


def test_sonos_fills_three_slots():
    model = sonos()
    for ability in (ProgramsCells, DriftsCells, ReadsCells, DeclaresReadMoments):
        assert isinstance(model, ability)
    assert model.read_is_normal


def test_a_cell_with_too_much_current_is_refused():
    sonos(Rmin=0.1 / 3200e-9)
    with pytest.raises(ParameterError, match=r"3200 nA.*31000 Ω gives 3225"):
        sonos(Rmin=31000.0)


def test_drift_has_a_lower_limit_of_current_and_only_after_programming():
    g, edge = np.ones(2), 0.1 / 1800e-9
    noise = Injected.of(*([np.zeros(2)] * 3))
    sonos(Rmin=edge, time=0.0).drift(g, noise=noise)
    sonos(Rmin=edge * 1.0001, time=1.0).drift(g, noise=noise)
    model = sonos(Rmin=edge / 1.0001, time=1.0)
    with pytest.raises(ParameterError, match="1800 nA"):
        model.drift(g, noise=noise)
    with pytest.raises(ParameterError, match="1800 nA"):
        model.check_slot("drift_error")
    model.check_slot("read_noise")


def test_a_time_before_programming_is_refused():
    with pytest.raises(ParameterError, match="negative"):
        sonos(time=-1.0).drift(np.ones(2), noise=Injected.of(np.zeros(2)))
