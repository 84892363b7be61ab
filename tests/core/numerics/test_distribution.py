"""Values and histograms tell the same about a distribution."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crosssim_core.numerics.distribution import Histogram, Values

numbers = st.floats(-1e6, 1e6).map(lambda v: v if abs(v) > 1e-9 else 0.0)
samples = hnp.arrays(np.float64, hnp.array_shapes(max_dims=2, max_side=10), elements=numbers)


def counted(*parts, bins=64):
    histogram = Histogram(bins)
    for part in parts:
        histogram.add(part)
    return histogram


@given(samples, samples)
def test_a_histogram_counts_every_value_once_whatever_came_first(first, second):
    histogram = counted(first, second)
    both = np.concatenate([first.ravel(), second.ravel()])
    assert histogram.count == histogram.counts.sum() == both.size
    assert (histogram.low, histogram.high) == (both.min(), both.max())
    want, _ = np.histogram(both, histogram.edges)
    # Where a value sits on an edge, only the last bin of NumPy holds its upper end.
    np.testing.assert_array_equal(histogram.counts, want)
    reverse = counted(second, first)
    np.testing.assert_array_equal(reverse.counts, histogram.counts)


@given(samples, samples)
def test_merged_histograms_are_the_histogram_of_all(first, second):
    merged, other = counted(first), counted(second)
    before = copy.deepcopy(other)
    merged.merge(other)
    both = counted(first, second)
    np.testing.assert_array_equal(merged.counts, both.counts)
    np.testing.assert_allclose(merged.sums, both.sums, rtol=1e-12, atol=1e-6)
    assert (merged.low, merged.high, merged.count) == (both.low, both.high, both.count)
    np.testing.assert_array_equal(other.counts, before.counts)


@given(samples, st.floats(0, 1))
def test_a_quantile_of_values_is_the_one_of_numpy(x, fraction):
    np.testing.assert_allclose(Values(x).quantile(fraction), np.quantile(x, fraction), atol=1e-6)


@given(samples, st.floats(0, 1))
def test_a_quantile_of_a_histogram_lies_within_a_bin_of_neighbouring_values(x, fraction):
    histogram, ordered = counted(x), np.sort(x, axis=None)
    width = histogram.edges[1] - histogram.edges[0]
    place = fraction * (x.size - 1)
    low, high = ordered[int(np.floor(place))], ordered[int(np.ceil(place))]
    assert low - width <= histogram.quantile(fraction) <= high + width


@given(samples, numbers)
def test_the_share_below_a_value_is_right_to_the_counts_of_its_bin(x, value):
    exact, histogram = Values(x), counted(x)
    slack = histogram.counts.max() / x.size
    assert exact.below(value) == np.mean(x < value)
    assert abs(histogram.below(value) - exact.below(value)) <= slack + 1e-12
    assert histogram.below(histogram.low) == 0.0
    assert histogram.below(np.nextafter(histogram.high, np.inf)) == 1.0


def test_a_histogram_keeps_its_size_and_the_mean_of_each_bin():
    histogram = counted(*(np.full(3, 10.0**k) for k in range(-6, 7)), bins=62)
    assert len(histogram.counts) == 64
    values, counts = histogram.points()
    assert counts.sum() == 39
    assert values @ counts == pytest.approx(3 * sum(10.0**k for k in range(-6, 7)))


def test_zeros_and_numbers_without_size_are_no_trouble():
    histogram = counted(np.zeros(4), np.array([np.nan, np.inf, 0.5]), np.zeros(0))
    assert (histogram.count, histogram.low, histogram.high) == (5, 0.0, 0.5)
    assert histogram.quantile(1.0) == 0.5


def test_arrays_of_every_library_are_counted(xp):
    x = np.linspace(-1, 2, 31)
    np.testing.assert_array_equal(counted(xp.asarray(x)).counts, counted(x).counts)
    assert Values(xp.asarray(x)).quantile(0.5) == 0.5
