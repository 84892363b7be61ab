"""Complex numbers as real blocks: the examples."""

import numpy as np
import pytest

from crosssim_core.numerics.complexes import (
    expand_matrix,
    expand_vectors,
    join_matrix,
    join_vectors,
)

C = np.array([[1 + 0.5j, -0.25j], [0.3, 0.8 - 1j]])
Z = np.array([0.5 - 0.25j, 0.75j])


def test_the_blocks_are_those_of_the_example(xp):
    want = [[1, 0, -0.5, 0.25], [0.3, 0.8, 0, 1], [0.5, -0.25, 1, 0], [0, -1, 0.3, 0.8]]
    blocks = expand_matrix(xp.asarray(C.copy()))
    np.testing.assert_array_equal(np.asarray(blocks), want)
    np.testing.assert_array_equal(np.asarray(join_matrix(blocks)), C)


@pytest.mark.parametrize(
    ("left", "want"), [(False, (0.5, 0, -0.25, 0.75)), (True, (-0.25, 0.75, 0.5, 0))]
)
def test_vectors_are_stacked_as_in_the_example(xp, left, want):
    z = xp.asarray(np.stack((Z, 2 * Z)))
    np.testing.assert_array_equal(np.asarray(expand_vectors(z, left=left))[0], want)
    product = np.asarray(expand_vectors(z, left=left))
    blocks = np.asarray(expand_matrix(C))
    product = product @ blocks if left else product @ blocks.T
    want = [Z @ C, 2 * Z @ C] if left else [C @ Z, 2 * C @ Z]
    got = join_vectors(xp.asarray(product), left=left)
    np.testing.assert_allclose(np.asarray(got), want, rtol=0, atol=1e-14)
