"""Analog convolutions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crosssim_core.layers import ConvLayout
from crosssim_core.random import Stream
from crosssim_torch.analog import Params
from crosssim_torch.biases import OneBias
from crosssim_torch.forward import check_input, run_analog
from crosssim_torch.gradients import ConvRead
from crosssim_torch.products import ConvProduct
from crosssim_torch.tiles import Holding


class AnalogConv(OneBias, nn.modules.conv._ConvNd):
    """A stock convolution whose products are formed by simulated arrays.

    Args:
        params: One tree of parameters, or one for each array. A copy is kept.
        bias_rows: Array rows that hold the bias; with 0 it is added digitally.
        seed: Makes one chip; with None ``torch.manual_seed`` governs.

    The other arguments are those of the stock layer. Groups are stored block-diagonally in a
    matrix of full width; its structural zeros carry no programming error.

    Raises:
        CrossSimError: The parameters contradict each other or ask for what is not simulated.
    """

    def __init__(
        self,
        params: Params,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: torch.dtype | None = None,
        bias_rows: int = 0,
        *,
        seed: int | Stream | None = None,
    ) -> None:
        stock: Any = super().__init__
        stock(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
            device=device,
            dtype=dtype,
        )
        self._become_analog(params, bias_rows, seed)

    def _holdings(self, rows: Mapping[str, int]) -> dict[str, Holding]:
        return {"": Holding(self._layout(rows["bias"]), ("weight",), ("bias",))}

    def _layout(self, bias_rows: int) -> ConvLayout:
        amounts = self._reversed_padding_repeated_twice
        before_after = zip(amounts[-2::-2], amounts[-1::-2], strict=True)
        return ConvLayout(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=tuple(before_after),
            dilation=self.dilation,
            groups=self.groups,
            padding_mode=self.padding_mode,
            bias=self.bias is not None,
            bias_rows=bias_rows,
        )

    def forward(self, input: Tensor) -> Tensor:
        layout = self._layout(self.bias_rows)
        check_input(input, layout)
        batched = input.dim() == len(self.kernel_size) + 2
        x = input if batched else input[None]
        if self.padding_mode != "zeros":
            x = self._padded(x)
            layout = replace(layout, padding=((0, 0),) * len(self.kernel_size))
        y = run_analog(
            self._operands(),
            x,
            layout=layout,
            product=ConvProduct(
                self.in_channels, self.kernel_size, self.stride, self.dilation, layout.padding
            ),
            record=ConvRead,
            geometry=(self.stride, layout.padding, self.dilation, self.groups),
        )
        return y if batched else y[0]

    def _padded(self, x: Tensor) -> Tensor:
        amounts = self._reversed_padding_repeated_twice
        return F.pad(x, amounts, mode=self.padding_mode) if any(amounts) else x


class AnalogConv1d(AnalogConv, nn.Conv1d):
    """``nn.Conv1d`` in simulated arrays; see `AnalogConv` for the further arguments.

    Shapes: input ``(N, in_channels, L)`` or unbatched, output ``(N, out_channels, L_out)``.

    Example:
        >>> AnalogConv1d(CrossSimParameters(), 3, 8, 3)(torch.ones(1, 3, 16)).shape
        torch.Size([1, 8, 14])
    """

    stock_class = nn.Conv1d


class AnalogConv2d(AnalogConv, nn.Conv2d):
    """``nn.Conv2d`` in simulated arrays; see `AnalogConv` for the further arguments.

    Shapes: input ``(N, in_channels, H, W)`` or unbatched, output
    ``(N, out_channels, H_out, W_out)``.

    Example:
        >>> AnalogConv2d(CrossSimParameters(), 3, 8, 3)(torch.ones(1, 3, 16, 16)).shape
        torch.Size([1, 8, 14, 14])
    """

    stock_class = nn.Conv2d


class AnalogConv3d(AnalogConv, nn.Conv3d):
    """``nn.Conv3d`` in simulated arrays; see `AnalogConv` for the further arguments.

    Shapes: input ``(N, in_channels, D, H, W)`` or unbatched, output
    ``(N, out_channels, D_out, H_out, W_out)``.

    Example:
        >>> AnalogConv3d(CrossSimParameters(), 1, 2, 2)(torch.ones(1, 1, 4, 4, 4)).shape
        torch.Size([1, 2, 3, 3, 3])
    """

    stock_class = nn.Conv3d
