"""ADCs whose errors are static: once they are drawn, a conversion is a look-up in a table."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from jaxtyping import Float

from crosssim_core.converters import AdcModel, AdcSite, ConverterErrors
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array
from crosssim_devices.converters.params import CircuitAdcParams
from crosssim_devices.converters.quantizer import check_range
from crosssim_devices.converters.table import Real, Steps, Table


@dataclass(frozen=True, slots=True)
class TabulatedAdc(ABC):
    """Common shell of ADCs with static errors.

    With ``bits`` = 0 currents pass unchanged, not even clipped. Otherwise they are clipped to
    the range, and code ``c`` stands for ``V (2 c - 2**bits + 1) / 2**bits``, where the reference
    voltage ``V`` is the larger magnitude of the two ends of the range: there is no level at
    zero, and a range of one sign uses half of the codes. With ``use_all_codes`` currents and
    values count from the middle of the range, and ``V`` is half of its width.

    Raises:
        ParameterError: The range is empty or reversed, or the record contradicts itself.
    """

    params: CircuitAdcParams
    site: AdcSite
    _errors: ConverterErrors = field(init=False, repr=False, compare=False)
    table: Table | None = field(init=False, repr=False, compare=False)

    uniform: ClassVar[None] = None

    def __post_init__(self) -> None:
        self.params.check_model()
        if self.params.bits > 0:
            check_range(self.site.low, self.site.high)
        self._hold(self.draw() if self.params.bits > 0 else {})

    def _hold(self, errors: ConverterErrors) -> None:
        table = None
        if self.params.bits > 0:
            low, high = self.limits
            rows = [steps.clipped(low, high) for steps in self.tabulate(errors)]
            table = Table(
                rows,
                lines=self.site.lines,
                lines_per_row=self.group_size,
                bits=self.params.bits,
                reference=self.reference,
                origin=self.origin,
            )
        object.__setattr__(self, "_errors", errors)
        object.__setattr__(self, "table", table)

    def errors(self) -> ConverterErrors:
        """What the chip has drawn: capacitors and comparators, none of which knows the range."""
        return self._errors

    def with_errors(self, errors: ConverterErrors, /) -> Self:
        """The converters of another chip, which has drawn these errors."""
        twin = copy(self)
        twin._hold(errors)
        return twin

    @abstractmethod
    def draw(self) -> dict[str, Real]:
        """Draw the errors of the chip, by name."""

    @abstractmethod
    def tabulate(self, errors: ConverterErrors, /) -> list[Steps]:
        """Codes of each group of lines, or of all if they agree."""

    @property
    def group_size(self) -> int:
        """Neighbouring lines that share a converter."""
        return 1

    @property
    def groups(self) -> int:
        """Number of converters."""
        return -(-self.site.lines // self.group_size)

    @property
    def origin(self) -> float:
        """Current in the middle of the codes."""
        return (self.site.low + self.site.high) / 2 if self.params.use_all_codes else 0.0

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the range, as seen from `origin`."""
        return self.site.low - self.origin, self.site.high - self.origin

    @property
    def reference(self) -> float:
        """Reference voltage, in the unit of the currents."""
        return max(map(abs, self.limits))

    @property
    def gain(self) -> float:
        """Open-loop voltage gain of the amplifiers [1]."""
        return float(10.0 ** (self.params.gain_db / 20))

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Value that the code of each current stands for [1].

        Args:
            x: Line currents [1]; left unchanged.
            axis: Axis of ``x`` along which the output lines lie.
            noise: Without meaning here; all errors are static.

        Raises:
            ShapeError: ``x`` has another number of lines than the site.
        """
        return x if self.table is None else self.table.look_up(x, axis)

    def of_lines(self, lines: Sequence[int], /) -> AdcModel:
        """What converts these lines as the converters of the chip do."""
        return self if self.table is None else TableAdc(self.table.of_lines(lines))


@dataclass(frozen=True, slots=True)
class TableAdc:
    """Some of the lines of an ADC with static errors."""

    table: Table
    uniform: ClassVar[None] = None

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Value that the code of each current stands for [1]; see `TabulatedAdc.convert`."""
        return self.table.look_up(x, axis)

    def of_lines(self, lines: Sequence[int], /) -> "TableAdc":
        """Some of these lines."""
        return TableAdc(self.table.of_lines(lines))


def drawn(noise: NoiseSource, shape: tuple[int, ...], deviation: float) -> Real:
    """Normal deviates of a standard deviation; drawn even if it is 0, for the sake of the rest."""
    return deviation * np.asarray(noise.normal_like(np.empty(shape)), dtype=np.float64)
