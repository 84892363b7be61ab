"""Converters that code a sign and a magnitude, so that zero is a level.

There are ``2**bits - 1`` levels ``k high / (2**(bits-1) - 1)``, and a tie between two of them goes
to the odd ``k``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from jaxtyping import Float

from crosssim_core.converters import AdcSite, DacSite, UniformLevels
from crosssim_core.errors import ParameterError
from crosssim_core.numerics.quantize import quantize_uniform
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array
from crosssim_devices.converters.params import SignMagnitudeAdcParams, SignMagnitudeDacParams
from crosssim_devices.converters.quantizer import check_range, round_to


@dataclass(frozen=True, slots=True)
class SignMagnitudeAdc:
    """A signed ADC with ``2**bits - 1`` levels on a symmetric range.

    With ``bits`` = 0 currents pass unchanged, not even clipped.

    Raises:
        ParameterError: ``signed`` is off, ``bits`` is 1, or the range is not symmetric.

    Source: CrossSim model ``SignMagnitudeADC``.
    """

    params: SignMagnitudeAdcParams
    site: AdcSite

    def __post_init__(self) -> None:
        self.params.check_model()
        if self.params.bits > 0:
            check_symmetric("SignMagnitudeADC", self.site.low, self.site.high)

    @property
    def levels(self) -> UniformLevels | None:
        """Levels of the converter; None if it passes everything."""
        bits = self.params.bits
        return UniformLevels(self.site.low, self.site.high, 2**bits - 1) if bits > 0 else None

    @property
    def uniform(self) -> UniformLevels | None:
        """Levels if values are rounded to the nearest one, else None."""
        return None if self.params.stochastic_rounding else self.levels

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Level that is nearest to each current, or one of the two neighbours at random.

        Args:
            x: Line currents [1]; left unchanged.
            axis: Without meaning here; all lines are treated alike.
            noise: Source of the random choice under ``stochastic_rounding``.

        Raises:
            ParameterError: ``stochastic_rounding`` is on and there is no ``noise``.
        """
        return round_to(x, self.levels, self.params, noise)

    def of_lines(self, lines: Sequence[int], /) -> Self:
        """This converter, which treats all lines alike."""
        return self


@dataclass(frozen=True, slots=True)
class SignMagnitudeDac:
    """A signed DAC with ``2**bits - 1`` levels on [−1, 1].

    With ``bits`` = 0 inputs pass unchanged, not even clipped.

    Raises:
        ParameterError: ``signed`` is off, ``bits`` is 1, or the input range is not symmetric.

    Source: CrossSim model ``SignMagnitudeDAC``.
    """

    params: SignMagnitudeDacParams
    site: DacSite

    def __post_init__(self) -> None:
        self.params.check_model()
        check_symmetric("SignMagnitudeDAC", self.site.low, self.site.high)

    @property
    def uniform(self) -> UniformLevels | None:
        """Levels of the converter; None if it passes everything."""
        bits = self.params.bits
        return UniformLevels(-1.0, 1.0, 2**bits - 1) if bits > 0 else None

    @property
    def magnitude_bits(self) -> int:
        """Bits that input bit slicing spreads over digits: all but the sign."""
        return max(self.params.bits - 1, 0)

    def convert(self, x: Float[Array, "*batch"], /) -> Float[Array, "*batch"]:
        """Level that is nearest to each scaled input [1]; ``x`` is left unchanged."""
        levels = self.uniform
        if levels is None:
            return x
        return quantize_uniform(x, low=levels.low, high=levels.high, levels=levels[2])


def check_symmetric(model: str, low: float, high: float) -> None:
    """Refuse a range that is not symmetric about zero.

    Raises:
        ParameterError: It is not, or it has no extent.
    """
    check_range(low, high)
    if low != -high:
        raise ParameterError(f"{model} needs a range symmetric about zero, not [{low:g}, {high:g}]")
