"""Unit lines: lines of zero weights that come before the others."""

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.typing import Array


def surround(g: Float[Array, "outputs inputs"], value: float, /) -> Array:
    """``g`` with one line of ``value`` before its outputs and one before its inputs."""
    xp = array_namespace(g)
    rows, cols = g.shape
    left = xp.full((rows, 1), value, dtype=g.dtype, device=device_of(g))
    top = xp.full((1, cols + 1), value, dtype=g.dtype, device=device_of(g))
    return xp.concat((top, xp.concat((left, g), axis=1)), axis=0)


def minus_first(x: Float[Array, "*lines"], axis: int, /) -> Float[Array, "*lines"]:
    """All lines but the first along ``axis``, minus the first."""
    return x[_along(x, axis, slice(1, None))] - x[_along(x, axis, slice(0, 1))]


def _along(x: Array, axis: int, part: slice) -> tuple[slice, ...]:
    index = [slice(None)] * x.ndim
    index[axis] = part
    return tuple(index)
