"""Noticing that a weight has changed."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
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
    """A number that tells one set of values from another, in every type and on every device."""
    number = 0
    for tensor in tensors:
        content = b"" if tensor is None or tensor.is_meta else _content(tensor.detach())
        told = f"{number} {len(content)} ".encode() + content
        number = int.from_bytes(blake2b(told, digest_size=7).digest())
    return number


ROW = 1024
"""Values that have a factor of their own each."""

MULTIPLIERS = (-0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)
"""Odd numbers of 64 bits without any pattern, as signed ones."""


def _content(values: Tensor) -> bytes:
    """How many values there are, and of each row the sum of their bits times their factors.

    Source: J. L. Carter, M. N. Wegman, doi:10.1016/0022-0000(79)90044-8.
    """
    bits = values.double().flatten().view(torch.int64)
    # The lower half of numbers of few digits is empty, and products pass bits upwards only.
    bits = bits ^ ((bits >> 32) & 0xFFFFFFFF)
    rows = torch.nn.functional.pad(bits, (0, -len(bits) % ROW)).view(-1, ROW)
    sums = (rows * torch.from_numpy(_factors()).to(bits.device)).sum(1)
    told: bytes = sums.cpu().numpy().tobytes()
    return len(bits).to_bytes(8) + told


@cache
def _factors() -> NDArray[np.int64]:
    """A row of odd numbers, by the mixing steps of SplitMix64; shifts are arithmetic here.

    Source: G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014, doi:10.1145/2660193.2660195.
    """
    bits = np.arange(1, ROW + 1) * MULTIPLIERS[0]
    bits = (bits ^ (bits >> 30)) * MULTIPLIERS[1]
    bits = (bits ^ (bits >> 27)) * MULTIPLIERS[2]
    return (bits ^ (bits >> 31)) | 1


def _edits(tensor: Tensor | None) -> int:
    """What tells one state of ``tensor`` from another."""
    if tensor is not None and tensor.is_inference():
        return fingerprint([tensor])
    return version(tensor)


def version(tensor: Tensor | None) -> int:
    """Counts edits in place; always 0 for tensors made in inference mode."""
    return 0 if tensor is None or tensor.is_inference() else tensor._version
