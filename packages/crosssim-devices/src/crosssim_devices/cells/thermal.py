"""Conductance that is thermally activated.

Source: D. Ielmini and Y. Zhang, "Analytical model for subthreshold conduction and threshold
switching in chalcogenide-based memory devices", J. Appl. Phys. 102, 054517 (2007): the current of
the amorphous phase is in proportion to ``exp(-E_A / k T)``.
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

BOLTZMANN = 8.617333262e-5
"""Boltzmann constant [eV/K]."""

Kelvin = Annotated[float, Field(gt=0)]
"""An absolute temperature [K]."""


class ThermalConductanceParams(DeviceErrorParams):
    """Temperatures, and the activation energies of conduction."""

    model: str = "ThermalConductance"
    temperature: Kelvin = 300.0
    """Temperature while the array is read [K]."""
    reference_temperature: Kelvin = 300.0
    """Temperature at which cells have the conductance that was aimed at [K]."""
    activation_energy_at_gmin: float = 0.2
    """Activation energy of a cell at the smallest programmable conductance [eV]."""
    activation_energy_at_gmax: float = 0.0
    """Activation energy of a cell at the largest conductance [eV]; linear in between, as the
    share of the amorphous phase is taken to be."""


@dataclass(frozen=True, slots=True)
class ThermalConductance:
    """``g(T) = g exp(-(E_A(g) / k) (1 / T - 1 / T_0))``."""

    params: ThermalConductanceParams
    cell: Cell

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """Conductance at the reading temperature of cells that have ``g`` at the other [1]."""
        xp, params = array_namespace(g), self.params
        low, high = params.activation_energy_at_gmin, params.activation_energy_at_gmax
        share = xp.clip((g - self.cell.g_min) / self.cell.g_range, 0.0, 1.0)
        coldness = (1.0 / params.temperature - 1.0 / params.reference_temperature) / BOLTZMANN
        return g * xp.exp(-coldness * (low + (high - low) * share))

    def drift(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """As `program`, at any time."""
        return self.program(g, noise=noise)
