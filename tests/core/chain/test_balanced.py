"""The worked numbers of the BALANCED style."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crosssim_core.chain.balanced import BalancedMapping
from crosssim_core.chain.mapping import weights_of

W = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])


@pytest.mark.parametrize(
    ("two_sided", "bits", "plus", "minus"),
    [
        (False, 0, [[1, 0.1, 0.325], [0.37, 0.82, 0.1]], [[0.1, 0.55, 0.1], [0.1, 0.1, 1]]),
        (
            True,
            0,
            [[1, 0.325, 0.6625], [0.685, 0.91, 0.1]],
            [[0.1, 0.775, 0.4375], [0.415, 0.19, 1]],
        ),
        (False, 2, [[1, 0.1, 0.4], [0.4, 0.7, 0.1]], [[0.1, 0.7, 0.1], [0.1, 0.1, 1]]),
        (True, 2, [[1, 0.1, 0.7], [0.7, 0.7, 0.1]], [[0.1, 0.7, 0.4], [0.4, 0.1, 1]]),
    ],
)
def test_pairs_hold_the_conductances_of_the_worked_examples(xp, two_sided, bits, plus, minus):
    g = BalancedMapping(0.1, bits, two_sided).conductances(xp.asarray(W.copy()))
    np.testing.assert_allclose(np.asarray(g)[0], [plus, minus], rtol=0, atol=1e-12)


@given(
    w=hnp.arrays(np.float64, (3, 4), elements=st.floats(-1, 1)),
    bits=st.integers(2, 8),
    g_min=st.floats(0, 0.5),
)
def test_b13_two_sided_pairs_hold_the_nearest_level_of_the_difference(w, bits, g_min):
    mapping = BalancedMapping(g_min, bits, True)
    g = mapping.conductances(w)
    top = 2**bits - 1
    levels = (g - g_min) / (1 - g_min) * top
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-9)
    assert levels.min() > -1e-9
    assert levels.max() < top + 1e-9
    np.testing.assert_allclose(weights_of(mapping, g), np.round(w * top) / top, atol=1e-12)
    assert np.abs(levels.sum(axis=(0, 1)) - top).max() < 1 + 1e-9
