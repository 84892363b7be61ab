"""Convolutions whose groups lie in arrays of their own."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Held
from crosssim_core.layers.checks import check_shapes
from crosssim_core.layers.conv import ConvLayout
from crosssim_core.layers.layout import append_bias, append_ones, held_bias
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class PackedConvLayout(ConvLayout):
    """`ConvLayout` without the zeros between its groups.

    The matrices of the groups lie one below the other: column ``c * k + κ`` holds channel ``c`` of
    each group and kernel element ``κ``, and bias rows follow. Each group is driven by vectors of
    its own.
    """

    @property
    def shape(self) -> tuple[int, int]:
        return self.out_channels, self._group[1] + self.bias_rows

    @property
    def stack(self) -> int:
        return self.groups

    def matrix(
        self, weight: Float[Array, "outputs channels *kernel"], bias: Array | None = None, /
    ) -> Float[Array, "outputs inputs"]:
        check_shapes(weight=(weight, self.weight_shape), bias=(bias, (self.out_channels,)))
        flat = array_namespace(weight).reshape(weight, (self.out_channels, -1))
        return append_bias(flat, bias, self.bias_rows)

    def variables(self, matrix: Float[Array, "outputs inputs"], /) -> tuple[Array, Array | None]:
        width = self._group[1]
        weight = array_namespace(matrix).reshape(matrix[:, :width], self.weight_shape)
        return weight, held_bias(matrix, slice(width, self.shape[1])) if self.bias else None

    @property
    def pieces(self) -> tuple[Held, ...]:
        return ()

    def vectors(
        self, x: Float[Array, "*images"], /
    ) -> Float[Array, "batch positions *groups inputs"]:
        columns = self._columns(x)
        if self.groups > 1:
            shape = (*columns.shape[:2], self.groups, self._group[1])
            columns = array_namespace(x).reshape(columns, shape)
        return append_ones(columns, self.bias_rows)
