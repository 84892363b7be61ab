"""The device without errors."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core.devices.interface import Cell
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class IdealDevice:
    """A linear cell that holds exactly what it was programmed to."""

    params: DeviceErrorParams
    cell: Cell

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: NoiseSource
    ) -> Float[Array, "*cells"]:
        """The target ``g`` itself [1]."""
        return g

    def drift(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """The target ``g`` itself, at any time [1]."""
        return g

    def read(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """The stored conductance ``g`` itself [1]."""
        return g

    def current(
        self, g: Float[Array, "*cells"], v: Float[Array, "*cells"], /
    ) -> Float[Array, "*cells"]:
        """Ohm's law, ``g v`` [1]."""
        return g * v
