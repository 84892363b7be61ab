"""What cells hold after they were written: levels, then errors or drift, then limits."""

import numpy as np
import pytest
from analog_settings import tree
from injection import Injected, given

from crosssim_core import AnalogCore
from crosssim_core._array import as_host
from crosssim_core.chain.write import CellWriter
from crosssim_core.numerics.levels import round_to_levels
from crosssim_core.parameters import DeviceParameters

PROGRAM = {"model": "NormalIndependentDevice", "magnitude": 0.08}
Z = (1.0, -2.0, 0.5)
G = (0.1, 0.5, 1.0)
DRIFTED = {
    0.0: (0.107413520, 0.475407695, 1.006213866),
    1.0: (0.110039565, 0.466070835, 1.000787925),
}
"""SONOS at two times."""


def device(**settings):
    return DeviceParameters(Rmin=62.5e3, Rmax=625e3, **settings)


@pytest.mark.parametrize(("clip", "last"), [(False, 1.04), (True, 1.0)])
def test_levels_come_before_errors_and_limits_last(xp, clip, last):
    parameters = device(
        cell_bits=3, clip_conductance=clip, programming_error={"enable": True, **PROGRAM}
    )
    levels = round_to_levels(given(xp, (0.1, 0.47, 0.99)), g_min=0.1, bits=3)
    got = CellWriter.of(parameters).write(levels, noise=Injected.of(Z))
    np.testing.assert_allclose(as_host(got), (0.18, 0.3257142857, last), rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")
@pytest.mark.parametrize("time", [0.0, 1.0])
@pytest.mark.parametrize("programs", [False, True])
@pytest.mark.parametrize("drifts", [False, True])
@pytest.mark.parametrize("clips", [False, True])
def test_time_and_what_is_enabled_decide_which_error_applies(time, programs, drifts, clips):
    """At time 0 an enabled programming error, else drift; later drift alone."""
    parameters = device(
        time=time,
        clip_conductance=clips,
        programming_error={"enable": programs, **PROGRAM},
        drift_error={"enable": drifts, "model": "SONOS"},
    )
    got = CellWriter.of(parameters).write(np.asarray(G), noise=Injected.of(Z))
    want = np.asarray(G)
    if time == 0 and programs:
        want = want + 0.08 * np.asarray(Z)
    elif drifts:
        want = np.asarray(DRIFTED[time])
    if clips:
        want = np.clip(want, 0.1, 1.0)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-8)


@pytest.mark.parametrize("time", [0.0, 1.0])
def test_each_slot_may_have_a_model_of_another_kind(time):
    """Programming of phase-change cells or drift of SONOS, read noise in proportion.

    False alarm below 1e-6: 6 standard errors of means and variances over 20,000 reads.
    """
    matrix = np.random.default_rng(1).uniform(-1, 1, (3, 8))
    x, reads = np.random.default_rng(2).uniform(-1, 1, 8), 20_000
    stored = {
        "xbar.device": {"Rmin": 62.5e3, "infinite_on_off_ratio": True, "time": time},
        "xbar.device.programming_error": {"enable": True, "model": "PCMJoshi"},
        "xbar.device.drift_error": {"enable": True, "model": "SONOS"},
        "core.mapping.weights": {"percentile": None, "min": -1.0, "max": 1.0},
    }
    noise = {"enable": True, "model": "NormalProportionalDevice", "magnitude": 0.05}
    held = AnalogCore(matrix, tree(stored), seed=3)
    core = AnalogCore(matrix, tree(stored, {"xbar.device.read_noise": noise}), seed=3)
    np.testing.assert_array_equal(core.get_matrix(), held.get_matrix())
    spread = np.sqrt(np.mean((held.get_matrix() - matrix) ** 2))
    assert (0.02 < spread < 0.08) if time == 0 else (0.003 < spread < 0.02)

    y = core @ np.repeat(x[:, None], reads, axis=1)
    # One cell of each pair holds the weight, the other one next to nothing.
    variance = 0.05**2 * held.get_matrix() ** 2 @ x**2
    np.testing.assert_array_less(np.abs(y.mean(1) - held @ x), 6 * np.sqrt(variance / reads))
    np.testing.assert_allclose(y.var(1), variance, rtol=6 * np.sqrt(2 / reads) + 0.01)
