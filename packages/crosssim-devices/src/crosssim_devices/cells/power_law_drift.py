"""Conductance that decays as a power of time, as in phase-change memory.

Source: D. Ielmini et al., "Physical interpretation, modeling and impact on phase change memory
(PCM) reliability of resistance drift due to chalcogenide structural relaxation", IEDM 2007,
939-942; used for inference by V. Joshi et al., Nature Communications 11, 2473 (2020).
"""

from dataclasses import dataclass
from typing import Annotated

from array_api_compat import array_namespace
from jaxtyping import Float
from pydantic import Field

from crosssim_core.devices import Cell
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import ProgrammingNoise
from crosssim_core.typing import Array


class PowerLawDriftParams(DeviceErrorParams):
    """The exponents of drift."""

    model: str = "PowerLawDrift"
    exponent: float = 0.05
    """Mean exponent ν [1]; phase-change cells have some 0.01 to 0.1, the more amorphous the
    higher."""
    exponent_spread: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of the exponent between cells [1]."""
    reference_time: Annotated[float, Field(gt=0)] = 1.0
    """Time after programming at which cells have the programmed conductance, in the unit of
    ``xbar.device.time``; until then they do not drift."""


@dataclass(frozen=True, slots=True)
class PowerLawDrift:
    """``g(t) = g (t / t_0)^-ν`` from the reference time on; ν belongs to the cell."""

    params: PowerLawDriftParams
    cell: Cell

    def drift(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """Conductance at ``Cell.time``, of cells that had ``g`` at the reference time [1]."""
        xp = array_namespace(g)
        periods = max(self.cell.time / self.params.reference_time, 1.0)
        deviate = noise.of_chip("drift exponents").normal_like(g)
        exponent = self.params.exponent + self.params.exponent_spread * deviate
        return g * xp.pow(xp.full_like(g, periods), -exponent)
