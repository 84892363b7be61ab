"""Line currents by PyTorch's own operations instead of explicit matrix products."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from crosssim_core.chain.arithmetic import Arithmetic
from crosssim_core.chain.product import Operator
from crosssim_torch.arithmetic import TORCH_ARITHMETIC

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def _split(inputs: slice, data_inputs: int) -> tuple[slice, int]:
    """The part of ``inputs`` that carries data, and the number of bias rows in it."""
    start, stop = min(inputs.start, data_inputs), min(inputs.stop, data_inputs)
    return slice(start, stop), inputs.stop - max(inputs.start, stop)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b


@dataclass(frozen=True, slots=True)
class LinearProduct:
    """Vectors along the last axis, bias rows left implicit.

    Shapes: data ``(*, in_features)``, result ``(*, lines)``.
    """

    in_features: int
    axis: ClassVar[int] = -1
    arithmetic: ClassVar[Arithmetic] = TORCH_ARITHMETIC

    def operator(
        self,
        g: Tensor,
        inputs: slice,
        /,
        *,
        constant: Tensor | None,
        one: float,
        rest: float,
    ) -> Operator:
        data, bias_rows = _split(inputs, self.in_features)
        width = data.stop - data.start
        matrix = g[:, :width]
        if bias_rows:
            constant = _sum(constant, one * g[:, width:].sum(1))
        whole = width == self.in_features

        def currents(x: Tensor, further: Tensor | None) -> Tensor:
            return F.linear(x if whole else x[..., data], matrix, _sum(constant, further))

        return currents

    def positions(self, x: Tensor, /) -> int:
        return prod(x.shape[1:-1]) if x.dim() > 1 else 0

    def total(self, like: Tensor, inputs: slice, gain: float, /, *, one: float) -> Operator:
        data, bias_rows = _split(inputs, self.in_features)

        def sums(x: Tensor, further: Tensor | None) -> Tensor:
            total = x[..., data].sum(-1, keepdim=True).add_(one * bias_rows).mul_(gain)
            return total if further is None else total + further

        return sums


@dataclass(frozen=True, slots=True)
class ConvProduct:
    """A native convolution over images, padding and bias rows left implicit.

    Shapes: data ``(N, in_channels, *image)``, result ``(N, lines, *positions)``.
    """

    in_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    """Zeros before and after each image axis."""
    axis: ClassVar[int] = 1
    arithmetic: ClassVar[Arithmetic] = TORCH_ARITHMETIC

    def operator(
        self,
        g: Tensor,
        inputs: slice,
        /,
        *,
        constant: Tensor | None,
        one: float,
        rest: float,
    ) -> Operator:
        kernel, channels, bias = self.kernel(g, inputs, one=one)
        convolve = self.convolution(kernel, _sum(constant, bias), rest)
        if channels == slice(0, self.in_channels):
            return convolve
        return lambda x, further: convolve(x[:, channels], further)

    def kernel(
        self, g: Tensor, inputs: slice, /, *, one: float
    ) -> tuple[Tensor, slice, Tensor | None]:
        """``g`` as kernels, the channels that they span, and what bias rows add to each line."""
        window = self._window
        data, bias_rows = _split(inputs, self.in_channels * window)
        width = data.stop - data.start
        bias = one * g[:, width:].sum(1) if bias_rows else None
        # An array of bias rows alone takes one channel with weight 0, which gives the shape.
        first, last = min(data.start // window, self.in_channels - 1), -(-data.stop // window)
        before, after = data.start - first * window, last * window - data.stop
        kernel = F.pad(g[:, :width], (before, after)) if before or after else g[:, :width]
        kernel = kernel.reshape(g.shape[0], last - first, *self.kernel_size)
        return kernel, slice(first, last), bias

    def positions(self, x: Tensor, /) -> int:
        ends = zip(x.shape[2:], self.padding, self.stride, strict=True)
        return prod((size + sum(padding)) // stride for size, padding, stride in ends)

    def total(self, like: Tensor, inputs: slice, gain: float, /, *, one: float) -> Operator:
        window = self._window
        data, bias_rows = _split(inputs, self.in_channels * window)
        if data.start % window or data.stop % window or data.start == data.stop:
            g = like.new_full((1, inputs.stop - inputs.start), gain)
            return self.operator(g, inputs, constant=None, one=one, rest=0.0)
        channels = slice(data.start // window, data.stop // window)
        constant = like.new_full((1,), gain * one * bias_rows) if bias_rows else None
        kernel = like.new_full((1, 1, *self.kernel_size), gain)
        convolve = self.convolution(kernel, constant, 0.0)

        def sums(x: Tensor, further: Tensor | None) -> Tensor:
            total: Tensor = convolve(x[:, channels].sum(1, keepdim=True), further)
            return total

        return sums

    @property
    def _window(self) -> int:
        """Elements of the kernel in one channel."""
        return prod(self.kernel_size)

    def convolution(
        self, kernel: Tensor, constant: Tensor | None, rest: float, *, groups: int = 1
    ) -> Operator:
        """A convolution of images set in images of ``rest``."""
        convolve = CONVOLUTIONS[len(self.kernel_size)]
        stride, dilation = self.stride, self.dilation
        native = rest == 0.0 and all(before == after for before, after in self.padding)
        padding = tuple(before for before, _ in self.padding) if native else 0
        amounts = None if native else [n for ends in reversed(self.padding) for n in ends]

        def currents(x: Tensor, further: Tensor | None) -> Tensor:
            if amounts is not None:
                x = F.pad(x, amounts, value=rest)
            bias = _sum(constant, further)
            return convolve(x, kernel, bias, stride, padding, dilation, groups)

        return currents
