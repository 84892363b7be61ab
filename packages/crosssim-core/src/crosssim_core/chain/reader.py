"""A programmed grid of arrays after all rewrites of the simplified chain, ready to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.bank import Bank
from crosssim_core.chain.drive import Drive, Driver
from crosssim_core.chain.lines import Lines, flat, per_line
from crosssim_core.chain.product import ArrayProduct, Operator
from crosssim_core.chain.tap import Tap
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class Merged:
    """What is left of all arrays where everything is linear: one matrix in user units."""

    scaled: bool
    """Whether the scale of the inputs is still to be divided out."""
    operator: Operator
    spread: Operator | None
    """Variance of its result; None without read noise."""

    def read(
        self,
        drives: Sequence[Drive],
        product: ArrayProduct,
        noise: NoiseSource | None,
        bias: Array | None,
        tap: Tap | None,
    ) -> Array:
        """The product with ``bias`` added; there is no current for a tap."""
        assert tap is None
        (drive,) = drives
        deviates = None
        if self.spread is not None:
            assert noise is not None
            variance = self.spread(drive.power(0), None)
            deviates = product.arithmetic.deviates(variance, noise)
        y = self.operator(drive.whole, None if self.scaled else bias)
        if deviates is not None:
            y += deviates
        return _unscaled(y, drive, product, bias) if self.scaled else y


@dataclass(frozen=True, slots=True)
class Share:
    """What those arrays of a row that are driven alike add to its outputs."""

    path: int
    """Which of the reader's input paths drives them."""
    scaled: bool
    """As in `Merged`."""
    banks: tuple[Bank, ...]
    totals: tuple[Operator, ...]
    """Multiples of the sums of what drives the arrays."""
    constant: Float[Array, "*stack outputs"] | None
    """What is added to each output besides."""

    def read(
        self,
        drives: Sequence[Drive],
        product: ArrayProduct,
        noise: NoiseSource | None,
        bias: Array | None,
        tap: Tap | None,
    ) -> Array:
        """The share with ``bias`` added."""
        drive = drives[self.path]
        beside = self.constant if self.scaled else _sum(self.constant, bias)
        if beside is not None:
            beside = per_line(beside, drive.whole.ndim, product.axis)
        totals = [total(drive.whole, None) for total in self.totals]
        offset, later = (reduce(add, totals), beside) if totals else (beside, None)
        y: Any = None
        for bank in self.banks:
            y = bank.read(drive, product, noise, onto=y, offset=offset, tap=tap)
            offset = None
        if later is not None:
            y += later
        return _unscaled(y, drive, product, bias) if self.scaled else y


Shares = tuple[Merged | Share, ...]
"""Everything that is summed up to some of the outputs."""


@dataclass(frozen=True, slots=True)
class Row:
    """Some of the outputs."""

    product: ArrayProduct
    """How their line currents are formed."""
    shares: Shares
    lines: Lines
    """Which of all outputs they are."""
    count: int
    """How many."""
    stack: tuple[int, ...]
    """Matrices that give equally many of them, along an axis of their own; empty for one."""

    def read(
        self,
        drives: Sequence[Drive],
        noise: NoiseSource | None,
        bias: Array | None,
        tap: Tap | None,
    ) -> Array:
        """The outputs with their part of ``bias`` added."""
        if bias is not None:
            bias = self.lines.pick(bias, 0)
            if self.stack:
                bias = array_namespace(bias).reshape(bias, (*self.stack, -1))
        y: Any = None
        for part in self.shares:
            share = part.read(drives, self.product, noise, bias, tap)
            y, bias = share if y is None else y + share, None
        return flat(y, self.product.axis) if self.stack else y


@dataclass(frozen=True, slots=True)
class SimplifiedReader:
    """A programmed grid of arrays, ready to be read."""

    product: ArrayProduct
    """How line currents are formed."""
    drivers: tuple[Driver, ...]
    """The kinds of input path among the arrays."""
    rows: tuple[Row, ...]
    order: Lines
    """Where each output is among those of all rows."""
    stacked: int
    """Lines that stand for the outputs of one vector at once, where terms or digits are many; 0
    where they are not, so that memory is that of the outputs."""

    def read(
        self,
        x: Any,
        *,
        noise: NoiseSource | None = None,
        bias: Array | None = None,
        tap: Tap | None = None,
    ) -> Float[Array, "*result"]:
        """Product of the programmed matrix with ``x``, in user units.

        Args:
            x: Digital inputs in whatever form the product takes; left unchanged.
            noise: Where noise of single reads and conversions comes from.
            bias: What is added to each output digitally; None for nothing.
            tap: Is shown line currents on the way, of a reader that was made for it; those of
                some of the vectors at a time.
        """
        size = self._batch(x)
        if size >= x.shape[0]:
            return self._read(x, noise, bias, tap)
        chunks = (x[i : i + size, ...] for i in range(0, x.shape[0], size))
        parts = [self._read(chunk, noise, bias, tap) for chunk in chunks]
        return array_namespace(parts[0]).concat(parts, axis=0)

    def _batch(self, x: Any) -> int:
        """Elements of the first axis of ``x`` that are read at once."""
        positions = self.product.positions(x)
        if not (self.stacked and positions):
            return int(x.shape[0])
        return max(1, self.product.arithmetic.room(x) // (self.stacked * positions))

    def _read(
        self, x: Any, noise: NoiseSource | None, bias: Array | None, tap: Tap | None
    ) -> Array:
        """`read` of inputs that are few enough."""
        work = self.product.arithmetic
        drives = [driver.drive(x, work) for driver in self.drivers]
        rows = [row.read(drives, noise, bias, tap) for row in self.rows]
        if len(rows) == 1:
            return rows[0]
        axis = self.rows[0].product.axis
        return self.order.pick(array_namespace(rows[0]).concat(rows, axis=axis), axis)


def _sum(a: Array | None, b: Array | None) -> Array | None:
    return b if a is None else a if b is None else a + b


def _unscaled(y: Array, drive: Drive, product: ArrayProduct, bias: Array | None) -> Array:
    """``y`` in user units, with ``bias`` added."""
    y = y / drive.scale
    return y if bias is None else y + per_line(bias, y.ndim, product.axis)
