"""Piecewise constant functions, one for each line: a cell of a grid, a comparison and a gather.

A grid of equal cells is laid over the thresholds, so fine that hardly two of them share a cell.
Arithmetic gives the cell of an argument; only the thresholds in there are compared with it, for
those of lower cells are below it and those of higher cells are not. No rounding upsets that:
rounded arithmetic is monotone, and it is the same that put the thresholds into their cells.
"""

from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from crosssim_core._array import (
    array_namespace,
    as_host,
    device_of,
    exceeded,
    from_host,
    gathered,
    threads_of,
    whole_part,
)
from crosssim_core.numerics import compiled
from crosssim_core.numerics.lookup_loops import look_up_loops
from crosssim_core.typing import Array

FINENESS = (1 / 16, 1 / 4, 1, 2, 4, 8, 16)
"""Numbers of cells that are tried, over the number of values in a row."""

SPANS = 1e-20, 1e20
"""Ranges of thresholds that a grid is laid over; others might overflow in single precision."""

MOST_ENTRIES = 2**20
"""Length that the tables may have in any case."""

ROOM = 2**16
"""Elements that a processor looks up at once."""

FEW_THREADS = 3
"""Threads up to which one compiled loop is faster than operations that all of them share."""

MOST_GROWTH = 4
"""Length that longer tables may have, over the number of thresholds."""


class Grid(NamedTuple):
    """Equal cells over the range of all thresholds; whatever is outside counts to the ends."""

    low: float
    high: float
    cells: int
    """Their number, a power of two."""

    @property
    def per_unit(self) -> float:
        """Cells per unit of the argument; the last cell begins at the upper end."""
        return (self.cells - 1) / (self.high - self.low) if self.cells > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Lookup:
    """Thresholds and values of several rows, sorted into the cells of a grid."""

    grid: Grid
    rows: int
    width: int
    """Values of one cell, a power of two. Where it has fewer thresholds, the rest is infinite."""
    thresholds: Float[Array, " entries"]
    """Those of the first cell of the first row, of its second cell, and so on."""
    values: Float[Array, " entries"]
    """Likewise: the value for every number of thresholds of the cell that are passed."""


def lookup_of(thresholds: Float[Array, "rows width"], values: Float[Array, "rows width"]) -> Lookup:
    """Tables for `look_up`, in the library and on the device of the arguments.

    Args:
        thresholds: Thresholds in ascending order, the last of each row infinite, float32 or
            float64.
        values: Value for every number of thresholds passed, from 0 to ``width - 1``.
    """
    host, values_host = as_host(thresholds), as_host(values)
    # Of equal thresholds the last one counts: what is between them is never reached.
    counts = np.isfinite(host) & (host != np.roll(host, -1, axis=1))
    begins = np.concatenate([np.ones_like(counts[:, :1]), counts[:, :-1]], axis=1)
    row = np.nonzero(counts)[0]
    grid, cell = _finest(thresholds, counts, row)
    number = np.bincount(row * grid.cells + cell, minlength=len(host) * grid.cells)[:, None]
    passed = np.cumsum(number)[:, None] - number
    width = _power_above(number.max())

    place = np.arange(width)
    own = np.append(host[counts], host.dtype.type(np.inf))
    own = own[np.where(place < number, passed + place, -1)]
    first = passed + np.arange(len(number))[:, None] // grid.cells
    held = values_host[begins][first + np.minimum(place, number)]
    return Lookup(
        grid=grid,
        rows=len(host),
        width=width,
        thresholds=from_host(own.ravel(), like=thresholds, dtype=thresholds.dtype),
        values=from_host(held.ravel(), like=values, dtype=values.dtype),
    )


def look_up(
    x: Float[Array, "*batch"], table: Lookup, /, *, axis: int, lines_per_row: int
) -> Float[Array, "*batch"]:
    """Value that belongs to the number of thresholds strictly below each element of ``x``.

    Args:
        x: Arguments; left unchanged. They are compared in the data type of the thresholds.
        table: Thresholds and values.
        axis: Axis of ``x`` along which the lines lie.
        lines_per_row: Neighbouring lines that share a row of the table.

    Returns:
        Array of the shape of ``x``, in the data type of the values; NaN stays NaN.
    """
    xp = array_namespace(x, table.thresholds, table.values)
    if str(device_of(x)) == "cpu" and threads_of(x) <= FEW_THREADS:
        found = xp.empty(x.shape, dtype=table.values.dtype, device=device_of(x))
        if _looked_up(x, table, found, axis, lines_per_row):
            return found
    size = max(1, ROOM * x.shape[0] // max(1, prod(x.shape))) if x.ndim > 1 else 1
    if axis % x.ndim == 0 or size >= x.shape[0] or str(device_of(x)) != "cpu":
        return _look_up(x, table, axis, lines_per_row)
    found = xp.empty(x.shape, dtype=table.values.dtype, device=device_of(x))
    for start in range(0, x.shape[0], size):
        part = slice(start, start + size)
        found[part, ...] = _look_up(x[part, ...], table, axis, lines_per_row)
    return found


def _looked_up(x: Array, table: Lookup, found: Array, axis: int, lines_per_row: int) -> bool:
    """Whether compiled loops have filled ``found`` with what `look_up` returns."""
    xp, grid, dtype = array_namespace(x), table.grid, table.thresholds.dtype
    number = np.dtype(str(dtype).rpartition(".")[2])
    axis %= x.ndim
    shape = (prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :]))
    return compiled.run(
        look_up_loops,
        xp.reshape(xp.astype(x, dtype, copy=False), shape),
        table.thresholds,
        table.values,
        np.asarray([grid.low, grid.high, grid.per_unit * table.width], dtype=number),
        grid.cells,
        table.width,
        lines_per_row if table.rows > 1 else 0,
        xp.reshape(found, shape),
    )


