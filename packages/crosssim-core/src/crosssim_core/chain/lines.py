"""Output lines that lie side by side: stacked terms, and unit lines that come first."""

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.typing import Array


def surround(g: Float[Array, "*stack outputs inputs"], value: float, /) -> Array:
    """``g`` with one line of ``value`` before its outputs and one before its inputs."""
    xp = array_namespace(g)
    *stack, rows, cols = g.shape
    left = xp.full((*stack, rows, 1), value, dtype=g.dtype, device=device_of(g))
    top = xp.full((*stack, 1, cols + 1), value, dtype=g.dtype, device=device_of(g))
    return xp.concat((top, xp.concat((left, g), axis=-1)), axis=-2)


def minus_first(x: Float[Array, "*lines"], axis: int, /) -> Float[Array, "*lines"]:
    """All lines but the first along ``axis``, minus the first."""
    return x[along(x, axis, slice(1, None))] - x[along(x, axis, slice(0, 1))]


def parts(x: Float[Array, "*lines"], count: int, axis: int, /) -> list[Array]:
    """``count`` parts of equal size along ``axis``."""
    if count == 1:
        return [x]
    size = x.shape[axis] // count
    return [x[along(x, axis, slice(i * size, (i + 1) * size))] for i in range(count)]


def per_line(values: Float[Array, "*stack lines"], ndim: int, axis: int, /) -> Array:
    """``values`` in a shape that broadcasts against ``ndim`` axes, the lines along ``axis``."""
    behind = -1 - axis if axis < 0 else ndim - 1 - axis
    if not behind:
        return values
    return array_namespace(values).reshape(values, (*values.shape, *(1,) * behind))


def flat(x: Float[Array, "*lines"], axis: int, /) -> Float[Array, "*lines"]:
    """Lines of all matrices of a stack, one after the other.

    Args:
        x: Matrices along the axis before that of the lines.
        axis: Where the lines lie, counted from the last axis; also in the result.
    """
    axis += x.ndim
    shape = (*x.shape[: axis - 1], x.shape[axis - 1] * x.shape[axis], *x.shape[axis + 1 :])
    return array_namespace(x).reshape(x, shape)


def along(x: Array, axis: int, part: slice, /) -> tuple[slice, ...]:
    """Index of ``part`` along ``axis``."""
    index = [slice(None)] * x.ndim
    index[axis] = part
    return tuple(index)
