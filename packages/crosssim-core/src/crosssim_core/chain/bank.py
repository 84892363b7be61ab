"""Lines that one product forms, and what becomes of their currents."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any

from jaxtyping import Float

from crosssim_core.chain.drive import Drive
from crosssim_core.chain.lines import minus_first, parts
from crosssim_core.chain.product import ArrayProduct, Operator
from crosssim_core.chain.tap import Place, Tap, digit_by_digit
from crosssim_core.chain.watch import LineWatch
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array

Digitise = Callable[[Any, NoiseSource | None], Any]
"""From line currents to digital values; may overwrite the currents."""

NOISY = 5
"""Arrays of their size that noisy currents take: what drives them, its square, the currents, their
variance, and deviates."""


@dataclass(frozen=True, slots=True)
class Saturation:
    """What happens to the currents of a weight slice where lines saturate, or where a tap is
    shown them.
    """

    array: int
    """Number of the array, row by row of the matrix."""
    slice: int
    """Weight slice."""
    limit: float
    """Largest current that a line carries [1]."""
    subtracts: bool
    """Whether the difference of the pair is formed after it."""
    dummies: tuple[Operator, ...]
    """Current of the dummy line in each step, which is taken away at last; empty without one."""
    terms: int
    """Copies of the output lines that come in."""
    watch: LineWatch | None
    """As `ReadPlan` tells."""

    def apply(
        self,
        lines: Array,
        step: Any,
        index: int,
        product: ArrayProduct,
        show: Callable[[Array], None] | None,
    ) -> Array:
        """Currents that reach the ADC."""
        if self.watch is not None:
            self.watch(self.slice, parts(lines, self.terms, product.axis), axis=product.axis)
        lines = product.arithmetic.clipped(lines, self.limit)
        if self.subtracts:
            plus, minus = parts(lines, 2, product.axis)
            lines = plus - minus
        if show is not None:
            show(lines)
        if not self.dummies:
            return lines
        return lines - self.dummies[index](step, None)


@dataclass(frozen=True, slots=True)
class Bank:
    """Neighbouring terms of a sum: each is a copy of the output lines, converted on its own."""

    path: int
    """Which of the reader's input paths drives it."""
    operators: tuple[Operator, ...]
    """Currents of all terms in each step."""
    spreads: tuple[Operator, ...]
    """Their variances; empty without read noise."""
    saturation: Saturation | None
    digitise: Digitise | None
    """What the ADCs make of currents; None where they are read exactly."""
    pooled: bool
    """Whether currents of all steps are summed up before they are converted."""
    start: Float[Array, "*stack lines"] | None
    """What is added to that sum; None for nothing."""
    weights: tuple[float, ...]
    """Weight of each step."""
    gains: tuple[float, ...]
    """What a unit of each term adds to the result."""
    unit_line: bool
    """Whether the first line of the result is subtracted from the others."""

    @property
    def copies(self) -> int:
        """Copies of the outputs that there are at once: currents, and their sum over the steps."""
        terms = len(self.gains) * (NOISY if self.spreads else 1)
        return terms + 1 if len(self.weights) > 1 else terms

    def read(
        self,
        drive: Drive,
        product: ArrayProduct,
        noise: NoiseSource | None,
        *,
        onto: Array | None,
        offset: Array | None,
        tap: Tap | None,
    ) -> Float[Array, "*result"]:
        """Weighted sum of the terms.

        Args:
            drive: What drives the lines.
            product: What the operators were made by.
            noise: Where noise of single reads and conversions comes from.
            onto: What the sum is added to, and may overwrite; None for nothing.
            offset: What is added besides, in a shape that broadcasts; None for nothing.
            tap: Is shown the currents that reach the ADCs.
        """
        single = digit_by_digit(tap, adc_per_digit=not self.pooled)
        work, axis = product.arithmetic, product.axis
        y = None if self.unit_line else onto
        beside = None if self.unit_line else offset
        pool: Array | None = None
        for index, weight in enumerate(self.weights):
            lines = self._lines(drive, index, product, noise, tap if single else None)
            if self.pooled:
                start = None
                if pool is None and self.start is not None:
                    start = work.per_line(self.start, lines.ndim, axis)
                pool = work.weighed(lines, (weight,), axis=axis, onto=pool, offset=start)
            else:
                gains = [gain * weight for gain in self.gains]
                lines = self._digital(lines, noise)
                y = work.weighed(lines, gains, axis=axis, onto=y, offset=beside)
                beside = None
        if pool is not None:
            if tap is not None and not single:
                self._show(tap, product, 0, pool)
            lines = self._digital(pool, noise)
            y = work.weighed(lines, self.gains, axis=axis, onto=y, offset=beside)
        if self.unit_line:
            ends = (minus_first(y, axis), onto, offset)
            y = reduce(add, (end for end in ends if end is not None))
        return y

    def _lines(
        self,
        drive: Drive,
        index: int,
        product: ArrayProduct,
        noise: NoiseSource | None,
        tap: Tap | None,
    ) -> Array:
        """Currents that reach the ADCs in one step."""
        lines = self.operators[index](drive.steps[index], None)
        if self.spreads:
            assert noise is not None
            variance = self.spreads[index](drive.power(index), None)
            lines = product.arithmetic.noisy(lines, variance, noise)
        if self.saturation is not None:
            show = None if tap is None else partial(self._show, tap, product, index)
            lines = self.saturation.apply(lines, drive.steps[index], index, product, show)
        return lines

    def _show(self, tap: Tap, product: ArrayProduct, step: int, lines: Array) -> None:
        """Show ``tap`` the currents of this bank, which belong to one weight slice."""
        assert self.saturation is not None
        place = Place(self.saturation.array, self.saturation.slice, step)
        tap.see(place, list(parts(lines, len(self.gains), product.axis)), axis=product.axis)

    def _digital(self, lines: Array, noise: NoiseSource | None) -> Array:
        return lines if self.digitise is None else self.digitise(lines, noise)
