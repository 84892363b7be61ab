"""Elementwise steps of the simplified chain, on arrays that nobody else holds."""

from collections.abc import Iterable, Sequence
from typing import Any

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core._array import rounded as rounded_in_place
from crosssim_core.chain.inputs import Scale
from crosssim_core.chain.lines import parts
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array

ROOM = 3 * 2**19
"""Elements that a processor works on at once, so that its caches hold them, and that memory stays
with the process from one piece to the next: the C library gives larger pieces back each time."""


def added(a: Any, b: Any) -> Any:
    """Sum of two arrays, either of which may be absent; None if both are."""
    return b if a is None else a if b is None else a + b


class Arithmetic:
    """The steps for any array library.

    What takes ``lines`` may overwrite them. A layer of another package can do the same steps with
    fewer passes over memory.
    """

    def room(self, x: Array, noise: NoiseSource | None, /) -> int:
        """Elements that stacked lines of the inputs ``x`` may have at once.

        What ``noise`` gives to whom depends on it where more than one number is drawn for a line.
        """
        return ROOM

    def per_line(
        self, values: Float[Array, "*stack lines"], ndim: int, axis: int, /
    ) -> Float[Array, "*shape"]:
        """``values`` in a shape that broadcasts against ``ndim`` axes, the lines along ``axis``."""
        behind = -1 - axis if axis < 0 else ndim - 1 - axis
        return self.reshaped(values, (*values.shape, *(1,) * behind)) if behind else values

    def reshaped(self, x: Array, shape: tuple[int, ...], /) -> Array:
        """``x`` in another shape."""
        return array_namespace(x).reshape(x, shape)

    def empty(self, shape: tuple[int, ...], /, *, like: Array) -> Array:
        """Room for numbers as those of ``like``."""
        return array_namespace(like).empty(shape, dtype=like.dtype, device=device_of(like))

    def joined(self, pieces: Iterable[Any], length: int, /) -> Any:
        """Pieces one after the other along the first axis, each set in place as soon as it comes.

        Args:
            pieces: At least one.
            length: Of the result.
        """
        joined: Any = None
        start = 0
        for piece in pieces:
            if joined is None:
                joined = self.empty((length, *piece.shape[1:]), like=piece)
            stop = start + piece.shape[0]
            joined[start:stop, ...] = piece
            start = stop
        return joined

    def codes(
        self,
        x: Float[Array, "*batch"],
        factor: Scale,
        offset: float,
        top: float,
        origin: float,
        /,
    ) -> Float[Array, "*batch"]:
        """``offset + factor * x``, rounded to an integer of ``0 … top``, minus ``origin``.

        Ties go to the even one of these integers. ``x`` is left unchanged.
        """
        position = x * factor
        if offset:
            position += offset
        codes = self.rounded(position, top)
        if origin:
            codes -= origin
        return codes

    def rounded(self, lines: Float[Array, "*lines"], top: float, /) -> Float[Array, "*lines"]:
        """The nearest integers of ``0 … top``; ties go to the even one."""
        return rounded_in_place(array_namespace(lines).clip(lines, 0.0, top))

    def clipped(self, lines: Float[Array, "*lines"], limit: float, /) -> Float[Array, "*lines"]:
        """What is left within ``±limit``."""
        return array_namespace(lines).clip(lines, -limit, limit)

    def readied(self, x: Float[Array, "*batch"], /) -> Float[Array, "*batch"]:
        """``x``, laid out in memory as suits products that read such numbers again and again."""
        return x

    def digit(
        self, codes: Float[Array, "*batch"], size: int, /, *, spare: bool
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
        """Lowest digit of integers, with their sign, and the integers that the others make up.

        Args:
            codes: The integers.
            size: Bits of one digit [bit].
            spare: Whether ``codes`` may be overwritten.
        """
        higher = array_namespace(codes).trunc(codes / 2**size)
        return codes - 2**size * higher, higher

    def noisy(
        self,
        lines: Float[Array, "*lines"],
        variance: Float[Array, "*lines"],
        noise: NoiseSource,
        /,
    ) -> Float[Array, "*lines"]:
        """``lines`` with normal noise of this variance, which may be overwritten."""
        xp = array_namespace(variance)
        # Fast convolutions leave round-off below zero.
        return lines + xp.sqrt(xp.clip(variance, 0.0, None)) * noise.normal_like(variance)

    def weighed(
        self,
        lines: Float[Array, "*terms"],
        gains: Sequence[float],
        /,
        *,
        axis: int,
        onto: Any = None,
        offset: Any = None,
    ) -> Float[Array, "*lines"]:
        """Sum of the parts of ``lines``, each with its gain.

        Args:
            lines: As many parts of equal size along ``axis`` as there are gains.
            gains: Factor of each part.
            axis: Where the lines lie.
            onto: What the sum is added to, and may overwrite; None for nothing.
            offset: What is added besides, in a shape that broadcasts, and left unchanged; None for
                nothing.
        """
        y = onto
        for part, gain in zip(parts(lines, len(gains), axis), gains, strict=True):
            term = part if gain == 1.0 else part * gain
            y = term if y is None else y + term
        return y if offset is None else y + offset
