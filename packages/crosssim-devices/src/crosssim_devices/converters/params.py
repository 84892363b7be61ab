"""Parameters of converters that have some of their own."""

from typing import Annotated, ClassVar

from pydantic import Field

from crosssim_core.errors import ParameterError
from crosssim_core.parameters import AdcParams, DacParams

Spread = Annotated[float, Field(ge=0)]
"""A standard deviation."""

Gain = Annotated[float, Field(ge=0, allow_inf_nan=True)]
"""A voltage gain [dB], infinity for an ideal amplifier."""

MOST_BITS = 16
"""Largest resolution of a circuit ADC, whose codes are tabulated [bit]."""


class SignMagnitudeAdcParams(AdcParams):
    """An ADC that codes a sign and a magnitude."""

    symmetric: ClassVar[bool] = True

    model: str = "SignMagnitudeADC"

    def check(self) -> None:
        """Apply the rules of every ADC and those of this one."""
        super().check()
        self.check_model()

    def check_model(self) -> None:
        """Refuse codes that cannot hold a sign and a magnitude."""
        check_sign_magnitude("SignMagnitudeADC", signed=self.signed, bits=self.bits)


class SignMagnitudeDacParams(DacParams):
    """A DAC that codes a sign and a magnitude."""

    model: str = "SignMagnitudeDAC"

    def check(self) -> None:
        """Apply the rules of every DAC and those of this one."""
        super().check()
        self.check_model()

    def check_model(self) -> None:
        """Refuse codes that cannot hold a sign and a magnitude."""
        check_sign_magnitude("SignMagnitudeDAC", signed=self.signed, bits=self.bits)


class CircuitAdcParams(AdcParams):
    """What ADCs with circuit errors have in common."""

    mid_rise: ClassVar[bool] = True
    newer = frozenset({"use_all_codes"})

    gain_db: Gain = 100.0
    """Open-loop voltage gain of the amplifiers [dB]."""
    sigma_comparator: Spread = 0.0
    """Standard deviation of comparator offsets, over the reference voltage [1]."""
    use_all_codes: bool = False
    """Whether all codes divide the range. If not, they divide a symmetric one that is as large as
    the larger magnitude of its ends, as in CrossSim 3.2: a range of one sign uses half of them."""

    def check(self) -> None:
        """Apply the rules of every ADC and those of this one."""
        super().check()
        self.check_model()

    def check_model(self) -> None:
        """Refuse tables that would not fit into memory."""
        if self.bits > MOST_BITS:
            raise ParameterError(
                f"{self.model} is simulated up to {MOST_BITS} bits, not {self.bits}", "bits"
            )


class RampAdcParams(CircuitAdcParams):
    """A ramp ADC: one capacitive DAC for all lines, a comparator for each."""

    model: str = "RampADC"
    sigma_capacitor: Spread = 0.0
    """Standard deviation of a unit capacitor, over its nominal value [1]."""
    symmetric_cdac: bool = True
    """Whether the ramp is generated outward from zero by a DAC of half the size."""


class SarAdcParams(CircuitAdcParams):
    """A successive-approximation ADC."""

    model: str = "SarADC"
    sigma_capacitor: Spread = 0.0
    """Standard deviation of a unit capacitor, over its nominal value [1]."""
    split_cdac: bool = True
    """Whether the capacitive DAC is two arrays joined by a bridge capacitor."""
    group_size: Annotated[int, Field(ge=1)] = 8
    """Output lines that share a converter [1]."""

    def check_model(self) -> None:
        """Refuse, too, a split DAC that has nothing to split."""
        super().check_model()
        if self.bits == 1 and self.split_cdac:
            raise ParameterError(
                "a split CDAC (split_cdac = True) needs at least 2 bits, not 1", "bits"
            )


class PipelineAdcParams(CircuitAdcParams):
    """A pipeline ADC, or a cyclic one, which uses a single stage again and again."""

    model: str = "PipelineADC"
    sigma_C1: Spread = 0.0
    """Standard deviation of the feedback capacitor, over its nominal value [1]."""
    sigma_C2: Spread = 0.0
    """Standard deviation of the sampling capacitor, over its nominal value [1]."""
    sigma_Cpar: Spread = 0.0
    """Standard deviation of the parasitic capacitor, over the feedback capacitor [1]."""
    group_size: Annotated[int, Field(ge=1)] = 8
    """Output lines that share a converter [1]."""


def check_sign_magnitude(model: str, *, signed: bool, bits: int) -> None:
    """Refuse codes that cannot hold a sign and a magnitude.

    Raises:
        ParameterError: They cannot.
    """
    if not signed:
        raise ParameterError(f"{model} codes a sign, so signed must be True", "signed")
    if bits == 1:
        raise ParameterError(
            f"{model} needs a bit for the sign and one for the magnitude, so bits must be 0 "
            "(pass everything) or at least 2, not 1",
            "bits",
        )
