"""The range over which an ADC converts."""

from math import ceil, log2
from typing import NamedTuple

from crosssim_core.chain.bitsliced import BitSlicedMapping
from crosssim_core.chain.inputs import InputPath
from crosssim_core.chain.mapping import Mapping
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import (
    AdcParams,
    ADCRangeLimits,
    CoreStyle,
    CrossSimParameters,
    DacParams,
)


class AdcRange(NamedTuple):
    """What an ADC is set to, in units of one device at full conductance and full input."""

    low: float
    high: float
    background: float = 0.0
    """Conductance whose current a dummy line takes away before the conversion [1]."""
    trim: float = 0.0
    """Current that is added before the conversion and taken away after it [1]."""


def adc_range(
    params: CrossSimParameters,
    adc: AdcParams,
    dac: DacParams,
    *,
    mapping: Mapping,
    path: InputPath,
    inputs: int,
    index: int,
) -> AdcRange:
    """The range of the ADC of one weight slice.

    Args:
        params: Whole tree.
        adc: The record of the direction in question.
        dac: Likewise.
        mapping: How weights become conductances.
        path: How inputs become voltages.
        inputs: Number of input lines whose currents are summed.
        index: Weight slice, 0 being the least significant.

    Raises:
        ParameterError: A calibrated range is missing, or GRANULAR has no steps to resolve.

    Source: CrossSim parameter ``xbar.adc.mvm.adc_range_option``.
    """
    core = params.core
    subtracted = core.has_pairs and (
        core.balanced.subtract_current_in_xbar or core.balanced.interleaved_posneg
    )
    sliced_pairs = core.has_pairs and core.style is CoreStyle.BITSLICED
    bipolar = path.bipolar or subtracted or sliced_pairs
    match adc.adc_range_option:
        case ADCRangeLimits.CALIBRATED:
            return _calibrated(adc, index)
        case ADCRangeLimits.MAX:
            bound = max(inputs, 1) * max(1.0, path.reach)
            if isinstance(mapping, BitSlicedMapping) and not mapping.pairs:
                bound = _aligned_bound(mapping, adc, dac, bound, bipolar=bipolar)
            return AdcRange(-bound if bipolar else 0.0, bound)
        case ADCRangeLimits.GRANULAR:
            return _granular(adc, mapping, path, bipolar=bipolar, single_ended=not subtracted)


def _calibrated(adc: AdcParams, index: int) -> AdcRange:
    given = adc.calibrated_range
    if not given:
        raise ParameterError(
            "adc_range_option is CALIBRATED and calibrated_range is empty: give [low, high], or "
            "choose adc_range_option = MAX."
        )
    low, high = given[index] if isinstance(given[0], list) else given
    return AdcRange(low, high)


def _aligned_bound(
    mapping: BitSlicedMapping, adc: AdcParams, dac: DacParams, largest: float, *, bipolar: bool
) -> float:
    """A bound on the current ``largest`` whose codes of all slices can be aligned by shifting."""
    levels, codes = 2.0**mapping.slice_bits, 2.0**adc.bits
    bound = 2.0 ** ceil(log2(largest)) * levels / (levels - 1)
    if dac.converts and (magnitude := dac.bits - dac.signed) > 0:
        bound *= 2.0**magnitude / (2.0**magnitude - 1)
    return max(largest, bound * (codes - (2 if bipolar else 1)) / codes)


def _granular(
    adc: AdcParams, mapping: Mapping, path: InputPath, *, bipolar: bool, single_ended: bool
) -> AdcRange:
    """Zero and every step that levels of cells and digits can make is a code."""
    if mapping.cell_bits <= 0 or path.digits is None:
        raise ParameterError(
            "adc_range_option is GRANULAR, which needs cells with levels (cell_bits) and input "
            "bit slicing."
        )
    step = (1.0 - mapping.g_min) * path.digits.step / (2**mapping.cell_bits - 1)
    background = mapping.g_min if single_ended else 0.0
    half = 2 ** (adc.bits - 1)
    if adc.mid_rise:
        return AdcRange(-step * half, step * half, background, trim=step / 2)
    if not bipolar and not adc.symmetric:
        return AdcRange(0.0, step * (2**adc.bits - 1), background)
    low = half - 1 if adc.symmetric else half
    return AdcRange(-step * low, step * (half - 1), background)
