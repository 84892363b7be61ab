"""Ranges read off the data they must hold."""

from math import isnan, nan
from typing import Any

from jaxtyping import Float, Shaped

from crosssim_core._array import array_namespace, device_of
from crosssim_core.typing import Array

SMALLEST = 2.220446049250313e-16
"""Limit used where all data are zero, or there are none."""


def symmetric_limit(x: Shaped[Array, "*shape"], /, *, percentile: float) -> float:
    """Limit Λ of a range ``[-Λ, Λ]`` that holds ``x``.

    Args:
        x: Real values.
        percentile: As a fraction. From 1 upwards it multiplies the largest magnitude; below 1
            Λ is the larger magnitude of the quantiles ``percentile`` and ``1 - percentile``.
            NaN anywhere in ``x`` makes NaN.

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
        if isnan(float(ordered[-1])):  # where every library sorts NaN to
            limit = nan
    return limit or SMALLEST


def symmetric_limits(
    x: Float[Array, "*batch values"], /, *, percentile: float
) -> Float[Array, "*batch 1"]:
    """`symmetric_limit` of each vector along the last axis of ``x``."""
    xp = array_namespace(x)
    shape = (*x.shape[:-1], 1)
    if 0 in x.shape:
        return xp.full(shape, SMALLEST, dtype=x.dtype, device=device_of(x))
    if percentile >= 1:
        limits = percentile * xp.max(xp.abs(x), axis=-1, keepdims=True)
    else:
        ordered = xp.sort(x, axis=-1)
        ends = [xp.abs(_quantile_along(ordered, p)) for p in (percentile, 1 - percentile)]
        missing = xp.isnan(ordered[..., -1:])
        limits = xp.where(missing, xp.full_like(ends[0], nan), xp.maximum(*ends))
    return xp.where(limits == 0, xp.full_like(limits, SMALLEST), limits)


def _quantile(ordered: Any, fraction: float) -> float:
    """Linear interpolation between the two nearest of the sorted values."""
    below, above, share = _neighbours(ordered.shape[0], fraction)
    low, high = float(ordered[below]), float(ordered[above])
    return float(low + share * (high - low))


def _quantile_along(ordered: Array, fraction: float) -> Array:
    """The same for values that are sorted along the last axis, which is kept."""
    below, above, share = _neighbours(ordered.shape[-1], fraction)
    low, high = ordered[..., below : below + 1], ordered[..., above : above + 1]
    return low + share * (high - low)


def _neighbours(count: int, fraction: float) -> tuple[int, int, float]:
    """Places on both sides of a quantile, and the weight of the upper one."""
    position = fraction * (count - 1)
    below = int(position)
    return below, min(below + 1, count - 1), position - below
