"""When a result agrees with a reference number of CrossSim 3.2, which computes in float32."""

from typing import Any

import numpy as np
from numpy.testing import assert_allclose

TIES = 0.05
"""Fraction of the elements of a product that may lie on the other side of a rounding tie."""


def assert_agrees(
    y: Any, ref: Any, *, ties_step: float | None = None, relative: float = 2e-5
) -> None:
    """Fail unless ``|y - ref| <= relative * max|ref| + 1e-9`` for every element.

    Args:
        y: Result, anything that NumPy takes.
        ref: Reference of the same shape.
        ties_step: Effect of one code of one conversion on the result. Where converters quantize,
            at most one element in twenty, and always one, may be off by that much.
        relative: Tolerance as a fraction of the largest reference value.
    """
    y, ref = np.asarray(y), np.asarray(ref)
    assert y.shape == ref.shape
    tolerance = relative * np.max(np.abs(ref), initial=0.0) + 1e-9
    difference = np.abs(y - ref)
    off = ~(difference <= tolerance)
    if ties_step is None or np.count_nonzero(off) > max(1, int(TIES * ref.size)):
        assert_allclose(y, ref, rtol=0, atol=tolerance)
    else:
        assert np.all(difference[off] <= ties_step * (1 + 1e-3) + tolerance), difference.max()
