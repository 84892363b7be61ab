"""The chain of a core, with every parameter at once."""

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from chain_cases import chain_cases
from hypothesis import event, given, settings
from hypothesis import strategies as st
from watch import Watch

from crosssim_core.chain.product import MATRIX_PRODUCT
from crosssim_core.cores.programmed import ProgrammedArrays
from crosssim_core.random import Occasions

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")


def oracle(case):
    """Products of the literal chain, where they do not rest on a tie, and their size."""
    core = case.core(literal=True)
    watch = Watch(core, case.side)
    product = case.product(core)
    ties = watch.ties(case.batch)
    if case.complex:
        ties = np.any(np.split(ties, 2, axis=-1), axis=0)
    return product, ~ties, max(1.0, np.max(np.abs(product), initial=0.0))


@settings(max_examples=600)
@given(chain_cases())
def test_the_simplified_chain_is_the_literal_chain(case):
    want, certain, size = oracle(case)
    got = case.product(case.core())
    assert got.shape == want.shape
    np.testing.assert_allclose(got[certain], want[certain], rtol=0, atol=1e-9 * size)


@settings(max_examples=150)
@given(chain_cases())
def test_every_array_library_computes_the_same(xp, case):
    if xp is np:
        pytest.skip("compares others with NumPy")
    want, certain, size = oracle(case)
    for literal in (False, True):
        core = case.core(xp, literal=literal)
        got = case.product(core, xp)
        np.testing.assert_allclose(got[certain], want[certain], rtol=0, atol=1e-9 * size)


@settings(max_examples=300)
@given(chain_cases(), st.booleans())
def test_the_straight_way_through_arrays_gives_the_same_bits(case, biased):
    held, side = case.core()._programmed, case.side
    # Each counts its reads from 0, and draws the same noise.
    arrays, twin = (ProgrammedArrays(held.plan, held.state, Occasions()) for _ in range(2))
    outputs, inputs = arrays.plan.shape[:: 1 if side == "mvm" else -1]
    rng = np.random.default_rng(case.seed)
    x = rng.uniform(-1.3, 1.3, (*(case.batch or (2,)), inputs))
    bias = rng.uniform(-1, 1, outputs) if biased else None
    read = arrays.straight(x, side, MATRIX_PRODUCT)
    if read is None:
        event("no straight way")
        return
    before = x.copy()
    for _ in range(2):
        np.testing.assert_array_equal(read(x, bias), twin.read(x, side, bias=bias))
    np.testing.assert_array_equal(x, before)
    event(f"noise: {arrays._noise(side) is not None}")
