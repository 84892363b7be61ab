"""What a converter model is told, and what it must offer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float

from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array

HostArray: TypeAlias = np.ndarray[Any, Any]

ConverterErrors: TypeAlias = Mapping[str, HostArray]
"""What was drawn, by name: real numbers or booleans."""


class UniformLevels(NamedTuple):
    """Equidistant levels ``low + k * (high - low) / (number - 1)``, ``k = 0 … number - 1``."""

    low: float
    high: float
    number: int

    @property
    def step(self) -> float:
        """Distance of neighbouring levels, in the unit of the range."""
        return (self.high - self.low) / (self.number - 1)


@dataclass(frozen=True, slots=True)
class AdcSite:
    """Where one ADC sits: the range it must cover and the lines it serves.

    Currents are in units of one device at full conductance and full input.
    """

    low: float
    """Lower end of the conversion range [1]."""
    high: float
    """Upper end of the conversion range [1]."""
    lines: int
    """Number of output lines that are digitised."""
    noise: NoiseSource
    """Where errors that belong to the chip come from; drawn while the model is built."""


class AdcModel(Protocol):
    """A built converter: a static function of the line current, line by line."""

    @property
    def uniform(self) -> UniformLevels | None:
        """Levels of a plain rounding converter, which the simulator may then fold into its
        arithmetic; None if `convert` does anything else, and for an ideal converter.
        """

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Value that the digital code stands for [1].

        Args:
            x: Line currents [1]; left unchanged.
            axis: Axis of ``x`` along which the output lines lie.
            noise: Where noise of single conversions comes from; given to models whose
                parameters ask for ``stochastic_rounding``, else None.
        """


@runtime_checkable
class KeepsErrors(Protocol):
    """What an ADC model may offer beyond `AdcModel`, so that saved chips keep its errors.

    Those of other models are drawn again from the seed of the chip. That gives the same ones as
    long as the model draws as it did, and a warning tells where it came from another version.
    """

    def errors(self) -> ConverterErrors:
        """Everything that was drawn while the model was built, by names that are identifiers.

        Best what belongs to the circuit and not to its range, such as the mismatch of a capacitor:
        it is small, and stays where the range is set anew.
        """

    def with_errors(self, errors: ConverterErrors, /) -> Self:
        """The converter with the same parameters and site that has these errors; this one stays.

        Args:
            errors: With the names, shapes and types that `errors` tells.
        """


@runtime_checkable
class PicksLines(Protocol):
    """What an ADC model may offer beyond `AdcModel`, so that some of its lines are read alone.

    Arrays are then read without the zeros between groups of a convolution, or gates of a GRU. It is
    not asked of models that are `AdcModel.uniform`.
    """

    def of_lines(self, lines: Sequence[int], /) -> AdcModel | None:
        """What converts these lines, in this order, as the present converter does; it stays.

        Args:
            lines: Numbers from 0 to ``site.lines - 1``, ascending.

        Returns:
            It may leave out `KeepsErrors`; None if lines cannot be told apart after all.
        """


@dataclass(frozen=True, slots=True)
class DacSite:
    """Where one DAC sits: the scaled input range that the user asked for."""

    low: float
    """Scaled lower input limit [1]; −1 or 0 with data-driven ranges."""
    high: float
    """Scaled upper input limit [1]."""


class DacModel(Protocol):
    """A built converter from digital inputs to voltages over the full-scale voltage."""

    @property
    def uniform(self) -> UniformLevels | None:
        """As for `AdcModel`."""

    @property
    def magnitude_bits(self) -> int:
        """Bits that input bit slicing spreads over digits; 0 if the model cannot slice."""

    def convert(self, x: Float[Array, "*batch"], /) -> Float[Array, "*batch"]:
        """Voltage that stands for the scaled input ``x`` [1]; ``x`` is left unchanged."""
