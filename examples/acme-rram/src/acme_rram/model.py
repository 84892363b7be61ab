"""A filamentary RRAM cell whose programming spread grows towards low conductance."""

from dataclasses import dataclass
from typing import ClassVar

from acme_rram.params import RramParams
from crosssim_core.devices import Cell
from crosssim_core.random import NoiseSource, ProgrammingNoise
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class Rram:
    """Programming error and read noise of an RRAM cell."""

    params: RramParams
    cell: Cell

    read_is_normal: ClassVar[bool] = True

    def program(self, g: Array, /, *, noise: ProgrammingNoise) -> Array:
        """Conductance reached when ``g`` is aimed at, both over the largest one [1]."""
        spread = self.params.spread * (1.0 + self.params.slope * (1.0 - g))
        return g + spread * noise.normal_like(g)

    def read(self, g: Array, /, *, noise: NoiseSource) -> Array:
        """Conductance seen by one read of cells that hold ``g`` [1]."""
        return g + self.params.flicker * g * noise.normal_like(g)

    def read_moments(self, g: Array, /) -> tuple[Array, Array]:
        """Mean and standard deviation of `read` [1]."""
        return g, self.params.flicker * g
