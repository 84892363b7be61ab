"""Convolutions over any number of image axes."""

from dataclasses import dataclass
from math import prod

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.chain.block import Held
from crosssim_core.errors import ShapeError
from crosssim_core.layers.checks import (
    check_axes,
    check_counts,
    check_groups,
    check_padding,
    check_shapes,
)
from crosssim_core.layers.layout import append_bias, append_ones, held_bias
from crosssim_core.numerics.windows import PaddingMode, pad_image, window_counts, windows
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class ConvLayout:
    """Cross-correlation as in ``torch.nn.Conv1d``, ``Conv2d``, ``Conv3d``.

    Column ``c * k + κ`` of the matrix holds channel ``c`` and kernel element ``κ`` (row-major, of
    ``k``). Groups are stored block-diagonally over the full width.
    """

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    """Elements before and after, for each image axis."""
    dilation: tuple[int, ...]
    groups: int = 1
    padding_mode: PaddingMode = "zeros"
    bias: bool = True
    bias_rows: int = 0

    def __post_init__(self) -> None:
        check_counts(0, in_channels=self.in_channels, out_channels=self.out_channels)
        check_counts(0, bias_rows=self.bias_rows)
        axes = len(self.kernel_size)
        check_axes(1, axes, kernel_size=self.kernel_size, stride=self.stride)
        check_axes(1, axes, dilation=self.dilation)
        check_padding(self.padding, self.padding_mode, axes)
        check_groups(self.groups, in_channels=self.in_channels, out_channels=self.out_channels)

    @property
    def window(self) -> int:
        """Elements of the kernel in one channel."""
        return prod(self.kernel_size)

    @property
    def shape(self) -> tuple[int, int]:
        return self.out_channels, self.in_channels * self.window + self.bias_rows

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights: outputs, channels of a group, kernel."""
        return self.out_channels, self.in_channels // self.groups, *self.kernel_size

    @property
    def rows(self) -> tuple[int]:
        return (self.bias_rows,)

    @property
    def stack(self) -> int:
        return 1

    def matrix(
        self, weight: Float[Array, "outputs channels *kernel"], bias: Array | None = None, /
    ) -> Float[Array, "outputs inputs"]:
        xp = array_namespace(weight)
        check_shapes(weight=(weight, self.weight_shape), bias=(bias, (self.out_channels,)))
        flat = xp.reshape(weight, (self.out_channels, self._group[1]))
        if self.groups > 1:
            own, shape = flat, (self.out_channels, self.in_channels * self.window)
            flat = xp.zeros(shape, dtype=own.dtype, device=device_of(own))
            for piece in self.pieces:
                flat[piece.outputs, piece.inputs[0]] = own[piece.outputs, :]
        return append_bias(flat, bias, self.bias_rows)

    def variables(self, matrix: Float[Array, "outputs inputs"], /) -> tuple[Array, Array | None]:
        xp = array_namespace(matrix)
        height, width = self._group
        blocks = [
            matrix[g * height : (g + 1) * height, g * width : (g + 1) * width]
            for g in range(self.groups)
        ]
        weight = xp.reshape(xp.concat(blocks, axis=0), self.weight_shape)
        bias = slice(self.in_channels * self.window, self.shape[1])
        return weight, held_bias(matrix, bias) if self.bias else None

    def digital_bias(self, bias: Float[Array, " outputs"] | None = None, /) -> Array | None:
        return None if self.bias_rows else bias

    @property
    def pieces(self) -> tuple[Held, ...]:
        height, width = self._group
        bias = slice(self.in_channels * self.window, self.shape[1])
        return tuple(
            Held(
                slice(g * height, (g + 1) * height),
                (slice(g * width, (g + 1) * width), *((bias,) if self.bias_rows else ())),
            )
            for g in range(self.groups if self.groups > 1 else 0)
        )

    def check(self, x: Float[Array, "*images"], /) -> None:
        axes = len(self.kernel_size)
        if x.ndim not in (axes + 1, axes + 2) or x.shape[-axes - 1] != self.in_channels:
            raise ShapeError(
                f"This layer takes images of {self.in_channels} channels and {axes} axes, batched "
                f"or not; got an input of shape {tuple(x.shape)}."
            )
        self._positions(x)

    @property
    def images(self) -> bool:
        return True

    def batched(self, x: Float[Array, "*images"], /) -> bool:
        return bool(x.ndim == len(self.kernel_size) + 2)

    def driving(self, x: Float[Array, "*images"], /) -> Float[Array, "batch channels *padded"]:
        self.check(x)
        images = x if self.batched(x) else x[None, ...]
        return pad_image(images, widths=self.padding, mode=self.padding_mode)

    def vectors(self, x: Float[Array, "*images"], /) -> Array:
        return append_ones(self._columns(x), self.bias_rows)

    def _columns(self, x: Float[Array, "*images"]) -> Float[Array, "batch positions inputs"]:
        """What the windows of the padded images hold, channel by channel."""
        return windows(
            self.driving(x), kernel=self.kernel_size, stride=self.stride, dilation=self.dilation
        )

    def outputs(self, y: Float[Array, "batch positions outputs"], x: Array, /) -> Array:
        xp = array_namespace(y)
        shape = (y.shape[0], self.out_channels, *self._positions(x))
        maps = xp.reshape(xp.matrix_transpose(y), shape)
        return maps if self.batched(x) else maps[0, ...]

    def add_bias(self, y: Float[Array, "*result"], bias: Array, /) -> Array:
        return y + array_namespace(y).reshape(bias, (-1, *(1,) * len(self.kernel_size)))

    def _positions(self, x: Array) -> tuple[int, ...]:
        """Output positions along each image axis."""
        image = x.shape[-len(self.kernel_size) :]
        padded = [n + a + b for n, (a, b) in zip(image, self.padding, strict=True)]
        return window_counts(
            padded, kernel=self.kernel_size, stride=self.stride, dilation=self.dilation
        )

    @property
    def _group(self) -> tuple[int, int]:
        """Rows and columns of the block of one group."""
        return (
            self.out_channels // self.groups,
            self.in_channels // self.groups * self.window,
        )
