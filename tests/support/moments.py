"""Mean and standard deviation of clipped distributions, in closed form."""

from math import erf, exp, inf, pi, sqrt


def _cdf(x):
    return 0.5 * (1 + erf(x / sqrt(2)))


def _pdf(x):
    return exp(-x * x / 2) / sqrt(2 * pi)


def clipped_normal(mean, deviation, low=0.0, high=inf):
    """Moments of a normal variable clipped to ``[low, high]``."""
    if deviation == 0:
        return min(max(mean, low), high), 0.0
    a = (low - mean) / deviation
    b = (high - mean) / deviation
    inside = _cdf(b) - _cdf(a)
    ends, squares, tails = 0.0, 0.0, 0.0
    if high < inf:
        ends, squares = high * (1 - _cdf(b)), high**2 * (1 - _cdf(b))
        tails = (high + mean) * _pdf(b)
    first = low * _cdf(a) + ends + mean * inside + deviation * (_pdf(a) - _pdf(b))
    second = (
        low**2 * _cdf(a)
        + squares
        + (mean**2 + deviation**2) * inside
        + deviation * ((low + mean) * _pdf(a) - tails)
    )
    return first, sqrt(max(second - first**2, 0.0))


def clipped_uniform(mean, width, low=0.0, high=inf):
    """Moments of a uniform variable of this mean and width, clipped to ``[low, high]``."""
    if width == 0:
        return min(max(mean, low), high), 0.0
    p, r = mean - width / 2, mean + width / 2
    inner_p, inner_r = (min(max(end, low), high) for end in (p, r))
    below = max(min(low, r) - p, 0) / width
    above = max(r - max(high, p), 0) / width if high < inf else 0.0
    top = high if high < inf else 0.0
    first = low * below + top * above + (inner_r**2 - inner_p**2) / (2 * width)
    second = low**2 * below + top**2 * above + (inner_r**3 - inner_p**3) / (3 * width)
    return first, sqrt(max(second - first**2, 0.0))
