"""An illustrative cell whose current saturates.

Source: CrossSim device model ``CubicDevice``.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float

from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.typing import Array

LARGEST_VOLTAGE = 2.00001
"""Largest read voltage [V]; above 2 V the current changes sign."""


@dataclass(frozen=True, slots=True)
class CubicDevice:
    """Nonlinear current ``I = G (V − V³ / 4)``, V in volt.

    Raises:
        ParameterError: ``Vread`` exceeds 2 V.
    """

    params: DeviceErrorParams
    cell: Cell

    current_degree: ClassVar[int] = 3

    def __post_init__(self) -> None:
        if self.cell.Vread > LARGEST_VOLTAGE:
            raise ParameterError(
                f"the current of CubicDevice changes sign above 2 V; Vread is {self.cell.Vread:g} V"
            )

    def current(
        self, g: Float[Array, "*cells"], v: Float[Array, "*cells"], /
    ) -> Float[Array, "*cells"]:
        """Current over the full-scale current at voltage ``v`` over ``Vread`` [1]."""
        return g * (v - (0.25 * self.cell.Vread**2) * v**3)
