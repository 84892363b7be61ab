"""The programmed state of one layer, kept in buffers so that it moves and is saved with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crosssim_core.chain.block import WeightRange
from crosssim_core.converters import ConverterErrors, HostArray
from crosssim_core.cores import ArrayState
from crosssim_core.errors import ParameterError
from crosssim_core.random import Entropy, Stream
from crosssim_torch.trace import fingerprint

PREFIX = "chip_"
"""Begins the name of every buffer that belongs to the chip."""

SEED_LIMIT = 2**63


def torch_seed() -> int:
    """A seed from PyTorch's global generator, which ``torch.manual_seed`` governs."""
    return int(torch.randint(SEED_LIMIT - 1, (), device="cpu").item())


def seed_stream(seed: int | Stream | None) -> Stream:
    """The stream of ``seed``; with None PyTorch's generator is asked when something is drawn.

    Raises:
        ParameterError: The seed is no integer from 0 upwards, or does not fit 63 bits.
    """
    entropy = Stream.of(seed).entropy
    if isinstance(seed, Stream):
        return seed
    if entropy.given and entropy.get() >= SEED_LIMIT:
        raise ParameterError(f"a seed lies between 0 and 2**63 - 1, got {seed}.", "seed")
    return Stream(Entropy(entropy.value, torch_seed, entropy.given))


@dataclass(frozen=True, slots=True)
class ChipIdentity:
    """Which chip a layer sits on: everything that its random errors are drawn from."""

    stream: Stream
    chip: int = 0
    """Chips that this layer was built on before."""
    writes: int = 0
    """Programmings of this chip before the present one, those that drew the same errors aside."""
    content: int = 0
    """Fingerprint of the weights that it holds."""

    def errors(self) -> Stream:
        """Where the errors of this chip come from."""
        return self.stream.child("chip", self.chip)

    def to_tensor(self) -> Tensor:
        """As int64 numbers: seed (-1 while none was drawn), given, chip, writes, content, key."""
        entropy = self.stream.entropy
        seed = -1 if entropy.value is None else entropy.value
        numbers = [seed, int(entropy.given), self.chip, self.writes, self.content, *self.stream.key]
        return torch.tensor(numbers, dtype=torch.int64, device="cpu")

    @classmethod
    def from_tensor(cls, numbers: Tensor) -> "ChipIdentity":
        seed, given, chip, writes, content, *key = numbers.tolist()
        entropy = Entropy(None if seed < 0 else seed, torch_seed, bool(given))
        return cls(Stream(entropy, tuple(key)), chip, writes, content)

    def next_chip(self) -> "ChipIdentity":
        return ChipIdentity(self.stream, self.chip + 1)

    def next_write(self, *, fresh: bool) -> "ChipIdentity":
        """The same chip, about to be programmed again, with ``fresh`` errors or the same ones."""
        return ChipIdentity(self.stream, self.chip, self.writes + fresh)

    def holds(self, weights: Iterable[Tensor | None]) -> bool:
        """Whether these weights are those in it."""
        return fingerprint(weights) == self.content


def buffer_prefix(key: str) -> str:
    """Begins the names of the buffers of the matrix ``key``; that of an only matrix is ``""``."""
    return f"{PREFIX}{key}_" if key else PREFIX


def buffers_of(
    key: str, state: ArrayState, identity: ChipIdentity, errors: ConverterErrors
) -> dict[str, Tensor]:
    """The buffers that hold the programmed matrix ``key`` and its converters, by name."""
    prefix = buffer_prefix(key)
    arrays = {f"{prefix}conductance_{i}": g for i, g in enumerate(state.conductance)}
    device = state.conductance[0].device
    limits = torch.tensor(state.weights, dtype=torch.float64, device=device)
    return (
        arrays
        | {f"{prefix}limits": limits, f"{prefix}identity": identity.to_tensor().to(device)}
        | error_buffers(key, errors, device)
    )


def error_buffers(key: str, errors: ConverterErrors, device: torch.device) -> dict[str, Tensor]:
    """The buffers that hold the errors of converters of the matrix ``key``, by name."""
    prefix = buffer_prefix(key)
    return {prefix + name: torch.tensor(of, device=device) for name, of in errors.items()}


def errors_in(key: str, buffers: Mapping[str, Any]) -> dict[str, HostArray]:
    """Errors of converters of the matrix ``key``, as `kept_errors` names them."""
    prefix = buffer_prefix(key)
    return {
        name.removeprefix(prefix): buffer.detach().cpu().numpy()
        for name, buffer in buffers.items()
        if name.startswith(f"{prefix}adc_")
    }


def state_of(key: str, buffers: Mapping[str, Any]) -> ArrayState:
    """The programmed matrix ``key`` that the buffers of a layer hold."""
    prefix = buffer_prefix(key)
    count = sum(name.startswith(f"{prefix}conductance_") for name in buffers)
    arrays = tuple(buffers[f"{prefix}conductance_{i}"] for i in range(count))
    return ArrayState(WeightRange(*buffers[f"{prefix}limits"].tolist()), arrays)


def buffer_names(key: str, buffers: Iterable[str]) -> list[str]:
    """Names among ``buffers`` that belong to the matrix ``key``."""
    prefix = buffer_prefix(key)
    single = [prefix + part for part in ("limits", "identity")]
    starts = tuple(prefix + part for part in ("conductance_", "adc_"))
    return [name for name in buffers if name in single or name.startswith(starts)]
