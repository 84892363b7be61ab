"""Noticing that a weight has changed."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


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
        memory = None if tensor is None else tensor.detach()
        return cls(tensor, memory, _version(memory))

    def fits(self, tensor: Tensor | None) -> bool:
        """Whether ``tensor`` still has the values it was programmed with.

        Values are compared only where another tensor, or other memory, stands for the old one.
        """
        if tensor is None or self.memory is None:
            return tensor is self.tensor
        if _version(self.memory) != self.version:
            return False
        if tensor is self.tensor and tensor.data_ptr() == self.memory.data_ptr():
            return True
        same_kind = (tensor.dtype, tensor.device) == (self.memory.dtype, self.memory.device)
        return same_kind and torch.equal(tensor.detach(), self.memory)


def _version(tensor: Tensor | None) -> int:
    """Counts edits in place; always 0 for tensors made in inference mode."""
    return 0 if tensor is None or tensor.is_inference() else tensor._version
