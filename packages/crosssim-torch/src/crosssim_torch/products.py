"""Line currents by PyTorch's own operations instead of explicit matrix products."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from crosssim_core.chain.product import Convert

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class Drive(NamedTuple):
    """Voltages of a layer: of its data, and of the constant 1 on its bias rows."""

    data: Tensor
    one: Tensor

    @classmethod
    def of(cls, x: Tensor, convert: Convert) -> "Drive":
        return cls(convert(x), convert(torch.ones((), dtype=x.dtype, device=x.device)))

    def each(self, function: Convert) -> "Drive":
        return Drive(function(self.data), function(self.one))


def _split(inputs: slice, data_inputs: int) -> tuple[slice, int]:
    """The part of ``inputs`` that carries data, and the number of bias rows in it."""
    start, stop = min(inputs.start, data_inputs), min(inputs.stop, data_inputs)
    return slice(start, stop), inputs.stop - max(inputs.start, stop)


@dataclass(frozen=True, slots=True)
class LinearProduct:
    """Vectors along the last axis, bias rows left implicit.

    Shapes: data ``(*, in_features)``, result ``(*, outputs)``.
    """

    in_features: int
    axis = -1

    def voltages(self, x: Tensor, convert: Convert, /) -> Drive:
        return Drive.of(x, convert)

    def each(self, v: Drive, function: Convert, /) -> Drive:
        return v.each(function)

    def currents(self, g: Tensor, v: Drive, inputs: slice, /) -> Tensor:
        data, bias_rows = _split(inputs, self.in_features)
        width = data.stop - data.start
        constant = g[:, width:].sum(1) * v.one if bias_rows else None
        return F.linear(v.data[..., data], g[:, :width], constant)


@dataclass(frozen=True, slots=True)
class ConvProduct:
    """A native convolution over images that are already padded, bias rows left implicit.

    Shapes: data ``(N, in_channels, *image)``, result ``(N, outputs, *positions)``.
    """

    in_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    axis = 1

    def voltages(self, x: Tensor, convert: Convert, /) -> Drive:
        return Drive.of(x, convert)

    def each(self, v: Drive, function: Convert, /) -> Drive:
        return v.each(function)

    def currents(self, g: Tensor, v: Drive, inputs: slice, /) -> Tensor:
        window = torch.Size(self.kernel_size).numel()
        data, bias_rows = _split(inputs, self.in_channels * window)
        width = data.stop - data.start
        constant = g[:, width:].sum(1) * v.one if bias_rows else None
        # An array of bias rows alone takes one channel with weight 0, which gives the shape.
        first, last = min(data.start // window, self.in_channels - 1), -(-data.stop // window)
        before, after = data.start - first * window, last * window - data.stop
        kernel = F.pad(g[:, :width], (before, after)) if before or after else g[:, :width]
        kernel = kernel.reshape(g.shape[0], last - first, *self.kernel_size)
        convolve = CONVOLUTIONS[len(self.kernel_size)]
        return convolve(v.data[:, first:last], kernel, constant, self.stride, 0, self.dilation)
