"""A phase-change memory cell, 27.36 s after programming.

Source: V. Joshi et al., "Accurate deep neural network inference using computational phase-change
memory", Nature Communications 11, 2473 (2020), Fig. 3(b). Suggested range 0.25 to 25 µS.
"""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array
from crosssim_devices.cells.spread import fitted_deviation, microsiemens

SPREAD = (0.28638599, 0.07585724, -0.00178767)
"""Coefficients of the standard deviation: of G^0, G^1, G^2 [µS^(1-i)]."""

LARGEST = 25.0
"""Largest conductance that was measured [µS]."""


@dataclass(frozen=True, slots=True)
class PcmJoshi:
    """Programming error of a phase-change memory cell.

    Raises:
        ParameterError: The largest conductance ``1 / Rmin`` exceeds 25 µS.
    """

    params: DeviceErrorParams
    cell: Cell

    def __post_init__(self) -> None:
        if microsiemens(self.cell) > LARGEST:
            raise ParameterError(
                f"PCMJoshi is measured up to {LARGEST:g} µS; Rmin = {self.cell.Rmin:g} Ω gives "
                f"{microsiemens(self.cell):g} µS"
            )

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: NoiseSource
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before clipping [1]."""
        return g + fitted_deviation(g, self.cell, SPREAD) * noise.normal_like(g)
