"""The range on which a plain converter makes the least error."""

from collections.abc import Callable, Sequence
from functools import partial
from math import floor, isinf, log2

import numpy as np

from crosssim_core.numerics.distribution import Distribution
from crosssim_core.numerics.quantize import quantize_uniform

Range = tuple[float, float]

RATIO, CANDIDATES, FINER, ROUNDS = 0.84, 80, 17, 3
"""How ends of ranges are looked for."""


def quantization_error(
    x: Distribution, /, *, low: float, high: float, levels: int, norm: float = 1.0
) -> float:
    """``‖x − q(x)‖`` of a plain converter ``q`` with equidistant levels on ``[low, high]``.

    Args:
        x: Values in the unit of the range.
        low: Lowest level.
        high: Highest level; if it is not above ``low`` there is that level alone.
        levels: Number of levels [1].
        norm: Order p of the norm ``(Σ |…|**p)**(1/p)``; may be infinity.
    """
    values, counts = x.points()
    if high > low:
        levelled = quantize_uniform(values, low=low, high=high, levels=levels)
    else:
        levelled = np.full_like(values, low)
    off = np.abs(values - levelled)
    if isinf(norm):
        return float(off.max(initial=0.0))
    return float(np.sum(counts * off**norm) ** (1.0 / norm))


def best_upper_limit(x: Distribution, /, *, levels: int, norm: float = 1.0) -> float:
    """Upper end of the range from 0 with the least `quantization_error`."""

    def error(high: float) -> float:
        return quantization_error(x, low=0.0, high=high, levels=levels, norm=norm)

    return _best(error, 0.0, max(x.high, 0.0))


def best_symmetric_limit(x: Distribution, /, *, levels: int, norm: float = 1.0) -> float:
    """Λ of the range ``[−Λ, Λ]`` with the least `quantization_error`."""

    def error(limit: float) -> float:
        return quantization_error(x, low=-limit, high=limit, levels=levels, norm=norm)

    return _best(error, 0.0, max(-x.low, x.high))


def best_limits(x: Distribution, /, *, levels: int, norm: float = 1.0) -> Range:
    """Ends of the range with the least `quantization_error`, about the median.

    Each end is chosen for the other one, `ROUNDS` times in turn.
    """
    low, high, middle = x.low, x.high, x.quantile(0.5)

    def error(low: float, high: float) -> float:
        return quantization_error(x, low=low, high=high, levels=levels, norm=norm)

    for _ in range(ROUNDS):
        high = _best(partial(error, low), middle, x.high)
        low = _best(lambda end, high=high: error(end, high), middle, x.low)  # type: ignore[misc]
    return low, high


def aligned(limits: Sequence[float], /) -> tuple[float, ...]:
    """The limits, enlarged until each is a power of 2 below the largest one.

    So codes of all slices can be aligned by shifting.
    """
    largest = max(limits)
    if largest <= 0:
        return tuple(limits)
    # A limit of 0 may take any range.
    shifts = [floor(log2(largest / limit)) if limit > 0 else 0 for limit in limits]
    return tuple(float(largest / 2.0**shift) for shift in shifts)


def _best(error: Callable[[float], float], start: float, end: float) -> float:
    """Where between ``start`` and ``end`` the error is least.

    Looked for by powers of `RATIO` first, then evenly between the neighbours of the best one.
    """
    if start == end:
        return end
    shares = RATIO ** np.arange(CANDIDATES)
    ends = start + shares * (end - start)
    place = int(np.argmin([error(float(e)) for e in ends]))
    near = ends[max(place - 1, 0)], ends[min(place + 1, len(ends) - 1)]
    finer = np.append(np.linspace(*near, FINER), ends[place])
    return float(finer[np.argmin([error(float(e)) for e in finer])])
