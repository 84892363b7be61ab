"""Analog transposed convolutions."""

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from crosssim_core.layers import ConvTransposeLayout
from crosssim_torch.conv import AnalogConvLike, across_groups
from crosssim_torch.convproducts import conv_product
from crosssim_torch.forward import check_input, run_analog
from crosssim_torch.geometry import each_axis
from crosssim_torch.gradients import ConvRead
from crosssim_torch.options import LayerOptions


class AnalogConvTranspose(AnalogConvLike, nn.modules.conv._ConvTransposeNd):
    """A stock transposed convolution whose products are formed by simulated arrays.

    It is read as the convolution of the image with zeros set between its elements: the matrix is
    that of a convolution with the kernel turned round, and each output is one product, summed by
    the array before it is converted.

    Takes ``params``, the arguments of the stock layer, ``bias_rows``, ``seed`` and ``options``; see
    `AnalogModule`. Where groups lie is one of the options.
    """

    def _layout(self, bias_rows: int, options: LayerOptions) -> ConvTransposeLayout:
        axes = self._axes
        return ConvTransposeLayout(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            kernel_size=each_axis(self.kernel_size, axes),
            stride=each_axis(self.stride, axes),
            padding=each_axis(self.padding, axes),
            output_padding=each_axis(self.output_padding, axes),
            dilation=each_axis(self.dilation, axes),
            groups=self.groups,
            bias=self.bias is not None,
            bias_rows=bias_rows,
            packed=options.groups == "packed" and self.groups > 1,
        )

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        operands, axes = self._operands(), self._axes
        layout: Any = operands.layer.layout
        check_input(input, layout, operands.weight)
        size = (output_size, layout.stride, layout.padding, layout.kernel_size, axes)
        further = self._output_padding(input, *size, layout.dilation)
        layout = replace(layout, output_padding=each_axis(further, axes))
        batched = input.dim() == axes + 2
        operands = replace(
            operands,
            weight=layout.kernel(operands.weight),
            programmed=layout.kernel(operands.programmed),
        )
        operands, convolution = across_groups(operands, layout.convolution)
        y = run_analog(
            operands,
            layout.stretched(input if batched else input[None]),
            layout=convolution,
            product=conv_product(convolution, (1,) * axes, layout.dilation),
            record=ConvRead,
            geometry=((1,) * axes, ((0, 0),) * axes, layout.dilation, convolution.groups),
        )
        return y if batched else y[0]


class AnalogConvTranspose1d(AnalogConvTranspose, nn.ConvTranspose1d):
    """``nn.ConvTranspose1d`` in simulated arrays.

    Shapes: input ``(N, in_channels, L)`` or unbatched, output ``(N, out_channels, L_out)``.

    Example:
        >>> AnalogConvTranspose1d(CrossSimParameters(), 3, 8, 4, 2)(torch.ones(1, 3, 16)).shape
        torch.Size([1, 8, 34])
    """

    stock_class = nn.ConvTranspose1d
    _axes = 1


class AnalogConvTranspose2d(AnalogConvTranspose, nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` in simulated arrays.

    Shapes: input ``(N, in_channels, H, W)`` or unbatched, output
    ``(N, out_channels, H_out, W_out)``.

    Example:
        >>> AnalogConvTranspose2d(CrossSimParameters(), 3, 8, 2, 2)(torch.ones(1, 3, 4, 4)).shape
        torch.Size([1, 8, 8, 8])
    """

    stock_class = nn.ConvTranspose2d
    _axes = 2


class AnalogConvTranspose3d(AnalogConvTranspose, nn.ConvTranspose3d):
    """``nn.ConvTranspose3d`` in simulated arrays.

    Shapes: input ``(N, in_channels, D, H, W)`` or unbatched, output
    ``(N, out_channels, D_out, H_out, W_out)``.

    Example:
        >>> AnalogConvTranspose3d(CrossSimParameters(), 1, 2, 2)(torch.ones(1, 1, 3, 3, 3)).shape
        torch.Size([1, 2, 4, 4, 4])
    """

    stock_class = nn.ConvTranspose3d
    _axes = 3
