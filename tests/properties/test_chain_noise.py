"""Read noise in both chains: the same response to the same deviates, whatever the parameters."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the noise models are models of that package")

from chain_cases import ERRORS, chain_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from watch import Watch

from crosssim_core.cores import ProgrammedArrays
from crosssim_core.random import Occasions

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

UNTOUCHED = {
    "xbar.device.Rmax": 2e3,
    "xbar.device.infinite_on_off_ratio": False,
    "xbar.device.clip_conductance": False,
}
"""Cells that no read takes to the ends of their range."""
STILL = {f"xbar.adc.{side}.stochastic_rounding": False for side in ("mvm", "vmm")}
LINEAR = {"xbar.adc.mvm.bits": 0, "xbar.adc.vmm.bits": 0, "xbar.array.Icol_max": 0.0}


@st.composite
def noisy_cases(draw, linear):
    case = draw(chain_cases())
    trees = []
    for given_settings in case.trees:
        changes = UNTOUCHED | (LINEAR if linear else STILL)
        noise = {
            "xbar.device.read_noise.enable": draw(st.sampled_from((True, True, False))),
            "xbar.device.read_noise.model": draw(st.sampled_from(ERRORS)),
            "xbar.device.read_noise.magnitude": 1e-3,
        }
        kept = changes if given_settings.get("xbar.adc.match") is False else mvm_only(changes)
        trees.append(given_settings | kept | noise)
    return replace(case, trees=tuple(trees))


def mvm_only(settings):
    """``settings`` of matched sides."""
    return {path: value for path, value in settings.items() if ".vmm." not in path}


class Probe:
    """Deviates of 0, but for one of each vector: number k of vector k is one deviation.

    Vectors lie along the first axis. A uniform deviate of 0 is one in the middle.
    """

    def __init__(self):
        self.drawn = 0

    def normal_like(self, x):
        own = x.size // x.shape[0]
        number = self.drawn + np.arange(own)
        self.drawn += own
        return (np.arange(x.shape[0])[:, None] == number).reshape(x.shape).astype(x.dtype)

    def uniform_like(self, x):
        return 0.5 + 12**-0.5 * self.normal_like(x)


class Quiet:
    """Deviates that are all in the middle."""

    def normal_like(self, x):
        return np.zeros_like(x)

    def uniform_like(self, x):
        return np.full_like(x, 0.5)


def read(core, side, x, source):
    arrays = ProgrammedArrays(core._plan, core._programmed.state, Occasions(), lambda _: source)
    return arrays.read(x, side)


def vectors(case, core, shape):
    inputs = core._plan.shape[case.side == "mvm"]
    x = np.random.default_rng(case.seed).uniform(-1.3, 1.3, (*shape, inputs))
    return np.round(8 * x) / 8 if case.on_grid else x


@settings(max_examples=150)
@given(noisy_cases(linear=False))
def test_reads_without_deviation_are_the_same_in_both_chains(case):
    literal = case.core(literal=True)
    x, watch = vectors(case, literal, case.batch), Watch(literal, case.side)
    want = read(literal, case.side, x, Quiet())
    certain = ~watch.ties(case.batch)
    got = read(case.core(), case.side, x, Quiet())
    size = max(1.0, np.max(np.abs(want), initial=0.0))
    np.testing.assert_allclose(got[certain], want[certain], rtol=0, atol=1e-9 * size)


@settings(max_examples=60)
@given(noisy_cases(linear=True))
def test_outputs_vary_together_as_the_cells_make_them(case):
    """The covariance of all outputs, by the response of each chain to every single deviate."""
    cores = [case.core(literal=literal) for literal in (True, False)]
    x = vectors(case, cores[0], (1,))
    probes = [Probe(), Probe()]
    for core, probe in zip(cores, probes, strict=True):
        read(core, case.side, x, probe)
    # As many vectors for both, on which input ranges may depend.
    x = np.repeat(x, 1 + max(probe.drawn for probe in probes), axis=0)
    covariances = []
    for core in cores:
        response = read(core, case.side, x, Probe()) - read(core, case.side, x, Quiet())
        covariances.append(response.T @ response)
    want, got = covariances
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-8 * max(1e-9, np.max(want)))
