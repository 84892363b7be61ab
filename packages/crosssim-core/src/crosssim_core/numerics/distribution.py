"""How values are distributed: all of them, or counts in bins that take constant memory."""

from dataclasses import dataclass, field
from math import ceil, frexp, inf
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int, Shaped

from crosssim_core._array import as_host
from crosssim_core.typing import Array

BINS = 2**13
"""Bins of a histogram where nobody asks for another number."""

Host = np.ndarray[Any, Any]


class Distribution(Protocol):
    """What a range can be read off."""

    @property
    def low(self) -> float:
        """Smallest value; infinity if there are none."""

    @property
    def high(self) -> float:
        """Largest value; minus infinity if there are none."""

    @property
    def count(self) -> int:
        """Number of values."""

    def quantile(self, fraction: float, /) -> float:
        """Value below which this fraction lies, interpolated linearly."""

    def below(self, value: float, /) -> float:
        """Fraction of the values below ``value`` [1]."""

    def points(self) -> tuple[Float[Host, " points"], Int[Host, " points"]]:
        """Values and how often each occurs."""

    def magnitudes(self) -> "Distribution":
        """The distribution of the magnitudes."""


class Values:
    """All values by themselves.

    Args:
        x: Real values of any shape and library; left unchanged.
    """

    def __init__(self, x: Shaped[Array, "*shape"], /) -> None:
        self._ordered = np.sort(as_host(x), axis=None)

    @property
    def low(self) -> float:
        return float(self._ordered[0]) if self.count else inf

    @property
    def high(self) -> float:
        return float(self._ordered[-1]) if self.count else -inf

    @property
    def count(self) -> int:
        return len(self._ordered)

    def quantile(self, fraction: float, /) -> float:
        place = fraction * (self.count - 1)
        below = min(int(place), max(self.count - 2, 0))
        low, high = (float(v) for v in self._ordered[[below, min(below + 1, self.count - 1)]])
        return low + (place - below) * (high - low)

    def below(self, value: float, /) -> float:
        return float(np.searchsorted(self._ordered, value)) / self.count

    def points(self) -> tuple[Float[Host, " points"], Int[Host, " points"]]:
        return self._ordered, np.ones(self.count, dtype=np.int64)

    def magnitudes(self) -> "Values":
        return Values(np.abs(self._ordered))


@dataclass(slots=True, eq=False)
class Histogram:
    """Counts of values in equal bins about zero, and the smallest and largest value.

    Bins become twice as wide, neighbours becoming one, whenever a value lies beyond them: they
    span two powers of 2, and memory is constant. Quantiles are right to the width of a bin.
    """

    bins: int = BINS
    """A multiple of 4."""
    low: float = inf
    high: float = -inf
    count: int = 0
    exponent: int | None = None
    """The bins span ``±2**exponent``; None before the first value."""
    counts: Int[Host, " bins"] = field(init=False)
    sums: Float[Host, " bins"] = field(init=False)
    """Sum of the values in each bin."""

    def __post_init__(self) -> None:
        self.bins = 4 * ceil(self.bins / 4)
        self.counts = np.zeros(self.bins, dtype=np.int64)
        self.sums = np.zeros(self.bins)

    def add(self, x: Shaped[Array, "*shape"], /) -> None:
        """Count the values of ``x``, which is left unchanged; those that are not finite are not
        counted.
        """
        values = np.asarray(as_host(x), dtype=np.float64).ravel()
        values = values[np.isfinite(values)]
        if not len(values):
            return
        low, high = float(values.min()), float(values.max())
        self._reach(max(-low, high))
        places = np.floor((values / self._span + 1.0) * (self.bins // 2)).astype(np.int64)
        np.clip(places, 0, self.bins - 1, out=places)
        self.counts += np.bincount(places, minlength=self.bins)
        self.sums += np.bincount(places, weights=values, minlength=self.bins)
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.count += len(values)

    def merge(self, other: "Histogram", /) -> None:
        """Count, too, what ``other`` counted, which has as many bins and is left unchanged."""
        if other.exponent is None:
            return
        assert other.bins == self.bins
        self._widen(other.exponent if self.exponent is None else max(self.exponent, other.exponent))
        assert self.exponent is not None
        steps = self.exponent - other.exponent
        self.counts += _widened(other.counts, steps)
        self.sums += _widened(other.sums, steps)
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.count += other.count

    @property
    def edges(self) -> Float[Host, " edges"]:
        """Ends of the bins."""
        return np.linspace(-self._span, self._span, self.bins + 1)

    def quantile(self, fraction: float, /) -> float:
        rank = fraction * (self.count - 1)
        heights = np.cumsum(self.counts)
        place = int(np.searchsorted(heights, rank, side="right"))
        place = min(place, int(np.flatnonzero(self.counts)[-1]))
        inside = self.counts[place]
        share = (rank - (heights[place] - inside) + 0.5) / inside
        low, high = self._limits(place)
        return float(low + min(max(share, 0.0), 1.0) * (high - low))

    def below(self, value: float, /) -> float:
        if value <= self.low:
            return 0.0
        if value > self.high:
            return 1.0
        place = int(np.clip((value / self._span + 1.0) * (self.bins // 2), 0, self.bins - 1))
        low, high = self._limits(place)
        share = (value - low) / (high - low) if high > low else 0.0
        before = self.counts[:place].sum() + min(max(share, 0.0), 1.0) * self.counts[place]
        return float(before) / self.count

    def points(self) -> tuple[Float[Host, " points"], Int[Host, " points"]]:
        filled = np.flatnonzero(self.counts)
        return self.sums[filled] / self.counts[filled], self.counts[filled]

    def magnitudes(self) -> "Histogram":
        folded, half = Histogram(self.bins), self.bins // 2
        folded.exponent, folded.count = self.exponent, self.count
        folded.counts[half:] = self.counts[half:] + self.counts[:half][::-1]
        folded.sums[half:] = self.sums[half:] - self.sums[:half][::-1]
        if self.count:
            folded.low, folded.high = max(self.low, -self.high, 0.0), max(-self.low, self.high)
        return folded

    @property
    def _span(self) -> float:
        assert self.exponent is not None
        return float(2.0**self.exponent)

    def _limits(self, place: int) -> tuple[float, float]:
        """Ends of a bin, as far as there are values."""
        width = 2.0 * self._span / self.bins
        low = -self._span + place * width
        return max(low, self.low), min(low + width, self.high)

    def _reach(self, largest: float) -> None:
        """Make the bins hold ``±largest``."""
        needed = frexp(largest)[1] if largest > 0 else -1000
        self._widen(needed if self.exponent is None else max(needed, self.exponent))

    def _widen(self, exponent: int) -> None:
        steps = 0 if self.exponent is None else exponent - self.exponent
        self.counts, self.sums = _widened(self.counts, steps), _widened(self.sums, steps)
        self.exponent = exponent


def _widened(bins: Host, steps: int) -> Host:
    """The bins at ``2**steps`` times their width; the outer ones are empty then."""
    for _ in range(min(steps, len(bins).bit_length())):
        half = np.zeros_like(bins)
        quarter = len(bins) // 4
        half[quarter : 3 * quarter] = bins.reshape(-1, 2).sum(axis=1)
        bins = half
    return bins
