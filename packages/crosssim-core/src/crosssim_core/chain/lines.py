"""Output lines that lie side by side: stacked terms, and unit lines that come first."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Lines:
    """Some of many lines, in an order of their own."""

    index: slice | Array

    @classmethod
    def of(cls, numbers: Sequence[int], *, like: Array) -> "Lines":
        """The lines of these ``numbers``, for arrays that live where ``like`` does."""
        first, count = (numbers[0], len(numbers)) if numbers else (0, 0)
        if list(numbers) == list(range(first, first + count)):
            return cls(slice(first, first + count))
        xp = array_namespace(like)
        return cls(xp.asarray(list(numbers), dtype=xp.int64, device=device_of(like)))

    def pick(self, x: Float[Array, "*lines"], axis: int, /) -> Float[Array, "*lines"]:
        """These lines of ``x``, along ``axis``; ``x`` itself if they are all of them in order."""
        if isinstance(self.index, slice):
            whole = self.index == slice(0, x.shape[axis])
            return x if whole else x[along(x, axis, self.index)]
        return array_namespace(x).take(x, self.index, axis=axis)
