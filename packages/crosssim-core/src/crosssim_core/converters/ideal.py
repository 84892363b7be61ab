"""Converters that hand on what they get."""

from dataclasses import dataclass, field

from jaxtyping import Float

from crosssim_core.converters.interface import AdcSite, DacSite, UniformLevels
from crosssim_core.parameters import AdcParams, DacParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class IdealAdc:
    """An ADC of unlimited resolution and range; ``bits`` is ignored."""

    params: AdcParams
    site: AdcSite
    uniform: UniformLevels | None = field(default=None, init=False)

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """The line currents ``x`` themselves [1]."""
        return x


@dataclass(frozen=True, slots=True)
class IdealDac:
    """A DAC of unlimited resolution and range; ``bits`` is ignored, and it cannot slice."""

    params: DacParams
    site: DacSite
    uniform: UniformLevels | None = field(default=None, init=False)
    magnitude_bits: int = field(default=0, init=False)

    def convert(self, x: Float[Array, "*batch"], /) -> Float[Array, "*batch"]:
        """The scaled inputs ``x`` themselves [1]."""
        return x
