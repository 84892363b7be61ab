"""Taking lines out of arrays and putting them back, in any order that slices can give."""

from typing import Any

from jaxtyping import Shaped

from crosssim_core._array import array_namespace, device_of
from crosssim_core.typing import Array


def gather(x: Shaped[Array, "*shape"], lines: range | int, axis: int = -1) -> Array:
    """The ``lines`` of ``x`` along ``axis``, in their order; an integer drops the axis."""
    if isinstance(lines, int):
        return x[_along(x, axis, lines)]
    if lines == range(x.shape[axis]):
        return x
    picked = x[_along(x, axis, _ascending(lines))]
    return array_namespace(x).flip(picked, axis=axis) if lines.step < 0 else picked


def scatter(x: Shaped[Array, "*batch lines"], lines: range, size: int) -> Array:
    """Zeros of length ``size`` along the last axis, with ``x`` at ``lines``."""
    if lines == range(size):
        return x
    xp = array_namespace(x)
    full = xp.zeros((*x.shape[:-1], size), dtype=x.dtype, device=device_of(x))
    if lines:
        full[..., _ascending(lines)] = xp.flip(x, axis=-1) if lines.step < 0 else x
    return full


def place(
    block: Shaped[Array, "some_rows some_cols"],
    rows: range,
    cols: range,
    *,
    inside: Shaped[Array, "rows cols"],
) -> Shaped[Array, "rows cols"]:
    """A copy of ``inside`` with ``block`` at the crossings of ``rows`` and ``cols``."""
    xp = array_namespace(inside)
    result = xp.asarray(inside, copy=True)
    back = [axis for axis, lines in enumerate((rows, cols)) if lines.step < 0]
    if rows and cols:
        block = xp.flip(block, axis=tuple(back)) if back else block
        result[_ascending(rows), _ascending(cols)] = block
    return result


def _ascending(lines: range) -> slice:
    """The same lines from low to high, which every array library can slice."""
    if not lines:
        return slice(0, 0)
    up = lines if lines.step > 0 else lines[::-1]
    return slice(up[0], up[-1] + 1, up.step)


def _along(x: Array, axis: int, part: Any) -> tuple[Any, ...]:
    index = [slice(None)] * x.ndim
    index[axis] = part
    return tuple(index)
