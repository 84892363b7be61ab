"""Where every random number comes from: named streams that spawn from one seed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import index as as_index
from threading import Lock
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from crosssim_core._array import from_host, is_floating
from crosssim_core.errors import ParameterError
from crosssim_core.typing import Array


class NoiseSource(Protocol):
    """Independent random numbers in the library, shape, dtype and device of an array."""

    def normal_like(self, x: Array, /) -> Array:
        """Standard normal deviates, one for each element of ``x``."""

    def uniform_like(self, x: Array, /) -> Array:
        """Uniform deviates of [0, 1), one for each element of ``x``."""


class ProgrammingNoise(NoiseSource, Protocol):
    """Random numbers of one programming of an array, and those that belong to its cells."""

    def of_chip(self, name: str, /) -> NoiseSource:
        """Deviates of the chip named ``name``: the same whenever the array is programmed.

        They start anew each time this is called, and differ from those of every other name.
        """

    def part(self, name: str, /) -> "ProgrammingNoise":
        """Deviates of one of several models that act in turn, independent of all others.

        Those of the chip stay the same.
        """


def fresh_entropy() -> int:
    """A seed that the operating system provides."""
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))


@dataclass(slots=True)
class Entropy:
    """The seed of a family of streams, drawn when a number is first asked of one of them."""

    value: int | None = None
    draw: Callable[[], int] = fresh_entropy
    given: bool = False
    """Whether the user chose the seed."""

    def get(self) -> int:
        """The seed; the same each time."""
        if self.value is None:
            self.value = self.draw()
        return self.value


@dataclass(frozen=True, slots=True)
class Stream:
    """A place in the tree of random streams.

    Children of different names are independent of each other and of their parent, so
    adding one never changes what another draws.

    Source: M. E. O'Neill's seed sequences as in ``numpy.random.SeedSequence``; Philox of
    J. K. Salmon et al., SC'11, doi:10.1145/2063384.2063405.
    """

    entropy: Entropy
    key: tuple[int, ...] = field(default=())

    @classmethod
    def of(cls, seed: "int | Stream | None") -> "Stream":
        """The stream that ``seed`` stands for; fresh entropy if it is None.

        Raises:
            ParameterError: ``seed`` is no integer from 0 upwards.
        """
        if isinstance(seed, Stream):
            return seed
        if seed is None:
            return cls(Entropy())
        try:
            value = as_index(seed)
        except TypeError:
            value = -1
        if value < 0:
            raise ParameterError(f"a seed is an integer from 0 upwards, got {seed!r}.", "seed")
        return cls(Entropy(value, given=True))

    def child(self, *names: str | int) -> "Stream":
        """The stream named ``names`` below this one."""
        numbers = (crc32(n.encode()) if isinstance(n, str) else n for n in names)
        return Stream(self.entropy, (*self.key, *numbers))

    def number(self) -> int:
        """A number from 0 to 2**63 - 1 for generators that start from one, the same each time.

        It depends on the place and the seed like a random one.
        """
        place = ",".join(str(int(n)) for n in (self.entropy.get(), *self.key)).encode()
        return int.from_bytes(blake2b(place, digest_size=8).digest(), "big") >> 1

    def source(self) -> "HostNoise":
        """Start drawing: the same deviates each time this is called."""
        return HostNoise(self)


class HostNoise:
    """Deviates drawn by NumPy's Philox, so that every array library gets the same ones."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._generator: np.random.Generator | None = None

    @property
    def drawn(self) -> bool:
        """Whether anything has been drawn."""
        return self._generator is not None

    def normal_like(self, x: Array, /) -> Array:
        return self._like(self._started().standard_normal(x.shape), x)

    def uniform_like(self, x: Array, /) -> Array:
        return self._like(self._started().random(x.shape), x)

    def _started(self) -> np.random.Generator:
        if self._generator is None:
            stream = self._stream
            sequence = np.random.SeedSequence(stream.entropy.get(), spawn_key=stream.key)
            self._generator = np.random.Generator(np.random.Philox(sequence))
        return self._generator

    @staticmethod
    def _like(draw: np.ndarray[Any, Any] | float, x: Array) -> Array:
        return from_host(np.asarray(draw), like=x, dtype=x.dtype if is_floating(x) else None)


class WriteNoise(HostNoise):
    """Deviates of one programming of an array, by NumPy's Philox.

    Args:
        write: The stream of this programming.
        chip: The stream of the array, common to all its programmings.
    """

    def __init__(self, write: Stream, chip: Stream) -> None:
        super().__init__(write)
        self._chip = chip

    def of_chip(self, name: str, /) -> NoiseSource:
        return self._chip.child(name).source()

    def part(self, name: str, /) -> "WriteNoise":
        return WriteNoise(self._stream.child(name), self._chip)


class Occasions:
    """Numbers 0, 1, 2, … handed out once each, to several threads as well."""

    def __init__(self, start: int = 0) -> None:
        self._next = start
        self._lock = Lock()

    @property
    def count(self) -> int:
        """Numbers handed out so far, those before ``start`` included."""
        return self._next

    def __next__(self) -> int:
        with self._lock:
            number = self._next
            self._next += 1
        return number

    def __getstate__(self) -> int:
        return self._next

    def __setstate__(self, state: int) -> None:
        self._next = state
        self._lock = Lock()
