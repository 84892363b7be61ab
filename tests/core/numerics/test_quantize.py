"""Rounding to equidistant levels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crosssim_core._array import as_host
from crosssim_core.numerics.quantize import quantize_stochastic, quantize_uniform

RANGES = st.tuples(st.floats(-5, 5), st.floats(0.1, 5), st.integers(2, 300))
SIGNALS = hnp.arrays(
    np.float64, hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(-9, 9)
)


@given(range_=RANGES, x=SIGNALS)
def test_the_nearest_level_is_taken(range_, x):
    low, width, levels = range_
    got = quantize_uniform(x, low=low, high=low + width, levels=levels)
    grid = low + width * np.arange(levels) / (levels - 1)
    nearest = np.min(np.abs(grid - np.clip(x, low, low + width)[..., None]), axis=-1)
    inside = np.clip(x, low, low + width)
    np.testing.assert_allclose(np.abs(got - inside), nearest, rtol=0, atol=1e-12)


@given(range_=RANGES, x=SIGNALS)
@settings(max_examples=30)
def test_every_library_takes_the_same_level(xp, range_, x):
    low, width, levels = range_
    settings_ = {"low": low, "high": low + width, "levels": levels}
    before = x.copy()
    got = quantize_uniform(xp.asarray(x.copy()), **settings_)
    np.testing.assert_array_equal(as_host(got), quantize_uniform(x, **settings_))
    np.testing.assert_array_equal(x, before)


@given(range_=RANGES, x=SIGNALS, noise=st.floats(0, 0.999))
def test_random_rounding_takes_one_of_the_two_neighbours(range_, x, noise):
    low, width, levels = range_
    deviates = np.full(x.shape, noise)
    got = quantize_stochastic(x, low=low, high=low + width, levels=levels, noise=deviates)
    step = width / (levels - 1)
    inside = np.clip(x, low, low + width)
    assert np.all(np.abs(got - inside) <= step * (1 + 1e-9))
    codes = (got - low) / step
    np.testing.assert_allclose(codes, np.round(codes), rtol=0, atol=1e-8)


def test_ties_go_to_the_even_code(xp):
    x = xp.asarray([0.5, 1.5, 2.5, 3.5, 14.5, 15.5, -0.5])
    got = quantize_uniform(x, low=0.0, high=15.0, levels=16)
    np.testing.assert_array_equal(as_host(got), [0, 2, 2, 4, 14, 15, 0])


@pytest.mark.parametrize("x", [np.float64(0.3), np.float32(0.3)])
def test_single_numbers_of_numpy_keep_their_type(x):
    assert type(quantize_uniform(x, low=0.0, high=1.0, levels=11)) is type(x)
