"""The chain of a core, with every parameter at once."""

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from chain_cases import chain_cases
from hypothesis import given, settings
from watch import Watch

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
