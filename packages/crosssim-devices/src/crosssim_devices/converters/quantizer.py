"""Converters whose levels are equidistant and include both ends of their range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from jaxtyping import Float

from crosssim_core.converters import AdcSite, DacSite, UniformLevels
from crosssim_core.errors import ParameterError
from crosssim_core.numerics.quantize import quantize_stochastic, quantize_uniform
from crosssim_core.parameters import AdcParams, DacParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class QuantizerAdc:
    """An ADC with ``2**bits`` levels from one end of its range to the other.

    With ``bits`` = 0 currents pass unchanged, not even clipped.

    Raises:
        ParameterError: The range is empty or reversed.

    Source: CrossSim model ``QuantizerADC``.
    """

    params: AdcParams
    site: AdcSite

    def __post_init__(self) -> None:
        if self.params.bits > 0:
            check_range(self.site.low, self.site.high)

    @property
    def levels(self) -> UniformLevels | None:
        """Levels of the converter; None if it passes everything."""
        bits = self.params.bits
        return UniformLevels(self.site.low, self.site.high, 2**bits) if bits > 0 else None

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
class QuantizerDac:
    """A DAC with ``2**bits`` levels from one end of its range to the other.

    With ``bits`` = 0 inputs pass unchanged, not even clipped. A signed one with a symmetric
    range has no level at zero.

    Raises:
        ParameterError: The range is empty or reversed, or it reaches below zero though the
            record is not signed.

    Source: CrossSim model ``QuantizerDAC``.
    """

    params: DacParams
    site: DacSite

    def __post_init__(self) -> None:
        if self.params.bits == 0:
            return
        low, high = self.site.low, self.site.high
        check_range(low, high)
        if not self.params.signed and low < 0:
            raise ParameterError(
                f"QuantizerDAC with signed = False takes no negative inputs; its input range "
                f"[min, max] reaches down to {low:g} (scaled)"
            )

    @property
    def uniform(self) -> UniformLevels | None:
        """Levels of the converter; None if it passes everything."""
        bits = self.params.bits
        return UniformLevels(self.site.low, self.site.high, 2**bits) if bits > 0 else None

    @property
    def magnitude_bits(self) -> int:
        """Bits that input bit slicing spreads over digits.

        0, so no slicing, for signed inputs, whose codes count from the lower limit, and for a
        range that starts above zero, whose codes would need a bit more.
        """
        return 0 if self.params.signed or self.site.low > 0 else self.params.bits

    def convert(self, x: Float[Array, "*batch"], /) -> Float[Array, "*batch"]:
        """Level that is nearest to each scaled input [1]; ``x`` is left unchanged."""
        levels = self.uniform
        if levels is None:
            return x
        return quantize_uniform(x, low=levels.low, high=levels.high, levels=levels[2])


def check_range(low: float, high: float) -> None:
    """Refuse a range without extent.

    Raises:
        ParameterError: ``low`` is not below ``high``.
    """
    if not low < high:
        raise ParameterError(
            f"the range of a converter must have its lower limit ({low:g}) below its upper limit "
            f"({high:g})"
        )


def round_to(
    x: Array, levels: UniformLevels | None, params: AdcParams, noise: NoiseSource | None
) -> Array:
    """``x`` at one of ``levels``, as the record asks for; ``x`` itself if there are none."""
    if levels is None:
        return x
    low, high, count = levels
    if not params.stochastic_rounding:
        return quantize_uniform(x, low=low, high=high, levels=count)
    if noise is None:
        raise ParameterError("stochastic_rounding is on and there is no source of random numbers")
    return quantize_stochastic(x, low=low, high=high, levels=count, noise=noise.uniform_like(x))
