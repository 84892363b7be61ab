"""Analog convolutions."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crosssim_core.layers import ConvLayout, ConvTransposeLayout, PackedConvLayout
from crosssim_torch.biases import OneBias
from crosssim_torch.convproducts import conv_product
from crosssim_torch.forward import Operands, check_input, may_record, run_analog
from crosssim_torch.geometry import each_axis, padding_of
from crosssim_torch.gradients import ConvRead
from crosssim_torch.options import LayerOptions
from crosssim_torch.tiles import Holding


class AnalogConvLike(OneBias):
    """What convolutions of both kinds share: one kernel, and one bias."""

    _in_fused_paths = False
    _sizes = "its groups, channels and kernel_size tell it, which may be assigned first"
    _axes: ClassVar[int]
    """Axes of its images."""

    @abstractmethod
    def _layout(self, bias_rows: int, options: LayerOptions) -> ConvLayout | ConvTransposeLayout:
        """How the kernel lies in a matrix, by the attributes that the layer has now."""

    def _holdings(self, rows: Mapping[str, int], options: LayerOptions) -> dict[str, Holding]:
        return {"": Holding(self._layout(rows["bias"], options), ("weight",), ("bias",))}

    def _shape_of(self, name: str) -> tuple[int, ...]:
        layout = self._layout(0, self._options)
        return layout.weight_shape if name == "weight" else (layout.out_channels,)


class AnalogConv(AnalogConvLike, nn.modules.conv._ConvNd):
    """A stock convolution whose products are formed by simulated arrays.

    Takes ``params``, the arguments of the stock layer, ``bias_rows``, ``seed`` and ``options``; see
    `AnalogModule`. Where groups lie is one of the options.
    """

    def _layout(self, bias_rows: int, options: LayerOptions) -> ConvLayout:
        axes = self._axes
        packed = options.groups == "packed" and self.groups > 1
        kind = PackedConvLayout if packed else ConvLayout
        return kind(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            kernel_size=each_axis(self.kernel_size, axes),
            stride=each_axis(self.stride, axes),
            padding=padding_of(self),
            dilation=each_axis(self.dilation, axes),
            groups=self.groups,
            padding_mode=self.padding_mode,
            bias=self.bias is not None,
            bias_rows=bias_rows,
        )

    def forward(self, input: Tensor) -> Tensor:
        operands = self._operands()
        known = operands.at_once(input)
        if known is not None:
            return known
        layout: Any = operands.layer.layout
        check_input(input, layout, operands.weight)
        batched = layout.batched(input)
        x = input if batched else input[None]
        if self.padding_mode != "zeros":
            x = self._padded(x)
            layout = _unpadded(layout)
        operands, layout = across_groups(operands, layout)
        y = run_analog(
            operands,
            x,
            layout=layout,
            product=conv_product(layout, layout.stride, layout.dilation),
            record=ConvRead,
            geometry=(layout.stride, layout.padding, layout.dilation, layout.groups),
        )
        return y if batched else y[0]

    def _padded(self, x: Tensor) -> Tensor:
        amounts = self._reversed_padding_repeated_twice
        return F.pad(x, amounts, mode=self.padding_mode) if any(amounts) else x


def across_groups(operands: Operands, layout: ConvLayout) -> tuple[Operands, ConvLayout]:
    """A convolution without groups, where derivatives by the inputs reach across them.

    The weights are those of the groups, with zeros between them.
    """
    matrix = operands.matrix
    if matrix is None or not may_record():
        return operands, layout
    kernel = matrix.unflatten(1, (layout.in_channels, *layout.kernel_size))
    weight = _spread(operands.weight, layout.groups)
    return replace(operands, weight=weight, programmed=kernel), replace(layout, groups=1)


def _spread(weight: Tensor, groups: int) -> Tensor:
    """Kernels ``(outputs, channels / groups, *kernel)`` of groups as those of all channels."""
    own = weight.unflatten(0, (groups, -1)).unsqueeze(2)
    beside = torch.eye(groups, dtype=weight.dtype, device=weight.device)
    apart = beside.reshape(groups, 1, groups, *(1,) * (weight.dim() - 1))
    dense: Tensor = own * apart
    return dense.flatten(2, 3).flatten(0, 1)


@lru_cache(maxsize=256)
def _unpadded(layout: ConvLayout) -> ConvLayout:
    return replace(layout, padding=((0, 0),) * len(layout.kernel_size))


class AnalogConv1d(AnalogConv, nn.Conv1d):
    """``nn.Conv1d`` in simulated arrays.

    Shapes: input ``(N, in_channels, L)`` or unbatched, output ``(N, out_channels, L_out)``.

    Example:
        >>> AnalogConv1d(CrossSimParameters(), 3, 8, 3)(torch.ones(1, 3, 16)).shape
        torch.Size([1, 8, 14])
    """

    stock_class = nn.Conv1d
    _axes = 1


class AnalogConv2d(AnalogConv, nn.Conv2d):
    """``nn.Conv2d`` in simulated arrays.

    Shapes: input ``(N, in_channels, H, W)`` or unbatched, output
    ``(N, out_channels, H_out, W_out)``.

    Example:
        >>> AnalogConv2d(CrossSimParameters(), 3, 8, 3)(torch.ones(1, 3, 16, 16)).shape
        torch.Size([1, 8, 14, 14])
    """

    stock_class = nn.Conv2d
    _axes = 2


class AnalogConv3d(AnalogConv, nn.Conv3d):
    """``nn.Conv3d`` in simulated arrays.

    Shapes: input ``(N, in_channels, D, H, W)`` or unbatched, output
    ``(N, out_channels, D_out, H_out, W_out)``.

    Example:
        >>> AnalogConv3d(CrossSimParameters(), 1, 2, 2)(torch.ones(1, 1, 4, 4, 4)).shape
        torch.Size([1, 2, 3, 3, 3])
    """

    stock_class = nn.Conv3d
    _axes = 3
