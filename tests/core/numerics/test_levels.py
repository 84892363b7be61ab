"""Conductances that cells can be programmed to."""

import numpy as np
import pytest

from crosssim_core._array import as_host
from crosssim_core.numerics.levels import round_to_levels


@pytest.mark.parametrize(
    ("bits", "g_min", "g", "want"),
    [
        (
            2, 0.1,
            (-0.2, 0.05, 0.1, 0.25, 0.3, 0.55, 0.7, 0.85, 0.99, 1.3),
            (-0.2, 0.1, 0.1, 0.1, 0.4, 0.7, 0.7, 0.7, 1.0, 1.3),
        ),
        (4, 0.1, (0.12, 0.2, 0.33, 0.5, 0.777, 0.95, 1), (0.1, 0.22, 0.34, 0.52, 0.76, 0.94, 1)),
        (1, 0.1, (0.5, 0.777), (0.1, 1)),
        (2, 0.0, (1 / 6, 0.5, 5 / 6), (0, 0.6666666667, 0.6666666667)),
        (3, 0.1, (0.1, 0.47, 0.99), (0.1, 0.4857142857, 1.0)),
        (0, 0.1, (-0.2, 0.123, 1.3), (-0.2, 0.123, 1.3)),
    ],
)  # fmt: skip
def test_conductances_go_to_the_nearest_level_of_a_grid_that_has_no_end(xp, bits, g_min, g, want):
    targets = xp.asarray(list(g), dtype=xp.float64)
    got = round_to_levels(targets, g_min=g_min, bits=bits)
    np.testing.assert_allclose(as_host(got), want, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(as_host(targets), g)
