"""Random numbers drawn by PyTorch on the device where they are needed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crosssim_core.random import Stream

Draw = Callable[..., Any]
"""Fills a tensor with deviates of a ``generator``."""

BLOCK = 2**16
"""Deviates that one generator of a processor draws in a row."""


def drawn_like(x: Tensor, draw: Draw, generator: torch.Generator | None) -> Tensor:
    """A tensor like ``x`` that ``draw`` has filled; where it is large, by all threads.

    PyTorch fills a tensor on a processor by one thread. So that several can do it, and numbers do
    not depend on how many there are, each block of it has a generator, seeded by ``generator``.
    """
    drawn = torch.empty_like(x)
    count = -(-drawn.numel() // BLOCK)
    if not drawn.is_cpu or count < 2 or torch._C._are_functorch_transforms_active():
        draw(drawn, generator=generator)
        return drawn
    blocks = drawn.as_strided((drawn.numel(),), (1,)).split(BLOCK)
    seeds = torch.randint(2**32, (count,), generator=generator).tolist()
    workers = min(count, torch.get_num_threads())

    def fill(worker: int) -> None:
        with torch.inference_mode(drawn.is_inference()), torch.no_grad():
            for block, seed in zip(blocks[worker::workers], seeds[worker::workers], strict=True):
                draw(block, generator=torch.Generator().manual_seed(seed))

    if workers == 1:
        fill(0)
        return drawn
    with ThreadPoolExecutor(workers - 1) as pool:
        others = [pool.submit(fill, worker) for worker in range(1, workers)]
        fill(0)
        for other in others:
            other.result()
    return drawn


class TorchNoise:
    """Deviates of PyTorch's generators.

    Where the user gave no seed they come from the global generator, which ``torch.manual_seed``
    governs; otherwise they follow from the place of ``stream`` and the device.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._generators: dict[torch.device, torch.Generator] = {}

    def normal_like(self, x: Tensor, /) -> Tensor:
        return drawn_like(x, Tensor.normal_, self._generator(x.device))

    def uniform_like(self, x: Tensor, /) -> Tensor:
        return drawn_like(x, Tensor.uniform_, self._generator(x.device))

    def _generator(self, device: torch.device) -> torch.Generator | None:
        entropy = self._stream.entropy
        if not entropy.given:
            return None
        if device not in self._generators:
            sequence = np.random.SeedSequence(entropy.get(), spawn_key=self._stream.key)
            seed = int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
            self._generators[device] = torch.Generator(device).manual_seed(seed)
        return self._generators[device]
