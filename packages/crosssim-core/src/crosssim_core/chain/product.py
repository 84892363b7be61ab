"""How the currents of the output lines are formed from voltages and conductances."""

from collections.abc import Callable
from typing import Any, Protocol

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.typing import Array

Convert = Callable[[Array], Array]
"""From digital inputs to voltages, element by element."""


class ArrayProduct(Protocol):
    """A linear map from voltages to line currents.

    The simplified chain forms every current through one of these, so that a layer can replace
    the plain matrix product by its native operation, a convolution for instance.
    """

    axis: int
    """Axis of the result along which the output lines lie."""

    def voltages(self, x: Any, convert: Convert, /) -> Any:
        """What `currents` is driven with, made of the digital inputs ``x`` by ``convert``."""

    def each(self, v: Any, function: Convert, /) -> Any:
        """The same with ``function`` applied to all voltages."""

    def currents(
        self, g: Float[Array, "outputs inputs"], v: Any, inputs: slice, /
    ) -> Float[Array, "*result"]:
        """Currents of the lines of one array; ``inputs`` are the input lines that drive it."""


class MatrixProduct:
    """Vectors along the last axis, so that the currents are ``v[…, inputs] @ g.T``."""

    axis = -1

    def voltages(
        self, x: Float[Array, "*batch all_inputs"], convert: Convert, /
    ) -> Float[Array, "*batch all_inputs"]:
        return convert(x)

    def each(self, v: Array, function: Convert, /) -> Array:
        return function(v)

    def currents(
        self,
        g: Float[Array, "outputs inputs"],
        v: Float[Array, "*batch all_inputs"],
        inputs: slice,
        /,
    ) -> Float[Array, "*batch outputs"]:
        return array_namespace(g).matmul(v[..., inputs], g.T)
