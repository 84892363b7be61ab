"""Which part of a matrix a view shows, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import index as as_index
from typing import Any

import numpy as np

from crosssim_core.errors import OperationError, OutOfBoundsError

Axis = range | int
"""Lines in the order in which a view shows them, or the one line of an axis it does not have."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows and columns of a matrix, as NumPy's basic indexing picks them."""

    rows: Axis
    cols: Axis
    transposed: bool = False

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> "Selection":
        """The whole of a matrix."""
        return cls(range(shape[0]), range(shape[1]))

    @property
    def axes(self) -> tuple[range, ...]:
        """Lines along each axis of the view."""
        axes = (self.cols, self.rows) if self.transposed else (self.rows, self.cols)
        return tuple(axis for axis in axes if isinstance(axis, range))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the view."""
        return tuple(map(len, self.axes))

    @property
    def lines(self) -> tuple[range, range]:
        """Rows and columns at whose crossings the cells lie."""
        rows, cols = (
            axis if isinstance(axis, range) else range(axis, axis + 1)
            for axis in (self.rows, self.cols)
        )
        return rows, cols

    @property
    def T(self) -> "Selection":
        """The same cells with both axes exchanged; one axis alone stays as it is."""
        return replace(self, transposed=not self.transposed)

    def covers(self, shape: tuple[int, int]) -> bool:
        """Whether these are all cells of a matrix of that shape, in whichever order."""
        return shape == tuple(map(len, self.lines))

    def driven(self, *, left: bool) -> str:
        """Axis of the matrix that a factor on that side of the view is summed over."""
        if isinstance(self.rows, int):
            return "cols"
        if isinstance(self.cols, int):
            return "rows"
        return "rows" if left != self.transposed else "cols"

    def take(self, index: Any) -> "Selection":
        """What ``view[index]`` shows.

        Raises:
            OutOfBoundsError: An integer is out of range, or there are too many indices.
            OperationError: An index is neither an integer, nor a slice, nor an ellipsis.
        """
        names = ("cols", "rows") if self.transposed else ("rows", "cols")
        axes = {name: getattr(self, name) for name in names}
        kept = [name for name, axis in axes.items() if isinstance(axis, range)]
        for number, part in enumerate(_for_each_axis(index, len(kept))):
            axes[kept[number]] = _taken(axes[kept[number]], part, number)
        return replace(self, rows=axes["rows"], cols=axes["cols"])

    def text(self, shape: tuple[int, int]) -> str:
        """The selection as an index expression of a matrix of that shape."""
        pair = zip((self.rows, self.cols), shape, strict=True)
        index = ", ".join(_text(axis, size) for axis, size in pair)
        return f"[{index}]{'.T' if self.transposed and len(self.axes) == 2 else ''}"


def _for_each_axis(index: Any, axes: int) -> Sequence[int | slice]:
    """One integer or slice for each axis."""
    given = list(index) if isinstance(index, tuple) else [index]
    dots = [i for i, part in enumerate(given) if part is Ellipsis]
    if len(dots) > 1:
        raise OutOfBoundsError("An index can hold one ellipsis ('...'), this one holds more.")
    named = len(given) - len(dots)
    if named > axes:
        raise OutOfBoundsError(f"Too many indices: {named} for {axes} dimension(s).")
    rest = [slice(None)] * (axes - named)
    place = dots[0] if dots else named
    return [_part(p) for p in given[:place]] + rest + [_part(p) for p in given[place + 1 :]]


def _part(part: Any) -> int | slice:
    if isinstance(part, slice):
        return part
    if not isinstance(part, bool | np.bool_ | None):
        try:
            return as_index(part)
        except TypeError:
            pass
    raise OperationError(
        f"A view of an analog matrix is made by integers, slices and '...', not by "
        f"{type(part).__name__}. Index get_matrix() for a copy of any other selection."
    )


def _taken(axis: range, part: int | slice, number: int) -> Axis:
    try:
        return axis[part]
    except IndexError:
        raise OutOfBoundsError(
            f"Index {part} is out of bounds for axis {number} with size {len(axis)}."
        ) from None


def _text(axis: Axis, size: int) -> str:
    if isinstance(axis, int):
        return str(axis)
    if axis == range(size):
        return ":"
    if not axis:
        return "0:0"
    stop = axis[-1] + (1 if axis.step > 0 else -1)
    step = "" if axis.step == 1 or len(axis) == 1 else f":{axis.step}"
    if len(axis) == 1:
        return f"{axis[0]}:{axis[0] + 1}"
    return f"{axis[0]}:{'' if stop < 0 else stop}{step}"
