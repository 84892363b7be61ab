"""Look-up in tables of piecewise constant functions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosssim_core._array import as_host
from crosssim_core.numerics.lookup import MOST_ENTRIES, _look_up, look_up, lookup_of

SPACINGS = {
    "even": lambda rng, shape: np.cumsum(np.ones(shape), axis=1) / 8,
    "uneven": lambda rng, shape: np.sort(rng.normal(size=shape), axis=1),
    "crowded": lambda rng, shape: np.sort(rng.normal(size=shape) ** 15, axis=1),
    "equal": lambda rng, shape: np.sort(rng.integers(-3, 3, shape) / 2, axis=1),
    "tiny": lambda rng, shape: np.sort(rng.normal(size=shape), axis=1) * 1e-37,
    "huge": lambda rng, shape: np.sort(rng.uniform(-1, 1, shape), axis=1) * 3e38,
    "neighbours": lambda rng, shape: 1 + np.cumsum(np.full(shape, 2.0**-23), axis=1),
}


def table(seed, rows, width, spacing="equal", dtype="float64"):
    """Random rows, some of them with fewer thresholds than the width allows."""
    rng = np.random.default_rng(seed)
    thresholds = SPACINGS[spacing](rng, (rows, width)).astype(dtype)
    for row in thresholds:
        row[rng.integers(0, width) if seed % 2 else width - 1 :] = np.inf
    return thresholds, rng.normal(size=(rows, width)).astype(dtype)


def planted(thresholds, seed):
    """Arguments (row by row): every threshold, its two neighbours, and whatever lies around."""
    rng = np.random.default_rng(seed)
    dtype = thresholds.dtype
    finite = np.where(np.isfinite(thresholds), thresholds, 0).astype(dtype)
    ends = np.asarray([-np.inf, np.inf, -1e30, 1e30, 0.0, -0.0], dtype=dtype)
    low, high = float(finite.min()), float(finite.max())
    anywhere = rng.uniform(1.1 * low, 1.1 * high, (len(finite), 40)).clip(-3.4e38, 3.4e38)
    return np.concatenate(
        [
            finite,
            np.nextafter(finite, dtype.type(-np.inf)),
            np.nextafter(finite, dtype.type(np.inf)),
            np.tile(ends, (len(finite), 1)),
            anywhere.astype(dtype),
        ],
        axis=1,
    )


def counted(x, thresholds, values):
    """The definition: the value for the number of thresholds strictly below, row by row."""
    rows = zip(x, thresholds, values, strict=True)
    return np.stack([v[np.count_nonzero(t < y[:, None], axis=1)] for y, t, v in rows])


@given(
    seed=st.integers(0, 999),
    rows=st.integers(1, 5),
    width=st.integers(1, 70),
    spacing=st.sampled_from(sorted(SPACINGS)),
    dtype=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=80)
def test_the_number_of_thresholds_below_decides_on_and_beside_each(
    xp, seed, rows, width, spacing, dtype
):
    thresholds, values = table(seed, rows, width, spacing, dtype)
    x = planted(thresholds, seed)
    steps = lookup_of(xp.asarray(thresholds), xp.asarray(values))
    # Compiled where Numba is installed, and always by operations on arrays.
    for way in (look_up, lambda *args, axis, lines_per_row: _look_up(*args, axis, lines_per_row)):
        got = way(xp.asarray(x), steps, axis=0, lines_per_row=1)
        assert got.dtype == getattr(xp, dtype)
        np.testing.assert_array_equal(as_host(got), counted(x, thresholds, values))


@given(
    seed=st.integers(0, 999),
    lines=st.integers(1, 6),
    shared=st.integers(1, 3),
    axis=st.sampled_from([0, 1, 2, -1, -2]),
)
@settings(max_examples=25)
def test_lines_find_their_row_along_any_axis(xp, seed, lines, shared, axis):
    thresholds, values = table(seed, -(-lines // shared), 8)
    shape = [2, 3, 2]
    shape[axis] = lines
    x = np.random.default_rng(seed + 1).integers(-8, 8, shape) / 2
    steps = lookup_of(xp.asarray(thresholds), xp.asarray(values))
    got = look_up(xp.asarray(x), steps, axis=axis, lines_per_row=shared)
    row = np.arange(lines) // shared
    by_line = np.moveaxis(x, axis, 0).reshape(lines, -1)
    want = counted(by_line, thresholds[row], values[row])
    got_by_line = np.moveaxis(as_host(got), axis, 0).reshape(lines, -1)
    np.testing.assert_array_equal(got_by_line, want)


@pytest.mark.parametrize("rows", [1, 2])
def test_what_is_missing_stays_missing(xp, rows):
    thresholds, values = table(0, rows, 8)
    x = xp.asarray([[np.nan, 0.0], [1.0, np.nan]])
    steps = lookup_of(xp.asarray(thresholds), xp.asarray(values))
    got = look_up(x, steps, axis=1, lines_per_row=2 // rows)
    np.testing.assert_array_equal(np.isnan(as_host(got)), [[True, False], [False, True]])
    np.testing.assert_array_equal(np.isnan(as_host(x)), [[True, False], [False, True]])


def test_one_comparison_is_enough_where_thresholds_are_apart():
    even, values = table(0, 3, 256, "even")
    assert (lookup_of(even, values).width, lookup_of(even, values).grid.cells) == (2, 256)
    uneven, values = table(0, 3, 256, "uneven")
    assert lookup_of(uneven, values).width <= 8


def test_tables_of_thresholds_in_one_place_stay_small():
    crowded, values = table(0, 64, 1024, "crowded")
    steps = lookup_of(crowded, values)
    assert steps.values.shape[0] <= MOST_ENTRIES
    x = planted(crowded, 1)
    got = look_up(x, steps, axis=0, lines_per_row=1)
    np.testing.assert_array_equal(got, counted(x, crowded, values))
