"""How the currents of the output lines are formed from voltages and conductances."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Protocol

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.arithmetic import Arithmetic
from crosssim_core.chain.block import Held
from crosssim_core.typing import Array

Operator = Callable[[Any, Any], Any]
"""From what drives an array, and what is added to each line (or None), to line currents."""


class ArrayProduct(Protocol):
    """A linear map from what drives the input lines to line currents.

    The simplified chain forms every current through one of these, so that a layer can replace
    the plain matrix product by its native operation, a convolution for instance. Instances are
    immutable and hashable: operators are made once for each, and kept.
    """

    arithmetic: ClassVar[Arithmetic]
    """Elementwise steps before and after the product."""

    @property
    def axis(self) -> int:
        """Axis of the result along which the output lines lie; counted from the last one where
        matrices of a stack lie along the axis before.
        """

    def operator(
        self,
        g: Float[Array, "*stack lines inputs"],
        inputs: slice,
        /,
        *,
        constant: Float[Array, "*stack lines"] | None,
        one: float,
        rest: float,
    ) -> Operator:
        """The map ``g @ v + constant``, to be used many times.

        Args:
            g: One row for each output line; left unchanged. In a stack each matrix is driven by
                inputs of its own, and its lines are told apart by the axis before `axis`.
            inputs: Lines of the whole input that ``g`` is driven by.
            constant: What is always added to each line; None for nothing.
            one: What drives the lines of the constant input 1, where these are left implicit.
            rest: What drives the lines of padding, likewise.
        """

    def among(self, held: tuple[Held, ...], /) -> "ArrayProduct":
        """The product of a stack of pieces of the matrix, or of a single one without a stack.

        Each is driven by inputs of its own, which ``inputs`` of an operator counts.
        """

    def positions(self, x: Any, /) -> int:
        """Vectors that one element of the first axis of ``x`` stands for; 0 for a single vector."""

    def total(
        self, like: Array, inputs: slice, gain: float, /, *, one: float, rest: float
    ) -> Operator:
        """`operator` of one line with ``gain`` for each of ``inputs``.

        Args:
            like: An array of the data type, and on the device, to compute with.
            inputs: As for `operator`.
            gain: Conductance of the line.
            one: As for `operator`.
            rest: Likewise.
        """


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """Vectors along the last axis, so that the currents are ``v[…, inputs] @ g.T``.

    Those of a stack of matrices lie along the axis before it.
    """

    held: tuple[Held, ...] = ()
    """Pieces of the matrix, each of which takes its own from one vector for all; empty for the
    matrix itself."""
    axis: ClassVar[int] = -1
    arithmetic: ClassVar[Arithmetic] = Arithmetic()

    def operator(
        self,
        g: Float[Array, "*stack lines inputs"],
        inputs: slice,
        /,
        *,
        constant: Float[Array, "*stack lines"] | None,
        one: float = 1.0,
        rest: float = 0.0,
    ) -> Operator:
        matrix, stacked = array_namespace(g).matrix_transpose(g), g.ndim > 2

        def currents(v: Array, further: Any) -> Array:
            lines = _products(self._driving(v, stacked)[..., inputs], matrix)
            if constant is not None:
                lines += constant
            return lines if further is None else lines + further

        return currents

    def among(self, held: tuple[Held, ...], /) -> "ArrayProduct":
        return MatrixProduct(held)

    def positions(self, x: Array, /) -> int:
        return prod(x.shape[1:-1]) if x.ndim > 1 else 0

    def total(
        self, like: Array, inputs: slice, gain: float, /, *, one: float = 1.0, rest: float = 0.0
    ) -> Operator:
        xp = array_namespace(like)

        def sums(v: Array, further: Any) -> Array:
            total = gain * xp.sum(
                self._driving(v, len(self.held) > 1)[..., inputs], axis=-1, keepdims=True
            )
            return total if further is None else total + further

        return sums

    def _driving(
        self, v: Float[Array, "*batch inputs"], stacked: bool
    ) -> Float[Array, "*batch own"]:
        if not self.held:
            return v
        xp = array_namespace(v)
        own = [xp.concat([v[..., lines] for lines in piece.inputs], axis=-1) for piece in self.held]
        return xp.stack(own, axis=-2) if stacked else own[0]


def _products(
    v: Float[Array, "*batch inputs"], matrix: Float[Array, "*stack inputs lines"]
) -> Float[Array, "*batch lines"]:
    xp = array_namespace(v)
    if matrix.ndim == 2:
        return xp.matmul(v, matrix)
    *batch, stack, inputs = v.shape
    own = xp.permute_dims(xp.reshape(v, (prod(batch), stack, inputs)), (1, 0, 2))
    lines = xp.permute_dims(xp.matmul(own, matrix), (1, 0, 2))
    return xp.reshape(lines, (*batch, stack, matrix.shape[-1]))


MATRIX_PRODUCT = MatrixProduct()
