"""Read noise of compiled loops: what is added, and how it is distributed."""

import numpy as np
import pytest
from scipy import stats

from crosssim_core.numerics import compiled
from crosssim_core.numerics.noise_loops import COUNTERS, add_noise_loops

ALARM = 1e-7
"""Probability that a statistical test here fails though all is right."""


@pytest.fixture(params=["compiled", "interpreted"])
def way(request):
    """Both ways that loops run, with the number of deviates that they draw in about a second."""
    if request.param == "interpreted":
        return add_noise_loops, 2**15
    if (compiler := compiled.loops_compiler()) is None:
        pytest.skip("Numba is not installed, or its compiler is off")
    return compiler(add_noise_loops), 2**24


@pytest.fixture
def add(way):
    """The loops alone."""
    return way[0]


def deviates(add, count, key=17):
    lines = np.zeros(count, np.float32)
    add(lines, np.ones_like(lines), key)
    return lines


def test_deviates_are_normal(way):
    drawn = deviates(*way).astype(float)
    bins = np.linspace(0, 1, 129)
    counts, _ = np.histogram(stats.norm.cdf(drawn), bins)
    assert stats.chisquare(counts).pvalue > ALARM
    assert stats.kstest(drawn, "norm").pvalue > ALARM


def test_tails_are_those_of_the_normal_distribution(way):
    drawn = deviates(*way)
    for limit in (3.0, 4.0, 5.0):
        for side in (drawn > limit, drawn < -limit):
            beyond = stats.binom(drawn.size, stats.norm.sf(limit))
            low, high = beyond.ppf(ALARM), beyond.isf(ALARM)
            assert low <= side.sum() <= high


def test_neighbours_and_partners_are_uncorrelated(way):
    drawn = deviates(*way).astype(float)
    for x in (drawn, drawn**2 - 1):
        for apart in (1, 2, *(n * COUNTERS for n in range(1, 5))):
            correlation = np.mean(x[apart:] * x[:-apart]) / np.mean(x * x)
            assert abs(correlation) * x.size**0.5 < stats.norm.isf(ALARM)


def test_keys_give_other_deviates_and_the_same_key_the_same(add):
    one, same, other = (deviates(add, 5000, key) for key in (2**63 - 1, 2**63 - 1, 2**62))
    assert np.array_equal(one, same)
    assert abs(np.mean(one * other)) * 5000**0.5 < stats.norm.isf(ALARM)


def test_compiled_deviates_are_those_of_the_loops_as_they_stand(add):
    ours, plain = deviates(add, 6000), deviates(add_noise_loops, 6000)
    assert np.allclose(ours, plain, rtol=1e-5, atol=1e-5)


def test_a_shorter_array_gets_the_first_deviates_of_a_longer_one(add):
    longer = deviates(add, 4 * COUNTERS + 7)
    assert np.array_equal(deviates(add, 5), longer[:5])


def test_noise_has_its_variance_and_is_added(add):
    variance = np.array([0.0, 4.0, -1e-9, np.nan, 0.25], np.float32)
    lines = np.arange(5, dtype=np.float32)
    add(lines, variance, 3)
    unit = deviates(add, 5, 3)
    assert lines[0] == 0
    assert lines[1] == pytest.approx(1 + 2 * unit[1])
    assert lines[2] == 2
    assert np.isnan(lines[3])
    assert lines[4] == pytest.approx(4 + 0.5 * unit[4])
    assert variance[2] < 0
