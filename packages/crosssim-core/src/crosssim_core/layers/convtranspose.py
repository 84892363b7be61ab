"""Transposed convolutions over any number of image axes."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.chain.block import Held
from crosssim_core.errors import ParameterError, ShapeError
from crosssim_core.layers.checks import check_axes, check_counts, check_groups, check_shapes
from crosssim_core.layers.conv import ConvLayout
from crosssim_core.layers.packed import PackedConvLayout
from crosssim_core.numerics.windows import pad_image
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class ConvTransposeLayout:
    """As in ``torch.nn.ConvTranspose1d``, ``2d``, ``3d``: the convolution of a stretched image.

    Zeros are set between the elements of the image, and the matrix is that of a convolution with
    the kernel turned round. So every output is one product, summed by the array before it is
    converted, and a bias can have array rows. The zeros are ordinary inputs, as padding is.
    """

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    """What the stock layer takes away at both ends of each image axis."""
    output_padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    bias: bool = True
    bias_rows: int = 0
    packed: bool = False
    """Whether groups lie in arrays of their own, see `PackedConvLayout`."""

    def __post_init__(self) -> None:
        check_counts(0, in_channels=self.in_channels, out_channels=self.out_channels)
        check_counts(0, bias_rows=self.bias_rows)
        axes = len(self.kernel_size)
        check_axes(1, axes, kernel_size=self.kernel_size, stride=self.stride)
        check_axes(1, axes, dilation=self.dilation)
        check_axes(0, axes, padding=self.padding, output_padding=self.output_padding)
        check_groups(self.groups, in_channels=self.in_channels, out_channels=self.out_channels)
        sides = zip(self.output_padding, self.stride, self.dilation, strict=True)
        if any(more >= max(step, reach) for more, step, reach in sides):
            raise ParameterError(
                f"must be smaller than stride or dilation, got {self.output_padding} with stride "
                f"{self.stride} and dilation {self.dilation}.",
                "output_padding",
            )

    @property
    def convolution(self) -> ConvLayout:
        """The convolution of `stretched` images."""
        axes = len(self.kernel_size)
        kind = PackedConvLayout if self.packed else ConvLayout
        return kind(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            kernel_size=self.kernel_size,
            stride=(1,) * axes,
            padding=((0, 0),) * axes,
            dilation=self.dilation,
            groups=self.groups,
            bias=self.bias,
            bias_rows=self.bias_rows,
        )

    @property
    def shape(self) -> tuple[int, int]:
        return self.convolution.shape

    @property
    def stack(self) -> int:
        return self.convolution.stack

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights: channels, outputs of a group, kernel."""
        return self.in_channels, self.out_channels // self.groups, *self.kernel_size

    @property
    def rows(self) -> tuple[int]:
        return (self.bias_rows,)

    def kernel(
        self, weight: Float[Array, "in_channels outputs *kernel"], /
    ) -> Float[Array, "out_channels inputs *kernel"]:
        """The kernel of `convolution`: groups by themselves, channels exchanged, turned round."""
        return self._exchanged(weight, self.in_channels)

    def matrix(
        self, weight: Float[Array, "in_channels outputs *kernel"], bias: Array | None = None, /
    ) -> Float[Array, "outputs inputs"]:
        check_shapes(weight=(weight, self.weight_shape))
        return self.convolution.matrix(self.kernel(weight), bias)

    def variables(self, matrix: Float[Array, "outputs inputs"], /) -> tuple[Array, Array | None]:
        kernel, bias = self.convolution.variables(matrix)
        return self._exchanged(kernel, self.out_channels), bias

    def digital_bias(self, bias: Float[Array, " outputs"] | None = None, /) -> Array | None:
        return None if self.bias_rows else bias

    @property
    def pieces(self) -> tuple[Held, ...]:
        return self.convolution.pieces

    def check(self, x: Float[Array, "*images"], /) -> None:
        axes = len(self.kernel_size)
        if x.ndim not in (axes + 1, axes + 2) or x.shape[-axes - 1] != self.in_channels:
            raise ShapeError(
                f"This layer takes images of {self.in_channels} channels and {axes} axes, batched "
                f"or not; got an input of shape {tuple(x.shape)}."
            )

    def stretched(self, x: Float[Array, "batch channels *image"], /) -> Array:
        """Images with zeros between their elements and around them."""
        for axis, (step, k, d, taken, more) in enumerate(
            zip(
                self.stride,
                self.kernel_size,
                self.dilation,
                self.padding,
                self.output_padding,
                strict=True,
            ),
            start=2,
        ):
            x = _stretch(x, axis, step)
            reach = d * (k - 1)
            x = _reframe(x, axis, reach - taken, reach - taken + more)
        return x

    @property
    def images(self) -> bool:
        return True

    def batched(self, x: Float[Array, "*images"], /) -> bool:
        return bool(x.ndim == len(self.kernel_size) + 2)

    def driving(self, x: Float[Array, "*images"], /) -> Float[Array, "batch channels *stretched"]:
        self.check(x)
        return self.stretched(x if self.batched(x) else x[None, ...])

    def vectors(self, x: Float[Array, "*images"], /) -> Array:
        return self.convolution.vectors(self.driving(x))

    def outputs(self, y: Float[Array, "batch positions outputs"], x: Array, /) -> Array:
        images = x if self.batched(x) else x[None, ...]
        maps = self.convolution.outputs(y, self.stretched(images))
        return maps if images is x else maps[0, ...]

    def add_bias(self, y: Float[Array, "*result"], bias: Array, /) -> Array:
        return self.convolution.add_bias(y, bias)

    def _exchanged(self, kernel: Array, first: int) -> Array:
        """First axis and group members exchanged, kernel axes turned round; its own inverse."""
        xp = array_namespace(kernel)
        members, size = kernel.shape[1], kernel.shape[2:]
        grouped = xp.reshape(kernel, (self.groups, first // self.groups, members, *size))
        axes = range(3, 3 + len(size))
        turned = xp.flip(xp.permute_dims(grouped, (0, 2, 1, *axes)), axis=tuple(axes))
        return xp.reshape(turned, (self.groups * members, first // self.groups, *size))


def _stretch(x: Array, axis: int, step: int) -> Array:
    """``step - 1`` zeros between neighbours along ``axis``."""
    count = x.shape[axis]
    if step == 1 or count == 0:
        return x
    xp = array_namespace(x)
    before, after = x.shape[: axis + 1], x.shape[axis + 1 :]
    zeros = xp.zeros((*before, step - 1, *after), dtype=x.dtype, device=device_of(x))
    spread = xp.concat((xp.expand_dims(x, axis=axis + 1), zeros), axis=axis + 1)
    spread = xp.reshape(spread, (*before[:-1], count * step, *after))
    return spread[(slice(None),) * axis + (slice(0, (count - 1) * step + 1), ...)]


def _reframe(x: Array, axis: int, before: int, after: int) -> Array:
    """So many more zeros at both ends of ``axis``; a negative number takes elements away."""
    part = slice(max(-before, 0), max(x.shape[axis] - max(-after, 0), 0))
    x = x[(slice(None),) * axis + (part, ...)]
    widths = [(0, 0)] * (x.ndim - 2)
    widths[axis - 2] = (max(before, 0), max(after, 0))
    return pad_image(x, widths=widths)
