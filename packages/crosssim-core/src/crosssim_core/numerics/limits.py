"""Ranges read off the data they must hold."""

from typing import Any

from jaxtyping import Shaped

from crosssim_core._array import array_namespace
from crosssim_core.typing import Array

SMALLEST = 2.220446049250313e-16
"""Limit used where all data are zero, or there are none."""


def symmetric_limit(x: Shaped[Array, "*shape"], /, *, percentile: float) -> float:
    """Limit Λ of a range ``[-Λ, Λ]`` that holds ``x``.

    Args:
        x: Real values.
        percentile: As a fraction. From 1 upwards it multiplies the largest magnitude; below 1
            Λ is the larger magnitude of the quantiles ``percentile`` and ``1 - percentile``.

    Source: CrossSim parameters ``core.mapping.weights.percentile``.
    """
    xp = array_namespace(x)
    if 0 in x.shape:
        return SMALLEST
    if percentile >= 1:
        limit = percentile * float(xp.max(xp.abs(x)))
    else:
        ordered = xp.sort(xp.reshape(x, (-1,)))
        limit = max(abs(_quantile(ordered, p)) for p in (percentile, 1 - percentile))
    return limit or SMALLEST


def _quantile(ordered: Any, fraction: float) -> float:
    """Linear interpolation between the two nearest of the sorted values."""
    position = fraction * (ordered.shape[0] - 1)
    below = int(position)
    above = min(below + 1, ordered.shape[0] - 1)
    low, high = float(ordered[below]), float(ordered[above])
    return float(low + (position - below) * (high - low))
