"""Moments of normal deviates that are clipped."""

from typing import Any

import numpy as np
from scipy.special import ndtr


def clipped_normal(
    mean: np.ndarray[Any, Any], deviation: np.ndarray[Any, Any], *, low: float, high: float | None
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Mean and variance of normal deviates after clipping to ``[low, high]``.

    Args:
        mean: Of each deviate before clipping.
        deviation: Standard deviation of each before clipping; 0 is legal.
        low: Lower limit.
        high: Upper limit; None is unlimited.

    Source: moments of the rectified normal distribution, e.g. N. L. Johnson, S. Kotz,
    N. Balakrishnan, "Continuous Univariate Distributions", vol. 1, 2nd ed., §10.1.
    """
    spread = np.where(deviation > 0, deviation, 1.0)
    below, above = (low - mean) / spread, (np.inf if high is None else high - mean) / spread
    inside = ndtr(above) - ndtr(below)
    step = _density(below) - _density(above)
    first = low * ndtr(below) + mean * inside + spread * step
    # Second moment about the mean before clipping, so that small spreads keep their digits.
    second = (low - mean) ** 2 * ndtr(below) + spread**2 * (
        inside + below * _density(below) - _finite(above) * _density(above)
    )
    if high is not None:
        first = first + high * ndtr(-above)
        second = second + (high - mean) ** 2 * ndtr(-above)
    variance = np.maximum(second - (first - mean) ** 2, 0.0)
    certain = deviation <= 0
    return (
        np.where(certain, np.clip(mean, low, high), first),
        np.where(certain, 0.0, variance),
    )


def _density(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def _finite(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(np.isfinite(x), x, 0.0)
