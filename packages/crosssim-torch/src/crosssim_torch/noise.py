"""Random numbers drawn by PyTorch on the device where they are needed."""

import numpy as np
import torch
from torch import Tensor

from crosssim_core.random import Stream


class TorchNoise:
    """Deviates of PyTorch's generators.

    Where the user gave no seed they come from the global generator, which ``torch.manual_seed``
    governs; otherwise they follow from the place of ``stream`` and the device.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._generators: dict[torch.device, torch.Generator] = {}

    def key(self, device: torch.device, /) -> Tensor:
        """The integer that another generator of deviates starts from, another one each time."""
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
            sequence = np.random.SeedSequence(entropy.get(), spawn_key=self._stream.key)
            seed = int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
            made = torch.Generator(device).manual_seed(seed)
            # Another thread may have been first.
            known = self._generators.setdefault(device, made)
        return known
