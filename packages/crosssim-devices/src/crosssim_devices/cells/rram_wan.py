"""A resistive memory cell, 1 s after programming.

Source: W. Wan et al., "A compute-in-memory chip based on resistive random-access memory", Nature
608, 504-512 (2022), Extended Data Fig. 3.
"""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array
from crosssim_devices.cells.spread import fitted_deviation, microsiemens

SPREAD = (1.053, 2.374e-1, -1.167e-2, 1.536e-4)
"""Coefficients of the standard deviation: of G^0 to G^3 [µS^(1-i)]."""

LARGEST = 39.26
"""Largest conductance that was measured [µS]."""


@dataclass(frozen=True, slots=True)
class RramWan:
    """Programming error of a resistive memory cell.

    Raises:
        ParameterError: The largest conductance ``1 / Rmin`` exceeds 39.26 µS.
    """

    params: DeviceErrorParams
    cell: Cell

    def __post_init__(self) -> None:
        if microsiemens(self.cell) > LARGEST:
            raise ParameterError(
                f"RRAMWan is measured up to {LARGEST:g} µS; Rmin = {self.cell.Rmin:g} Ω gives "
                f"{microsiemens(self.cell):g} µS"
            )

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: NoiseSource
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before clipping [1]."""
        return g + fitted_deviation(g, self.cell, SPREAD) * noise.normal_like(g)
