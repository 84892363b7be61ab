"""What a tap sees in the simplified chain is what it sees in the literal one."""

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from chain_cases import chain_cases
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from watch import Watch

from crosssim_core.cores.profile import Profile

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")


def recorded(case, shows, bins, *, literal):
    """A product, and what was recorded of it."""
    core = case.core(literal=literal)
    arrays = core._arrays.held.arrays
    profile = Profile(arrays.plan, inputs=True, currents=shows, bins=bins, images=False)
    arrays.profile = profile
    return case.product(core), profile


@settings(max_examples=300)
@given(chain_cases(), st.sampled_from(("digits", "conversions")))
def test_both_chains_show_the_same_currents(case, shows):
    oracle = case.core(literal=True)
    watch = Watch(oracle, case.side)
    case.product(oracle)
    assume(not watch.dac_ties())
    _, want = recorded(case, shows, 0, literal=True)
    _, got = recorded(case, shows, 0, literal=False)
    np.testing.assert_array_equal(got.xbar_values(case.side), want.xbar_values(case.side))
    for a, b in zip(got.adc_inputs(case.side), want.adc_inputs(case.side), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


@settings(max_examples=100)
@given(chain_cases(), st.sampled_from(("digits", "conversions")), st.booleans())
def test_a_tap_changes_no_product(case, shows, literal):
    oracle = case.core(literal=True)
    watch = Watch(oracle, case.side)
    case.product(oracle)
    want = case.product(case.core(literal=literal))
    certain = ~watch.ties(case.batch)
    if case.complex:
        certain = np.all(np.split(certain, 2, axis=-1), axis=0)
    got, _ = recorded(case, shows, 16, literal=literal)
    size = max(1.0, np.max(np.abs(want), initial=0.0))
    np.testing.assert_allclose(got[certain], want[certain], rtol=0, atol=1e-9 * size)
