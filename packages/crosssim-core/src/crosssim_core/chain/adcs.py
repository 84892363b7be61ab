"""What surrounds the converters of an array: trims, stacks of matrices, and slices of weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.lines import flat
from crosssim_core.converters import AdcModel, ConverterErrors, UniformLevels
from crosssim_core.converters.errors import errors_of, given_errors
from crosssim_core.converters.lines import of_lines
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class TrimmedAdc:
    """A converter whose codes are moved onto the values that currents take."""

    model: AdcModel
    trim: float
    """Current that is added before the conversion and taken away after it [1]."""

    @property
    def uniform(self) -> UniformLevels | None:
        """Levels of the converter as currents meet them."""
        levels = self.model.uniform
        if levels is None:
            return None
        return UniformLevels(levels.low - self.trim, levels.high - self.trim, levels.number)

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Value that the code of each current stands for [1]."""
        return self.model.convert(x + self.trim, axis=axis, noise=noise) - self.trim

    def errors(self) -> ConverterErrors:
        """Those of the converter."""
        return errors_of(self.model)

    def with_errors(self, errors: ConverterErrors, /) -> "TrimmedAdc":
        """The same trim around the converter with these errors."""
        return TrimmedAdc(given_errors(self.model, errors), self.trim)

    def of_lines(self, lines: Sequence[int], /) -> "TrimmedAdc | None":
        """The same trim around the converters of these lines."""
        model = of_lines(self.model, lines)
        return None if model is None else TrimmedAdc(model, self.trim)


@dataclass(frozen=True, slots=True)
class StackedAdc:
    """Converters of a stack of matrices, one line after the other."""

    model: AdcModel

    @property
    def uniform(self) -> UniformLevels | None:
        """Levels of the converters."""
        return self.model.uniform

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Value that the code of each current stands for [1].

        Matrices lie along the axis before that of the lines, which is counted from the last one.
        """
        y = self.model.convert(flat(x, axis), axis=axis, noise=noise)
        return array_namespace(y).reshape(y, x.shape)

    def errors(self) -> ConverterErrors:
        """Those of the converters."""
        return errors_of(self.model)

    def with_errors(self, errors: ConverterErrors, /) -> "StackedAdc":
        """The same stack of converters with these errors."""
        return StackedAdc(given_errors(self.model, errors))


@dataclass(frozen=True, slots=True)
class SliceAdc:
    """The converter of one weight slice."""

    model: AdcModel
    background: float
    """Conductance whose current is taken away before the conversion and added after it [1]."""
    meets_ties: bool = False
    """Whether its steps are commensurate with those of levels and digits, so that many currents
    lie on a tie and round-off decides where they go."""
    made_by: tuple[str, str] = ("", "")
    """Distribution of its model, and the version of that."""
    redrawn: bool = False
    """Whether it has drawn errors that it cannot hand over."""

    def of_lines(self, lines: Sequence[int], /) -> "SliceAdc | None":
        """The converter of these lines alone; None where it cannot be told apart."""
        model = of_lines(self.model, lines)
        return None if model is None else replace(self, model=model)

    def stacked(self) -> "SliceAdc":
        """The same converter, of the lines of a stack of matrices."""
        rounds = self.model.uniform is not None
        return self if rounds else replace(self, model=StackedAdc(self.model))
