import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crosssim_core.numerics.limits import SMALLEST, symmetric_limit, symmetric_limits

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


@given(
    x=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
        elements=st.floats(-9, 9, allow_subnormal=False),
    ),
    percentile=st.sampled_from((0.3, 0.9, 1.0, 2.5)),
)
def test_the_limits_of_vectors_are_those_of_each_alone(xp, x, percentile):
    limits = np.asarray(symmetric_limits(xp.asarray(x.copy()), percentile=percentile))
    assert limits.shape == (*x.shape[:-1], 1)
    vectors = x.reshape(-1, x.shape[-1]) if x.size else np.zeros((limits.size, 0))
    single = [symmetric_limit(vector, percentile=percentile) for vector in vectors]
    np.testing.assert_allclose(limits.reshape(-1), single, rtol=1e-14, atol=0)
