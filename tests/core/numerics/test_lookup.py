"""Look-up in tables of piecewise constant functions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosssim_core._array import as_host
from crosssim_core.numerics.lookup import look_up


def table(seed, rows, depth):
    rng = np.random.default_rng(seed)
    thresholds = np.sort(rng.integers(-6, 6, (rows, 2**depth)) / 2, axis=1)
    thresholds[:, -1] = np.inf
    return thresholds, rng.normal(size=(rows, 2**depth))


@given(
    seed=st.integers(0, 999),
    depth=st.integers(0, 5),
    lines=st.integers(1, 6),
    shared=st.integers(1, 3),
    axis=st.sampled_from([0, 1, 2, -1, -2]),
)
@settings(max_examples=40)
def test_the_number_of_thresholds_below_decides(xp, seed, depth, lines, shared, axis):
    rows = -(-lines // shared)
    thresholds, values = table(seed, rows, depth)
    shape = [2, 3, 2]
    shape[axis] = lines
    x = np.random.default_rng(seed + 1).integers(-8, 8, shape) / 2
    got = look_up(
        xp.asarray(x),
        thresholds=xp.asarray(thresholds),
        values=xp.asarray(values),
        axis=axis,
        lines_per_row=shared,
    )
    want = np.empty(shape)
    for place in np.ndindex(*shape):
        row = place[axis] // shared
        want[place] = values[row, np.count_nonzero(thresholds[row] < x[place])]
    np.testing.assert_array_equal(as_host(got), want)


@pytest.mark.parametrize("rows", [1, 2])
def test_what_is_missing_stays_missing(xp, rows):
    thresholds, values = table(0, rows, 3)
    x = xp.asarray([[np.nan, 0.0], [1.0, np.nan]])
    got = look_up(
        x,
        thresholds=xp.asarray(thresholds),
        values=xp.asarray(values),
        axis=1,
        lines_per_row=1 if rows == 2 else 2,
    )
    np.testing.assert_array_equal(np.isnan(as_host(got)), [[True, False], [False, True]])
