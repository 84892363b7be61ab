"""Noticing that a weight has changed."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

import torch
from torch import Tensor

from crosssim_core.errors import UnsupportedError

_functorch: Any = torch._C._functorch


@dataclass(frozen=True, slots=True)
class Trace:
    """A tensor as it was when it was programmed.

    Holds on to the tensor and to its memory: what takes the place of a freed tensor may lie at
    the very same address.
    """

    tensor: Tensor | None
    memory: Tensor | None
    version: int

    @classmethod
    def of(cls, tensor: Tensor | None) -> Self:
        tensor = plain(tensor)
        memory = None if tensor is None else tensor.detach()
        return cls(tensor, memory, _edits(memory))

    def fits(self, tensor: Tensor | None, *, edited: bool = False) -> bool:
        """Whether ``tensor`` still has the values it was programmed with.

        Values are compared only where another tensor, or other memory, stands for the old one, or
        where the tensor was made in inference mode, which counts no edits.

        Args:
            tensor: What is there now.
            edited: Take a tensor for the old one even if it was edited in place since.
        """
        tensor = plain(tensor)
        if tensor is None or self.memory is None:
            return tensor is self.tensor
        if edited and tensor is self.tensor:
            return True
        if _edits(self.memory) != self.version:
            return False
        if tensor is self.tensor and tensor.data_ptr() == self.memory.data_ptr():
            return True
        same_kind = (tensor.dtype, tensor.device) == (self.memory.dtype, self.memory.device)
        return same_kind and torch.equal(tensor.detach(), self.memory)


def apart() -> AbstractContextManager[None]:
    """Compute what outlives a call: without derivatives, inference mode and ``torch.func``."""
    modes = (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch._C._are_functorch_transforms_active(),
    )
    return _without_modes() if any(modes) else nullcontext()


@contextmanager
def _without_modes() -> Iterator[None]:
    # Tensors made in inference mode could never be trained with afterwards, and wrappers of
    # torch.func are dead after the call.
    with torch.inference_mode(False), torch.no_grad(), torch._C._DisableFuncTorch():
        yield


def shards() -> bool:
    """Whether parameters may be sharded: what is gathered is written without counting an edit."""
    distributed: Any = torch.distributed
    loaded = "torch.distributed.fsdp" in sys.modules
    return loaded and distributed.is_available() and distributed.is_initialized()


def plain(tensor: Tensor | None) -> Tensor | None:
    """``tensor`` without the wrappers of ``torch.func``, whose derivatives pass by the arrays, and
    gathered if it is sharded over processes.

    Raises:
        UnsupportedError: It is a batch of weights, which no single matrix can hold.
    """
    while tensor is not None and _functorch.is_functorch_wrapped_tensor(tensor):
        if _functorch.is_batchedtensor(tensor):
            raise UnsupportedError(
                "torch.func.vmap over weights is not built: each set of weights needs arrays of "
                "its own. Map over inputs, or convert one layer for each set."
            )
        tensor = _functorch.get_unwrapped(tensor)
    gather: Any = getattr(tensor, "full_tensor", None)
    return tensor if gather is None else gather()


def fingerprint(tensors: Iterable[Tensor | None]) -> int:
    """A number that tells one set of values from another, in every type and on every device.

    Each bit of a value and its place moves each bit of the number with even odds.

    Source: the mixing steps of SplitMix64, G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014,
    doi:10.1145/2660193.2660195; shifts are arithmetic here.
    """
    number = 0
    for tensor in tensors:
        content = 1
        if tensor is not None and not tensor.is_meta:
            bits = tensor.detach().double().flatten().view(torch.int64)
            places = torch.arange(1, len(bits) + 1, device=bits.device)
            content = int(_mixed(places.mul_(MULTIPLIERS[0]).add_(bits)).sum())
        told = f"{number} {content}".encode()
        number = int.from_bytes(blake2b(told, digest_size=7).digest())
    return number


MULTIPLIERS = (-0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)
"""Odd numbers of 64 bits without any pattern, as signed ones."""


def _mixed(bits: Tensor) -> Tensor:
    """Each of ``bits``, which are overwritten, on its own."""
    bits.bitwise_xor_(bits >> 30).mul_(MULTIPLIERS[1])
    bits.bitwise_xor_(bits >> 27).mul_(MULTIPLIERS[2])
    return bits.bitwise_xor_(bits >> 31)


def _edits(tensor: Tensor | None) -> int:
    """What tells one state of ``tensor`` from another."""
    if tensor is not None and tensor.is_inference():
        return fingerprint([tensor])
    return version(tensor)


def version(tensor: Tensor | None) -> int:
    """Counts edits in place; always 0 for tensors made in inference mode."""
    return 0 if tensor is None or tensor.is_inference() else tensor._version
