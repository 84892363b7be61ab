"""A programmed grid of arrays after all rewrites of the simplified chain, ready to be read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import prod
from operator import add
from typing import Any

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.arithmetic import added
from crosssim_core.chain.bank import NOISY, Bank
from crosssim_core.chain.drive import Drive, Driver
from crosssim_core.chain.lines import Lines, flat
from crosssim_core.chain.product import ArrayProduct, Operator
from crosssim_core.chain.steps import HELD
from crosssim_core.chain.tap import Tap
from crosssim_core.numerics.chunks import chunks
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

    @property
    def copies(self) -> int:
        """Copies of the outputs that there are at once besides; 0 where nothing follows."""
        return 0 if self.spread is None else NOISY

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
        y = self.operator(drive.whole, None if self.scaled else bias)
        if self.spread is not None:
            assert noise is not None
            y = product.arithmetic.noisy(y, self.spread(drive.power(0), None), noise)
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

    @property
    def copies(self) -> int:
        """As in `Merged`."""
        return max(bank.copies for bank in self.banks)

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
        offset, later = self.beside(drive.whole, product, None if self.scaled else bias)
        y: Any = None
        for bank in self.banks:
            y = bank.read(drive, product, noise, onto=y, offset=offset, tap=tap)
            offset = None
        if later is not None:
            y += later
        return _unscaled(y, drive, product, bias) if self.scaled else y

    def beside(self, whole: Any, product: ArrayProduct, bias: Array | None) -> tuple[Any, Any]:
        """What is added to the first bank, and what to all of them; None for nothing."""
        constant = added(self.constant, bias)
        if constant is not None:
            constant = product.arithmetic.per_line(constant, whole.ndim, product.axis)
        if not self.totals:
            return constant, None
        return reduce(add, [total(whole, None) for total in self.totals]), constant


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
        bias = self.own(bias)
        y: Any = None
        for part in self.shares:
            share = part.read(drives, self.product, noise, bias, tap)
            y, bias = share if y is None else y + share, None
        return self.laid_out(y)

    def own(self, bias: Array | None) -> Array | None:
        """Its part of what is added to all outputs."""
        if bias is None:
            return None
        bias = self.lines.pick(bias, 0)
        return array_namespace(bias).reshape(bias, (*self.stack, -1)) if self.stack else bias

    def laid_out(self, y: Array) -> Array:
        """Outputs of all matrices, one after the other."""
        return flat(y, self.product.axis) if self.stack else y

    def lines_of(self, x: Any) -> int:
        """Lines that stand for the outputs of one element of the first axis of ``x`` at once; 0
        where nothing but one product is formed.
        """
        copies = max(part.copies for part in self.shares)
        return copies * (self.count // prod(self.stack)) * self.product.positions(x)


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
    together: bool
    """Whether all vectors of a call are read at once, because they have one scale."""
    once: tuple[bool, ...] = field(init=False)
    """Of each driver, whether its steps are gone through but once."""
    digits: int = field(init=False)
    """Digits of each input that there are at once; 0 where there are none but whole inputs."""

    def __post_init__(self) -> None:
        shares = [part for row in self.rows for part in row.shares if isinstance(part, Share)]
        paths = [share.path for share in shares for _ in share.banks]
        once = tuple(paths.count(path) < 2 for path in range(len(self.drivers)))
        counts = [len(driver.weights) for driver in self.drivers]
        held = [min(n, HELD) if single else n for n, single in zip(counts, once, strict=True)]
        object.__setattr__(self, "once", once)
        object.__setattr__(self, "digits", max(n if n > 1 else 0 for n in held))

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
        length, size = x.shape[0], self.batch(x, noise)
        if size == length:
            return self._read(x, noise, bias, tap)
        parts = (x[some, ...] for some in chunks(length, at_once=size))
        pieces = (self._read(part, noise, bias, tap) for part in parts)
        return self.product.arithmetic.joined(pieces, length)

    def batch(self, x: Any, noise: NoiseSource | None) -> int:
        """Elements of the first axis of ``x`` that are read at once with such noise."""
        length = int(x.shape[0])
        if self.together:
            return length
        lines = max(row.lines_of(x) for row in self.rows)
        if self.product.positions(x):
            lines += self.digits * prod(x.shape[1:])
        count = -(-length * lines // self.product.arithmetic.room(x, noise))
        return -(-length // count) if count > 1 else length

    def _read(
        self, x: Any, noise: NoiseSource | None, bias: Array | None, tap: Tap | None
    ) -> Array:
        """`read` of inputs that are few enough."""
        work = self.product.arithmetic
        paths = zip(self.drivers, self.once, strict=True)
        drives = [driver.drive(x, work, once=once) for driver, once in paths]
        rows = [row.read(drives, noise, bias, tap) for row in self.rows]
        if len(rows) == 1:
            return rows[0]
        axis = self.rows[0].product.axis
        return self.order.pick(array_namespace(rows[0]).concat(rows, axis=axis), axis)


def _unscaled(y: Array, drive: Drive, product: ArrayProduct, bias: Array | None) -> Array:
    """``y`` in user units, with ``bias`` added."""
    y = y / drive.scale
    return y if bias is None else y + product.arithmetic.per_line(bias, y.ndim, product.axis)
