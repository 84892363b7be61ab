"""Elementwise steps of the simplified chain with as few passes over memory as PyTorch allows."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from crosssim_core.chain.arithmetic import Arithmetic
from crosssim_core.random import HostNoise, NoiseSource
from crosssim_torch.fusing import added_noise, rounded
from crosssim_torch.noise import TorchNoise


class TorchArithmetic(Arithmetic):
    """The steps of `Arithmetic`, in place wherever the tensor is the chain's own.

    Within ``torch.func`` they are those of `Arithmetic`: ``vmap`` cannot write into tensors.
    """

    def room(self, x: Tensor, noise: NoiseSource | None, /) -> int:
        # What the host draws is the same on every device, if it is cut into the same pieces.
        alike = not x.is_cuda or isinstance(noise, HostNoise)
        return super().room(x, noise) if alike else 2**27

    def reshaped(self, x: Tensor, shape: tuple[int, ...], /) -> Tensor:
        return x.reshape(shape)

    def empty(self, shape: tuple[int, ...], /, *, like: Tensor) -> Tensor:
        return like.new_empty(shape)

    def codes(self, x: Tensor, factor: Any, offset: float, top: float, origin: float, /) -> Tensor:
        if not mapped():
            codes = rounded(x, factor, offset, top, origin)
            if codes is not None:
                return codes
        position = x * factor
        if offset:
            position.add_(offset)
        codes = self.rounded(position, top)
        return codes.sub_(origin) if origin else codes

    def rounded(self, lines: Tensor, top: float, /) -> Tensor:
        if mapped():
            integers: Tensor = super().rounded(lines, top)
            return integers
        if rounded(lines, 1.0, 0.0, top, 0.0, out=lines) is None:
            lines.clamp_(0.0, top).round_()
        return lines

    def clipped(self, lines: Tensor, limit: float, /) -> Tensor:
        return lines.clamp(-limit, limit) if mapped() else lines.clamp_(-limit, limit)

    def digit(self, codes: Tensor, size: int, /, *, spare: bool) -> tuple[Tensor, Tensor]:
        base = 2**size
        higher = codes.div(base, rounding_mode="trunc")
        lowest = codes.sub_(higher, alpha=base) if spare else codes.sub(higher, alpha=base)
        return lowest, higher

    def noisy(self, lines: Tensor, variance: Tensor, noise: NoiseSource, /) -> Tensor:
        if mapped():
            noisy: Tensor = super().noisy(lines, variance, noise)
            return noisy
        if isinstance(noise, TorchNoise) and added_noise(lines, variance, noise):
            return lines
        # Fast convolutions leave round-off below zero.
        deviation = variance.clamp_(min=0.0).sqrt_()
        return lines.addcmul_(deviation, noise.normal_like(deviation))

    def weighed(
        self,
        lines: Tensor,
        gains: Sequence[float],
        /,
        *,
        axis: int,
        onto: Tensor | None = None,
        offset: Tensor | None = None,
    ) -> Tensor:
        if mapped():
            summed: Tensor = super().weighed(lines, gains, axis=axis, onto=onto, offset=offset)
            return summed
        y = onto
        parts = (lines,) if len(gains) == 1 else lines.chunk(len(gains), axis)
        for part, gain in zip(parts, gains, strict=True):
            if y is not None:
                y.add_(part, alpha=gain)
            elif offset is not None:
                y = torch.add(offset, part, alpha=gain, out=part if part is lines else None)
                offset = None
            else:
                y = part if gain == 1.0 else part.mul_(gain)
        assert y is not None
        return y if offset is None else y.add_(offset)


def mapped() -> bool:
    """Whether ``torch.func`` is at work."""
    return torch._C._are_functorch_transforms_active()


TORCH_ARITHMETIC = TorchArithmetic()
