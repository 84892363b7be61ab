"""Errors of programming, divided into those of the cell and those of the occasion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from jaxtyping import Float
from pydantic import Field

from crosssim_core.devices import Cell
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import ProgrammingNoise
from crosssim_core.typing import Array
from crosssim_devices.cells.generic import constant, inverse, proportional

Deviation = Annotated[float, Field(ge=0)]
"""A standard deviation."""

SIZES: Mapping[str, Callable[[Array], Array]] = {
    "independent": constant,
    "proportional": proportional,
    "inverse": inverse,
}
"""Size of an error at a conductance, over its standard deviation."""


class CellVariationParams(DeviceErrorParams):
    """How far cells stray, and what that depends on."""

    model: str = "CellVariation"
    device_to_device: Deviation = 0.0
    """Standard deviation between cells that stays the same whenever they are programmed [1]."""
    cycle_to_cycle: Deviation = 0.0
    """Standard deviation of one cell from one programming to the next [1]."""
    dependence: Literal["independent", "proportional", "inverse"] = "proportional"
    """How both depend on the target: not at all, as ``g``, or as ``1 / g``."""


@dataclass(frozen=True, slots=True)
class CellVariation:
    """``g + (s_d z_d + s_c z_c) f(g)`` with independent standard normal deviates.

    ``z_d`` belongs to the cell, ``z_c`` is drawn at each programming. ``f(g)`` is 1, ``g``, or
    ``1 / g`` (0 at 0).
    """

    params: CellVariationParams
    cell: Cell

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before clipping [1]."""
        of_cell = self.params.device_to_device * noise.of_chip("cell variation").normal_like(g)
        of_cycle = self.params.cycle_to_cycle * noise.normal_like(g)
        return g + (of_cell + of_cycle) * SIZES[self.params.dependence](g)
