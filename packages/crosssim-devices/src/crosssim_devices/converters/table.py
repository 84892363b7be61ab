"""Piecewise constant functions that hand out digital codes, and their tables."""

from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float
from numpy.typing import NDArray

from crosssim_core.errors import ShapeError
from crosssim_core.numerics.lookup import Lookup, look_up, lookup_of
from crosssim_core.typing import Array

Real = NDArray[np.float64]
Codes = NDArray[np.int64]


class Steps(NamedTuple):
    """A piecewise constant function of the line current that hands out digital codes."""

    thresholds: Real
    """Thresholds in ascending order; one that equals the current is not passed."""
    codes: Codes
    """Code for every number of thresholds passed; one more than there are thresholds."""

    def clipped(self, low: float, high: float) -> "Steps":
        """The function of a current that is first clipped to ``[low, high]``."""
        inside = (self.thresholds >= low) & (self.thresholds < high)
        first = np.count_nonzero(self.thresholds < low)
        return Steps(
            self.thresholds[inside], self.codes[first : first + np.count_nonzero(inside) + 1]
        )


class Table:
    """Steps of several rows of lines, ready for any array library.

    Args:
        rows: One function for each row.
        lines: Number of lines.
        lines_per_row: Neighbouring lines that share a row; all of them where there is one row.
        bits: Resolution of the codes [bit].
        reference: Reference voltage, in the unit of the currents.
        origin: Current that thresholds and values of codes count from.
    """

    def __init__(
        self,
        rows: Sequence[Steps],
        *,
        lines: int,
        lines_per_row: int,
        bits: int,
        reference: float,
        origin: float = 0.0,
    ) -> None:
        longest = max(row.codes.size for row in rows)
        width = 1 << (longest - 1).bit_length()
        self.thresholds = np.full((len(rows), width), np.inf)
        codes = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            self.thresholds[i, : row.thresholds.size] = row.thresholds + origin
            codes[i, : row.codes.size] = row.codes
        self.values = value_of(codes, bits=bits, reference=reference) + origin
        self.lines = lines
        self.lines_per_row = lines_per_row if len(rows) > 1 else lines
        self._placed: dict[Any, Lookup] = {}

    def look_up(self, x: Float[Array, "*batch"], axis: int) -> Float[Array, "*batch"]:
        """Values that the codes of the currents ``x`` stand for, in the data type of ``x``.

        Raises:
            ShapeError: There are more or fewer lines along ``axis``.
        """
        if x.shape[axis] != self.lines:
            raise ShapeError(
                f"this ADC serves {self.lines} lines and got {x.shape[axis]} along axis {axis} of "
                f"currents of shape {tuple(x.shape)}"
            )
        return look_up(x, self._like(x), axis=axis, lines_per_row=self.lines_per_row)

    def of_lines(self, lines: Sequence[int]) -> "Table":
        """The table of some of the lines, in this order."""
        few = copy(self)
        few.lines = few.lines_per_row = len(lines)
        if len(self.thresholds) == 1:
            few._placed = self._placed
            return few
        own = [line // self.lines_per_row for line in lines]
        rows, few.lines_per_row = _in_runs(own, longest=self.lines_per_row)
        few.thresholds, few.values = self.thresholds[rows], self.values[rows]
        return few

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_placed": {}}

    def _like(self, x: Array) -> Lookup:
        """The table in the library and on the device of ``x``, in its precision."""
        key = (type(x), str(device(x)), x.dtype)
        if key not in self._placed:
            xp = array_namespace(x)
            real = xp.isdtype(x.dtype, "real floating")
            double = not real or xp.finfo(x.dtype).bits == 64
            thresholds = self.thresholds if double else rounded_down(self.thresholds)
            values = xp.asarray(self.values, device=device(x))
            self._placed[key] = lookup_of(
                xp.asarray(thresholds, device=device(x)),
                xp.astype(values, x.dtype if real else xp.float64),
            )
        return self._placed[key]


def _in_runs(rows: Sequence[int], *, longest: int) -> tuple[list[int], int]:
    """The same numbers in runs of equal length, and that length, as long as it can be.

    The last run may be shorter.
    """
    for length in range(longest, 0, -1):
        runs = [set(rows[i : i + length]) for i in range(0, len(rows), length)]
        if all(len(run) == 1 for run in runs):
            return [run.pop() for run in runs], length
    return [], 1


def value_of(codes: Codes, *, bits: int, reference: float) -> Real:
    """Value that codes stand for: odd multiples of ``reference / 2**bits``."""
    return np.asarray(2 * reference * (codes / 2**bits) - reference * (2**bits - 1) / 2**bits)


def rounded_down(x: Real) -> NDArray[np.float32]:
    """``x`` in single precision, towards −∞.

    A single-precision number is above ``x`` just if it is above the result.
    """
    near = x.astype(np.float32)
    return np.where(near > x, np.nextafter(near, np.float32(-np.inf)), near)
