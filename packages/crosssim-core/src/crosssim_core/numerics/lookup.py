"""Piecewise constant functions, one for each line: thresholds, a search and a gather."""

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.typing import Array


def look_up(
    x: Float[Array, "*batch"],
    /,
    *,
    thresholds: Float[Array, "rows width"],
    values: Float[Array, "rows width"],
    axis: int,
    lines_per_row: int,
) -> Float[Array, "*batch"]:
    """Value that belongs to the number of thresholds strictly below each element of ``x``.

    Args:
        x: Arguments; left unchanged. They are compared in the data type of ``thresholds``.
        thresholds: Thresholds in ascending order, the last of each row infinite.
        values: Value for every number of thresholds from 0 to ``width - 1``. ``width`` is a
            power of two.
        axis: Axis of ``x`` along which the lines lie.
        lines_per_row: Neighbouring lines that share a row of the table.

    Returns:
        Array of the shape of ``x``, in the data type of ``values``; NaN stays NaN.
    """
    xp = array_namespace(x, thresholds, values)
    argument = xp.astype(x, thresholds.dtype, copy=False)
    flat = xp.reshape(argument, (-1,))
    start = _row_starts(argument, thresholds, axis, lines_per_row)
    place = _search(flat, xp.reshape(thresholds, (-1,)), start, thresholds.shape[1])
    found = xp.reshape(xp.take(xp.reshape(values, (-1,)), place, axis=0), x.shape)
    return xp.where(xp.isnan(argument), xp.astype(argument, values.dtype), found)


def _row_starts(x: Array, table: Array, axis: int, lines_per_row: int) -> Array:
    """Where the row of each element of ``x`` starts in the flattened table; a new array."""
    xp = array_namespace(x)
    # Torch gathers by 32-bit places many times faster than by 64-bit ones.
    line = xp.arange(x.shape[axis], dtype=xp.int32, device=device_of(x))
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    start = xp.reshape(line // lines_per_row * table.shape[1], tuple(shape))
    return xp.reshape(start + xp.zeros(x.shape, dtype=xp.int32, device=device_of(x)), (-1,))


def _search(x: Array, thresholds: Array, place: Array, width: int) -> Array:
    """``place`` plus the number of thresholds below ``x``: the bits of the number one by one.

    A search of the library is slower, and knows one row only. ``place`` is overwritten.
    """
    xp = array_namespace(x)
    step = width // 2
    while step:
        below = xp.take(thresholds, place + (step - 1), axis=0) < x
        place += step * xp.astype(below, place.dtype)
        step //= 2
    return place
