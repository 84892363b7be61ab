"""Read noise of a plugin that declares its moments is not drawn cell by cell."""

import numpy as np
import pytest
from erring_models import bench_installed, slot, tree

from crosssim_core import AnalogCore


def test_declared_moments_are_enough_for_products():
    matrix = np.random.default_rng(0).uniform(-1, 1, (3, 5))
    with bench_installed():
        params = tree(slot("read_noise", "bench.told", 0.05))
        products = AnalogCore(matrix, params, seed=1) @ np.ones((5, 50))
        assert np.unique(products, axis=1).shape == (3, 50)
        params.simulation.literal = True
        with pytest.raises(AssertionError, match="one by one"):
            _ = AnalogCore(matrix, params, seed=1) @ np.ones(5)
