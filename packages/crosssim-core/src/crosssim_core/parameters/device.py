"""The memory cell."""

from pydantic import Field

from crosssim_core.errors import ParameterError
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.plain import Bits, NonNegative, Positive
from crosssim_core.parameters.records import DeviceErrorParams


class DeviceParameters(Params):
    """The memory cell, and how it errs."""

    cell_bits: Bits = 0
    """Programmable levels between smallest and largest conductance, as a power of 2 [bit];
    0 is continuous."""
    Rmin: Positive = 1000.0
    """Resistance at the largest conductance [Ω]."""
    Rmax: Positive = 10000.0
    """Resistance at the smallest conductance [Ω], above ``Rmin``."""
    Vread: Positive = 0.1
    """Read voltage of a full-scale input [V]."""
    time: NonNegative = 0.0
    """Time since programming, in the unit of the drift model (days for SONOS)."""
    infinite_on_off_ratio: bool = False
    """Let the smallest conductance be zero, whatever ``Rmax`` is."""
    clip_conductance: bool = False
    """Clip erring conductances to the programmable range, rather than only at zero."""
    read_noise: DeviceErrorParams = Field(default_factory=DeviceErrorParams)
    """Error of every single read."""
    programming_error: DeviceErrorParams = Field(default_factory=DeviceErrorParams)
    """Error of programming."""
    drift_error: DeviceErrorParams = Field(default_factory=DeviceErrorParams)
    """Conductance at ``time`` after programming."""
    nonlinear_IV: DeviceErrorParams = Field(default_factory=DeviceErrorParams)
    """Current that is not proportional to the voltage."""

    @property
    def Gmax_norm(self) -> float:
        """Largest conductance over itself [1]."""
        return 1.0

    @property
    def Gmin_norm(self) -> float:
        """Smallest programmable conductance over the largest [1]."""
        return 0.0 if self.infinite_on_off_ratio else self.Rmin / self.Rmax

    @property
    def Grange_norm(self) -> float:
        """Programmable range over the largest conductance [1]."""
        return 1.0 - self.Gmin_norm

    def check(self) -> None:
        if not self.infinite_on_off_ratio and self.Rmin >= self.Rmax:
            raise ParameterError(
                f"Rmin ({self.Rmin:g}) must be below Rmax ({self.Rmax:g}): Rmin belongs to the "
                "largest conductance."
            )
