"""Noise of reading: a fresh deviation of every cell, for every vector and digit."""

from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float

from crosssim_core._array import array_namespace, as_host, from_host
from crosssim_core.devices import DeclaresReadMoments, ReadsCells, device_model
from crosssim_core.numerics.moments import clipped_normal
from crosssim_core.parameters import DeviceParameters
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array

NEGLIGIBLE = 8.0
"""Standard deviations beyond which clipping of any distribution is ignored."""


class ReadMoments(NamedTuple):
    """What a read of cells gives on average, and how far it strays."""

    mean: Float[Array, "*cells"]
    variance: Float[Array, "*cells"] | None
    """None for nothing."""


@dataclass(frozen=True, slots=True)
class CellReader:
    """Read noise, then the physical limits of a conductance.

    Source: CrossSim parameter ``xbar.device.read_noise``.
    """

    model: ReadsCells
    low: float
    """Smallest conductance that can be seen [1]."""
    high: float | None
    """Largest one [1]; None is unlimited."""

    @classmethod
    def of(cls, device: DeviceParameters) -> "CellReader | None":
        """The reader that the device parameters describe; None without read noise.

        Raises:
            UnknownModelError: The model is not installed.
            ParameterError: The model refuses its parameters or the cell.
            UnsupportedError: The model has no read noise.
        """
        model = device_model(device, "read_noise")
        low, high = (device.Gmin_norm, 1.0) if device.clip_conductance else (0.0, None)
        return None if model is None else cls(model, low, high)

    def read(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance seen by one read [1]."""
        return array_namespace(g).clip(self.model.read(g, noise=noise), self.low, self.high)

    def moments(self, g: Float[Array, "*cells"], /) -> ReadMoments | None:
        """Moments of `read`, clipping included; None if they are not known in closed form."""
        if not isinstance(self.model, DeclaresReadMoments):
            return None
        mean, deviation = (as_host(m) for m in self.model.read_moments(g))
        if self.model.read_is_normal:
            mean, variance = clipped_normal(mean, deviation, low=self.low, high=self.high)
        else:
            reach = NEGLIGIBLE * deviation
            if (mean - reach < self.low).any():
                return None
            if self.high is not None and (mean + reach > self.high).any():
                return None
            variance = deviation**2
        return ReadMoments(
            from_host(mean, like=g, dtype=g.dtype), from_host(variance, like=g, dtype=g.dtype)
        )
