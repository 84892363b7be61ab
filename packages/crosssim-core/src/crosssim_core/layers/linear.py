"""Fully connected layers."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Held
from crosssim_core.errors import ShapeError
from crosssim_core.layers.checks import check_counts, check_shapes
from crosssim_core.layers.layout import append_bias, append_ones, held_bias
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class LinearLayout:
    """``y = W x + b`` over the last axis; shapes as in ``torch.nn.Linear``."""

    in_features: int
    out_features: int
    bias: bool = True
    bias_rows: int = 0

    def __post_init__(self) -> None:
        check_counts(
            0,
            in_features=self.in_features,
            out_features=self.out_features,
            bias_rows=self.bias_rows,
        )

    @property
    def shape(self) -> tuple[int, int]:
        return self.out_features, self.in_features + self.bias_rows

    @property
    def stack(self) -> int:
        return 1

    @property
    def rows(self) -> tuple[int]:
        return (self.bias_rows,)

    def matrix(
        self, weight: Float[Array, "outputs features"], bias: Array | None = None, /
    ) -> Float[Array, "outputs inputs"]:
        wanted = (self.out_features, self.in_features)
        check_shapes(weight=(weight, wanted), bias=(bias, wanted[:1]))
        return append_bias(weight, bias, self.bias_rows)

    def variables(self, matrix: Float[Array, "outputs inputs"], /) -> tuple[Array, Array | None]:
        bias = slice(self.in_features, self.shape[1])
        return matrix[:, : self.in_features], held_bias(matrix, bias) if self.bias else None

    def digital_bias(self, bias: Float[Array, " outputs"] | None = None, /) -> Array | None:
        return None if self.bias_rows else bias

    @property
    def pieces(self) -> tuple[Held, ...]:
        return ()

    def check(self, x: Float[Array, "*batch features"], /) -> None:
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ShapeError(
                f"This layer takes {self.in_features} features along the last axis, got an input "
                f"of shape {tuple(x.shape)}."
            )

    @property
    def images(self) -> bool:
        return False

    def batched(self, x: Float[Array, "*batch features"], /) -> bool:
        return False

    def driving(self, x: Float[Array, "*batch features"], /) -> Float[Array, "*batch features"]:
        return x

    def vectors(self, x: Float[Array, "*batch features"], /) -> Float[Array, "*batch inputs"]:
        self.check(x)
        return append_ones(x, self.bias_rows)

    def outputs(self, y: Float[Array, "*batch outputs"], x: Array, /) -> Array:
        return y

    def add_bias(self, y: Float[Array, "*batch outputs"], bias: Array, /) -> Array:
        return y + bias


@dataclass(frozen=True, slots=True)
class TransposedLinearLayout(LinearLayout):
    """`LinearLayout` of layers whose weights have shape (features, outputs)."""

    def matrix(
        self, weight: Float[Array, "features outputs"], bias: Array | None = None, /
    ) -> Float[Array, "outputs inputs"]:
        wanted = (self.in_features, self.out_features)
        check_shapes(weight=(weight, wanted), bias=(bias, wanted[1:]))
        return append_bias(array_namespace(weight).matrix_transpose(weight), bias, self.bias_rows)

    def variables(self, matrix: Float[Array, "outputs inputs"], /) -> tuple[Array, Array | None]:
        bias = slice(self.in_features, self.shape[1])
        weight = array_namespace(matrix).matrix_transpose(matrix[:, : self.in_features])
        return weight, held_bias(matrix, bias) if self.bias else None
