"""Several device models in one slot.

Composition order: conductances pass through the models as the list names them, each taking what
the one before it left, none of them negative. So a list goes from the moment of programming to
that of reading: programming error, drift, temperature, faults. Read noise is different: every
model sees the stored conductance, and their deviations from it add up, in whatever order.

In the slot ``drift_error`` a model that knows no time programs instead. With ``programming_error``
left off, one list in ``drift_error`` describes the cell at all times, from 0 on.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Annotated, Any, Literal

from array_api_compat import array_namespace
from jaxtyping import Float
from pydantic import BeforeValidator, Field

from crosssim_core.devices import (
    Cell,
    ChecksItsSlot,
    DeclaresReadMoments,
    DriftsCells,
    ProgramsCells,
    ReadsCells,
)
from crosssim_core.errors import ParameterError, UnsupportedError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins import factory
from crosssim_core.random import NoiseSource, ProgrammingNoise
from crosssim_core.typing import Array


def complete(entry: object) -> dict[str, Any]:
    """The parameters of one model of a chain, checked and with all defaults.

    Raises:
        ParameterError: ``entry`` is not a dictionary that names an installed model, or a
            parameter in it is wrong.
    """
    if not isinstance(entry, Mapping) or "model" not in entry:
        raise ParameterError(f"must be a dictionary such as {{'model': 'SONOS'}}, got {entry!r}.")
    return DeviceErrorParams(**{"enable": True, **entry}).to_dict()


class ChainParams(DeviceErrorParams):
    """Models that act one after another."""

    model: str = "Chain"
    models: list[Annotated[dict[str, Any], BeforeValidator(complete)]] = Field(default_factory=list)
    """Dictionaries of parameters, each with the name of its ``model``, in the order in which they
    act. Here ``enable`` is True by default."""
    compensation: Literal["none", "array", "column"] = "none"
    """Whether drift is compensated: by one factor for each array, or by one for each of its
    columns (outputs of A·x)."""

    def members(self) -> list[DeviceErrorParams]:
        """Records of the models that are enabled, in order."""
        return [DeviceErrorParams(**entry) for entry in self.models if entry["enable"]]

    def check(self) -> None:
        """Apply the rules of every record and those of the models."""
        super().check()
        if self.enable and not self.models:
            raise ParameterError("a Chain needs at least one model, and models is empty.")
        for number, entry in enumerate(self.models):
            try:
                DeviceErrorParams(**entry).check()
            except ParameterError as error:
                path = f"models[{number}]" + (f".{error.path}" if error.path else "")
                raise ParameterError(error.message, path) from None


@dataclass(frozen=True, slots=True)
class Member:
    """One model of a chain."""

    name: str
    """Its model and how many of that model come before it; names its random numbers."""
    model: Any

    def ability(self, slot: str) -> str | None:
        """The slot whose method it uses in ``slot``; None if it has nothing to say there."""
        match slot:
            case "drift_error" if isinstance(self.model, DriftsCells):
                return slot
            case "programming_error" | "drift_error" if isinstance(self.model, ProgramsCells):
                return "programming_error"
            case "read_noise" if isinstance(self.model, ReadsCells):
                return slot
        return None


@dataclass(frozen=True, slots=True)
class Chain:
    """Several models as one.

    Drift compensation brings the sum of the conductances of an array, or of each column, back to
    what it was right after programming (same errors, time 0). It is a gain of line currents ahead
    of the ADC, as by the read voltage of an array or the integration time of a column, and is
    taken into the conductances; read noise acts on compensated conductances.

    Source of the compensation: V. Joshi et al., Nature Communications 11, 2473 (2020).

    Raises:
        UnknownModelError: A model is not installed.
        ParameterError: A model refuses its parameters or the cell.
    """

    params: ChainParams
    cell: Cell
    members: tuple[Member, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", built(self.params, self.cell))

    def check_slot(self, slot: str) -> None:
        """Refuse a slot that one of the models cannot fill.

        Raises:
            UnsupportedError: A model has nothing to say there.
            ParameterError: The cell is outside what a model can say, or compensation is asked of
                a slot without time.
        """
        for member in self.members:
            ability = member.ability(slot)
            if ability is None:
                raise UnsupportedError(
                    f"{member.name} in a Chain cannot act in the slot xbar.device.{slot}."
                )
            if isinstance(member.model, ChecksItsSlot):
                member.model.check_slot(ability)
        if self.params.compensation != "none" and slot != "drift_error":
            raise ParameterError(
                f"compensation is {self.params.compensation!r}, and drift is compensated in the "
                f"slot drift_error, not in {slot}."
            )

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before the last clipping [1]."""
        return passed(self.members, "programming_error", g, noise)

    def drift(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """Conductance at ``Cell.time`` after ``g`` was aimed at, compensated [1]."""
        now = passed(self.members, "drift_error", g, noise)
        if self.params.compensation == "none":
            return now
        fresh = built(self.params, replace(self.cell, time=0.0))
        then = passed(fresh, "drift_error", g, noise)
        axes = (-2, -1) if self.params.compensation == "array" else (-1,)
        return now * ratio_of_sums(then, now, axes)

    def read(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance seen by one read of cells that hold ``g``, before clipping [1]."""
        return g + reduce(add, (m.model.read(g, noise=noise) - g for m in self.members), 0.0 * g)


class ChainOfKnownMoments(Chain):
    """A chain whose models all declare the moments of their read noise."""

    __slots__ = ()

    @property
    def read_is_normal(self) -> bool:
        """Whether the distribution of `read` is normal."""
        return all(member.model.read_is_normal for member in self.members)

    def read_moments(
        self, g: Float[Array, "*cells"], /
    ) -> tuple[Float[Array, "*cells"], Float[Array, "*cells"]]:
        """Mean and standard deviation of `read` [1]."""
        mean, variance = g, 0.0 * g
        for member in self.members:
            own, deviation = member.model.read_moments(g)
            mean, variance = mean + (own - g), variance + deviation**2
        return mean, array_namespace(g).sqrt(variance)


def chain(params: ChainParams, cell: Cell) -> Chain:
    """The chain that ``params`` describe."""
    made = Chain(params, cell)
    if all(isinstance(member.model, DeclaresReadMoments) for member in made.members):
        return ChainOfKnownMoments(params, cell)
    return made


def built(params: ChainParams, cell: Cell) -> tuple[Member, ...]:
    """The models that ``params`` list, for ``cell``."""
    members, seen = [], Counter[str]()
    for record in params.members():
        name = f"{record.model}[{seen[record.model]}]"
        seen[record.model] += 1
        members.append(Member(name, factory("device", record.model)(record, cell)))
    return tuple(members)


def passed(members: Iterable[Member], slot: str, g: Array, noise: ProgrammingNoise) -> Array:
    """``g`` after all ``members`` have acted, each with random numbers of its own.

    Raises:
        UnsupportedError: A model has nothing to say in this slot.
    """
    xp = array_namespace(g)
    for number, member in enumerate(members):
        if number:
            g = xp.clip(g, 0.0, None)
        own = noise.part(member.name)
        match member.ability(slot):
            case "drift_error":
                g = member.model.drift(g, noise=own)
            case "programming_error":
                g = member.model.program(g, noise=own)
            case _:
                raise UnsupportedError(f"{member.name} in a Chain has no method for {slot}.")
    return g


def ratio_of_sums(then: Array, now: Array, axes: tuple[int, ...]) -> Array:
    """Sum of ``then`` over that of ``now`` along ``axes``; 1 where nothing is left."""
    xp = array_namespace(now)
    then, now = (xp.sum(g, axis=axes, keepdims=True) for g in (then, now))
    lost = now <= 0
    one = xp.ones_like(now)
    return xp.where(lost, one, then / xp.where(lost, one, now))
