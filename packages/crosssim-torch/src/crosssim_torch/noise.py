"""Random numbers of single reads: of PyTorch, where they are needed, or of the host."""

import torch
from torch import Tensor

from crosssim_core.errors import UnsupportedError
from crosssim_core.random import HostNoise, Occasions, Stream


class TorchNoise:
    """Deviates of PyTorch's generators.

    Where the user gave no seed they come from the global generator, which ``torch.manual_seed``
    governs; otherwise they follow from the place of ``stream`` and the device.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._generators: dict[torch.device, torch.Generator] = {}
        self._keys = Occasions()

    def key(self) -> int:
        """The number, from 0 to 2**63 - 1, that a generator starts from; another one each time."""
        if self._stream.entropy.given:
            return self._stream.child("key", next(self._keys)).number()
        return int(self.key_on(torch.device("cpu")))

    def key_on(self, device: torch.device, /) -> Tensor:
        """As `key`, on a device that is not waited for."""
        drawn = torch.empty((), dtype=torch.int64, device=device)
        return drawn.random_(generator=self._generator(device))

    def normal_like(self, x: Tensor, /) -> Tensor:
        return torch.empty_like(x).normal_(generator=self._generator(x.device))

    def uniform_like(self, x: Tensor, /) -> Tensor:
        return torch.empty_like(x).uniform_(generator=self._generator(x.device))

    def _generator(self, device: torch.device) -> torch.Generator | None:
        entropy = self._stream.entropy
        if not entropy.given:
            return None
        known = self._generators.get(device)
        if known is None:
            made = torch.Generator(device).manual_seed(self._stream.number())
            # Another thread may have been first.
            known = self._generators.setdefault(device, made)
        return known


def host_noise(stream: Stream) -> HostNoise:
    """Deviates of ``stream`` that the host draws.

    Raises:
        UnsupportedError: Samples that are mapped over are to have deviates of their own.
    """
    functorch = torch._C._functorch
    for level in functorch.get_interpreter_stack() or ():
        if level.key() == functorch.TransformType.Vmap:
            asked = functorch.CVmapInterpreterPtr(level).randomness()
            if asked == functorch.RandomnessType.Different:
                raise UnsupportedError(
                    'vmap with randomness="different" asks for noise of its own for each sample, '
                    'and noise="host" gives all of them the same: take noise="device", or '
                    'randomness="same".'
                )
    return stream.source()
