"""What is checked: a model with its parameters, seen as functions of an array and a seed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from crosssim_core.errors import CrossSimError
from crosssim_core.parameters.records import ModelRecord
from crosssim_core.plugins.registry import factory
from crosssim_core.random import ProgrammingNoise
from crosssim_core.typing import Array


class ConformanceError(CrossSimError, AssertionError):
    """A model does not do what the simulator relies on."""


def require(condition: object, message: str) -> None:
    """Raise ConformanceError with ``message`` unless ``condition`` holds."""
    if not condition:
        raise ConformanceError(message)


class Response(NamedTuple):
    """One thing that a model does to an array."""

    name: str
    """The method, for messages."""
    call: Callable[[Array, int], Array]
    """Builds the model and calls it; the integer is the seed of everything random."""
    bound: Callable[[Any, Array, int], Array]
    """Calls a model that is built already."""


@dataclass(frozen=True)
class Subject(ABC):
    """One model of one family with its parameters, built anew for each check."""

    model: str
    """Name by which parameters select it."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters, as far as they are not default."""

    def __str__(self) -> str:
        return self.model

    @property
    @abstractmethod
    def record(self) -> ModelRecord:
        """The parameters."""

    @abstractmethod
    def build(self, seed: int = 0) -> Any:
        """The model; ``seed`` governs what it draws while it is built."""

    @abstractmethod
    def responses(self) -> list[Response]:
        """Everything that the model does to arrays."""

    @abstractmethod
    def inputs(self, leading: Sequence[int] = ()) -> np.ndarray[Any, Any]:
        """Ordinary arguments, float64; ``leading`` axes come before those that it needs."""

    @abstractmethod
    def extremes(self) -> np.ndarray[Any, Any]:
        """Arguments at the ends of the range and beyond."""

    def _factory(self) -> Callable[..., Any]:
        return factory(self.record.family, self.model)

    def _response(self, name: str, bound: Callable[[Any, Array, int], Array]) -> Response:
        return Response(name, lambda x, seed: bound(self.build(seed), x, seed), bound)


class Check(Protocol):
    """One property of a model."""

    __name__: str

    def __call__(self, subject: Any, /) -> None:
        """Raise ConformanceError if the model lacks the property."""


class Neutral:
    """Noise that is none: the middle of every distribution."""

    def normal_like(self, x: Array, /) -> Array:
        return 0.0 * x

    def uniform_like(self, x: Array, /) -> Array:
        return 0.0 * x + 0.5

    def of_chip(self, name: str, /) -> "Neutral":
        return self

    def part(self, name: str, /) -> ProgrammingNoise:
        return self
