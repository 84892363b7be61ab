"""Line currents by PyTorch's own convolutions instead of explicit matrix products."""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from crosssim_core.chain.arithmetic import Arithmetic, added
from crosssim_core.chain.block import Held
from crosssim_core.chain.product import Operator
from crosssim_core.layers import ConvLayout
from crosssim_torch.arithmetic import TorchArithmetic, mapped
from crosssim_torch.products import split

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class ConvArithmetic(TorchArithmetic):
    """The steps of `TorchArithmetic` around convolutions."""

    def readied(self, x: Tensor, /) -> Tensor:
        """``x`` with its channels side by side, where a convolution would move them there else."""
        if x.dim() != 4 or x.device.type != "cpu" or mapped():
            return x
        return x.contiguous(memory_format=torch.channels_last)


CONV_ARITHMETIC = ConvArithmetic()


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
    arithmetic: ClassVar[Arithmetic] = CONV_ARITHMETIC

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
        constant = added(constant, bias)
        if kernel is None:
            return self.constant(len(g), constant)
        convolve = self.convolution(kernel, constant, rest)
        if channels == slice(0, self.in_channels):
            return convolve
        return lambda x, further: convolve(x[:, channels], further)

    def kernel(
        self, g: Tensor, inputs: slice, /, *, one: float
    ) -> tuple[Tensor | None, slice, Tensor | None]:
        """``g`` as kernels, the channels that they span, and what bias rows add to each line.

        There is no kernel where no data drive it.
        """
        window = self._window
        data, bias_rows = split(inputs, self.in_channels * window)
        width = data.stop - data.start
        bias = one * g[:, width:].sum(1) if bias_rows else None
        first, last = data.start // window, -(-data.stop // window)
        if not width:
            return None, slice(first, first), bias
        before, after = data.start - first * window, last * window - data.stop
        kernel = F.pad(g[:, :width], (before, after)) if before or after else g[:, :width]
        kernel = kernel.reshape(g.shape[0], last - first, *self.kernel_size)
        return kernel, slice(first, last), bias

    def among(self, held: tuple[Held, ...], /) -> "GroupedConvProduct":
        window = self._window
        data = [piece.inputs[0] for piece in held]
        channels = (data[0].stop - data[0].start) // window
        firsts = tuple(own.start // window for own in data)
        return GroupedConvProduct(replace(self, in_channels=channels), len(held), firsts)

    def positions(self, x: Tensor, /) -> int:
        return prod(self._image(x))

    def total(
        self, like: Tensor, inputs: slice, gain: float, /, *, one: float, rest: float
    ) -> Operator:
        window = self._window
        data, bias_rows = split(inputs, self.in_channels * window)
        if data.start % window or data.stop % window or data.start == data.stop:
            g = like.new_full((1, inputs.stop - inputs.start), gain)
            return self.operator(g, inputs, constant=None, one=one, rest=rest)
        channels = slice(data.start // window, data.stop // window)
        constant = like.new_full((1,), gain * one * bias_rows) if bias_rows else None
        kernel = like.new_full((1, 1, *self.kernel_size), gain)
        convolve = self.convolution(kernel, constant, rest * (channels.stop - channels.start))

        def sums(x: Tensor, further: Tensor | None) -> Tensor:
            total: Tensor = convolve(x[:, channels].sum(1, keepdim=True), further)
            return total

        return sums

    def constant(self, lines: int, value: Tensor | None) -> Operator:
        """What lines carry that no data drive."""

        def currents(x: Tensor, further: Tensor | None) -> Tensor:
            y, own = x.new_zeros((len(x), lines, *self._image(x))), added(value, further)
            return y if own is None else y.add_(own.reshape(-1, *(1,) * len(self.kernel_size)))

        return currents

    @property
    def _window(self) -> int:
        """Elements of the kernel in one channel."""
        return prod(self.kernel_size)

    def _image(self, x: Tensor) -> tuple[int, ...]:
        """Positions along each axis of the images ``x``."""
        reach = (d * (width - 1) for d, width in zip(self.dilation, self.kernel_size, strict=True))
        sizes = zip(x.shape[2:], self.padding, reach, self.stride, strict=True)
        return tuple((size + sum(ends) - r - 1) // stride + 1 for size, ends, r, stride in sizes)

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
            bias = added(constant, further)
            return convolve(x, kernel, bias, stride, padding, dilation, groups)

        return currents


@dataclass(frozen=True, slots=True)
class GroupedConvProduct:
    """A native grouped convolution over images, padding and bias rows left implicit.

    Shapes: data ``(N, channels, *image)``, result ``(N, groups, lines, *positions)``.
    """

    one: ConvProduct
    """That of each group."""
    groups: int
    firsts: tuple[int, ...] = ()
    """First channel of each group; empty where one follows the other and there are no more."""
    arithmetic: ClassVar[Arithmetic] = CONV_ARITHMETIC

    @property
    def axis(self) -> int:
        return -1 - len(self.one.kernel_size)

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
        own = None if constant is None else constant.flatten()
        kernel, channels, bias = self.one.kernel(g.flatten(0, 1), inputs, one=one)
        if bias is not None:
            own = bias if own is None else own + bias
        convolve, chosen = self.one.constant(g.shape[0] * g.shape[1], own), None
        if kernel is not None:
            convolve = self.one.convolution(kernel, own, rest, groups=self.groups)
            chosen = self._channels(channels, like=g)

        def currents(x: Tensor, further: Tensor | None) -> Tensor:
            if isinstance(chosen, slice):
                x = x[:, chosen]
            elif chosen is not None:
                x = x.index_select(1, chosen)
            y: Any = convolve(x, None if further is None else further.flatten())
            lines: Tensor = y.unflatten(1, (self.groups, -1))
            return lines

        return currents

    def among(self, held: tuple[Held, ...], /) -> "GroupedConvProduct":
        return self.one.among(held)

    def positions(self, x: Tensor, /) -> int:
        return self.groups * self.one.positions(x)

    def total(
        self, like: Tensor, inputs: slice, gain: float, /, *, one: float, rest: float
    ) -> Operator:
        g = like.new_full((self.groups, 1, inputs.stop - inputs.start), gain)
        return self.operator(g, inputs, constant=None, one=one, rest=rest)

    def _channels(self, own: slice, *, like: Tensor) -> slice | Tensor | None:
        """These channels of all groups; None if they are all that there are."""
        count = self.one.in_channels
        if not self.firsts and own == slice(0, count):
            return None
        firsts = self.firsts or range(0, self.groups * count, count)
        every = [first + i for first in firsts for i in range(own.start, own.stop)]
        if every == list(range(every[0], every[0] + len(every))):
            return slice(every[0], every[0] + len(every))
        return torch.tensor(every, device=like.device)


@lru_cache(maxsize=256)
def conv_product(
    layout: ConvLayout, stride: tuple[int, ...], dilation: tuple[int, ...]
) -> "ConvProduct | GroupedConvProduct":
    """How line currents of a convolution are formed from images."""
    channels = layout.in_channels // layout.stack
    one = ConvProduct(channels, layout.kernel_size, stride, dilation, layout.padding)
    return one if layout.stack == 1 else GroupedConvProduct(one, layout.stack)