def _look_up(x: Array, table: Lookup, axis: int, lines_per_row: int) -> Array:
    """`look_up` of so many elements that a processor's cache holds what is made of them."""
    xp = array_namespace(x)
    x = xp.astype(x, table.thresholds.dtype, copy=False)
    inside = xp.clip(x, table.grid.low, table.grid.high)
    place = _cell_starts(inside, table.grid, table.width)
    if table.rows > 1:
        place += _row_starts(x, axis, lines_per_row, table.grid.cells * table.width)
    place = _search(xp.reshape(x, (-1,)), table, xp.reshape(place, (-1,)))
    found = xp.reshape(gathered(table.values, place), x.shape)
    # Zero, or NaN where the argument is: cheaper than to ask for it and to choose.
    inside -= inside
    found += xp.astype(inside, found.dtype, copy=False)
    return found


def _cell_starts(inside: Array, grid: Grid, width: int) -> Array:
    """Where the cell of each element of ``inside`` starts, if each cell takes ``width`` places.

    Elements lie within the grid; NaN goes to some cell. ``width`` is a power of two, which
    rounding does not see: the cell is the same for all of them.
    """
    offset = inside - grid.low
    offset *= grid.per_unit * width
    place = whole_part(offset)
    # Back to the start of a cell, and into the grid from wherever NaN has led.
    place &= (grid.cells - 1) * width
    return place


def _row_starts(x: Array, axis: int, lines_per_row: int, entries: int) -> Array:
    """Where the row of each line starts in the tables, in a shape that goes with ``x``."""
    xp = array_namespace(x)
    line = xp.arange(x.shape[axis], dtype=xp.int32, device=device_of(x))
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    return xp.reshape(line // lines_per_row * entries, tuple(shape))


def _search(x: Array, table: Lookup, place: Array) -> Array:
    """``place`` plus the number of thresholds of the cell below ``x``, bit by bit.

    ``place`` is overwritten.
    """
    xp = array_namespace(x)
    step = table.width // 2
    while step:
        ahead = gathered(table.thresholds[step - 1 :], place)
        below = xp.astype(exceeded(ahead, x), place.dtype)
        if step > 1:
            below *= step
        place += below
        step //= 2
    return place


def _finest(
    thresholds: Array, counts: np.ndarray[Any, Any], row: np.ndarray[Any, Any]
) -> tuple[Grid, np.ndarray[Any, Any]]:
    """The coarsest grid with the fewest thresholds in one cell, and the cell of each.

    Args:
        thresholds: All of them.
        counts: Which ones count.
        row: Row of each that counts.
    """
    own = as_host(thresholds)[counts]
    grid, cell = Grid(0.0, 0.0, 1), np.zeros(row.shape, dtype=np.int64)
    low, high = float(own.min(initial=np.inf)), float(own.max(initial=-np.inf))
    if not SPANS[0] < high - low < SPANS[1]:
        return grid, cell
    inside = array_namespace(thresholds).clip(thresholds, low, high)
    rows, width = counts.shape
    most = max(MOST_ENTRIES, MOST_GROWTH * counts.size)
    fewest = _power_above(np.bincount(row).max())
    for fineness in FINENESS:
        finer = Grid(low, high, _power_above(int(fineness * width) - 1))
        its_cell = as_host(_cell_starts(inside, finer, 1))[counts].astype(np.int64)
        entries = _power_above(np.bincount(row * finer.cells + its_cell).max())
        if entries < fewest and rows * finer.cells * entries <= most:
            fewest, grid, cell = entries, finer, its_cell
        if entries <= 2:
            break
    return grid, cell


def _power_above(number: int) -> int:
    """Smallest power of two above ``number``; 1 if it is not positive."""
    return 1 << int(max(number, 0)).bit_length()
