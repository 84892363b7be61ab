import numpy as np
import pytest

from crosssim_core.numerics.limits import SMALLEST, symmetric_limit

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])


@pytest.mark.parametrize(("percentile", "limit"), [(1.0, 1.0), (1.5, 1.5), (0.8, 0.8), (0.9, 0.9)])
def test_the_limit_follows_the_percentile(xp, percentile, limit):
    assert symmetric_limit(xp.asarray(A.copy()), percentile=percentile) == pytest.approx(limit)


def test_quantiles_interpolate_between_neighbours():
    x = np.arange(11.0) - 3.0
    assert symmetric_limit(x, percentile=0.77) == pytest.approx(np.quantile(x, 0.77))


@pytest.mark.parametrize("data", [np.zeros((2, 2)), np.zeros((0, 3))])
def test_no_data_and_zeros_have_the_smallest_limit(data):
    assert symmetric_limit(data, percentile=1.0) == SMALLEST
