"""The range over which an ADC converts."""

from crosssim_core.errors import ParameterError, UnsupportedError
from crosssim_core.parameters import (
    AdcParams,
    ADCRangeLimits,
    CoreStyle,
    CrossSimParameters,
    DacParams,
)


def adc_range(
    params: CrossSimParameters, adc: AdcParams, dac: DacParams, *, inputs: int, slice_index: int
) -> tuple[float, float]:
    """Lower and upper end of the conversion range, in units of one full device [1].

    Args:
        params: Whole tree.
        adc: The record of the direction in question.
        dac: Likewise.
        inputs: Number of input lines whose currents are summed.
        slice_index: Weight slice that the ADC serves, 0 being the least significant.

    Raises:
        ParameterError: A calibrated range is missing.
        UnsupportedError: The option is not simulated yet.

    Source: CrossSim parameter ``xbar.adc.mvm.adc_range_option``.
    """
    match adc.adc_range_option:
        case ADCRangeLimits.CALIBRATED:
            if not adc.calibrated_range:
                raise ParameterError(
                    "adc_range_option is CALIBRATED and calibrated_range is empty: give "
                    "[lo, hi], or choose adc_range_option = MAX."
                )
            low, high = adc.calibrated_range
            return float(low), float(high)
        case ADCRangeLimits.MAX:
            return (-float(inputs) if _bipolar(params, dac) else 0.0, float(inputs))
        case _:
            raise UnsupportedError("adc_range_option = GRANULAR is not simulated yet.")


def _bipolar(params: CrossSimParameters, dac: DacParams) -> bool:
    """Whether a line can carry current of both signs."""
    core = params.core
    pairs = core.style is CoreStyle.BALANCED and core.balanced.subtract_current_in_xbar
    return bool(dac.signed or pairs)
