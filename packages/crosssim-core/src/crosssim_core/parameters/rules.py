"""Rules between ``core`` and ``xbar``."""

from collections.abc import Iterator
from itertools import pairwise
from math import log2

from crosssim_core.errors import ParameterError
from crosssim_core.parameters.core import CoreParameters
from crosssim_core.parameters.enums import ADCRangeLimits, CoreStyle
from crosssim_core.parameters.messages import shown
from crosssim_core.parameters.records import AdcParams
from crosssim_core.parameters.xbar import XbarParameters


def check(core: CoreParameters, xbar: XbarParameters) -> None:
    """Apply every rule that makes an error.

    Raises:
        ParameterError: One is broken.
    """
    if core.style is CoreStyle.OFFSET and xbar.device.cell_bits == 1:
        raise ParameterError(
            "cell_bits is 1 and core.style is OFFSET, which leaves one level for all weights: "
            "give 2 at least, or 0 for continuous cells.",
            "xbar.device",
        )
    _check_disabled_slices(core, xbar)
    for path, adc in _adcs(xbar):
        try:
            _check_calibrated(core, adc)
            _check_granular(core, xbar, adc)
        except ParameterError as error:
            raise ParameterError(error.message, path) from None


def doubts(core: CoreParameters, xbar: XbarParameters) -> Iterator[str]:
    """What is legal and probably not meant, each sentence with its path."""
    for path, adc in _adcs(xbar):
        yield from (f"{path}: {doubt}" for doubt in _uneven_slices(core, adc))
    yield from _unused_weight_bits(core, xbar)
    yield from _unused_clipping(core, xbar)


def _adcs(xbar: XbarParameters) -> Iterator[tuple[str, AdcParams]]:
    yield "xbar.adc.mvm", xbar.adc.mvm
    if not xbar.adc.match:
        yield "xbar.adc.vmm", xbar.adc.vmm


def _check_disabled_slices(core: CoreParameters, xbar: XbarParameters) -> None:
    slices = core.bit_sliced.num_slices if core.style is CoreStyle.BITSLICED else 1
    disabled = xbar.array.parasitics.disable_slices
    if any(index >= slices for index in disabled):
        raise ParameterError(
            f"disable_slices names slice {max(disabled)}; core.style {core.style.name} has slices "
            f"0 to {slices - 1} here.",
            "xbar.array.parasitics",
        )


def _check_calibrated(core: CoreParameters, adc: AdcParams) -> None:
    given = adc.calibrated_range
    if adc.adc_range_option is not ADCRangeLimits.CALIBRATED or not given:
        return
    per_slice = isinstance(given[0], list)
    if core.style is not CoreStyle.BITSLICED:
        if per_slice:
            raise ParameterError(
                f"calibrated_range must be one pair [low, high] where core.style is "
                f"{core.style.name}, got {shown(given)}."
            )
    elif not per_slice or len(given) != core.bit_sliced.num_slices:
        raise ParameterError(
            f"calibrated_range must hold one pair [low, high] for each of the "
            f"{core.bit_sliced.num_slices} slices of core.bit_sliced, got {shown(given)}."
        )


def _check_granular(core: CoreParameters, xbar: XbarParameters, adc: AdcParams) -> None:
    if (
        adc.adc_range_option is ADCRangeLimits.GRANULAR
        and adc.converts
        and core.style is not CoreStyle.BITSLICED
        and xbar.device.cell_bits == 0
    ):
        raise ParameterError(
            "adc_range_option is GRANULAR and xbar.device.cell_bits is 0: continuous cells have "
            "no steps to resolve."
        )


def _uneven_slices(core: CoreParameters, adc: AdcParams) -> Iterator[str]:
    """Source: CrossSim warns of slices whose ranges cannot be aligned by shifting."""
    if (
        core.style is not CoreStyle.BITSLICED
        or adc.adc_range_option is not ADCRangeLimits.CALIBRATED
        or not adc.converts
    ):
        return
    widths = [pair[1] - pair[0] for pair in adc.calibrated_range if isinstance(pair, list)]
    for index, (low, high) in enumerate(pairwise(widths)):
        ratio = log2(high / low)
        if abs(ratio - round(ratio)) > 1e-6:
            yield (
                f"ranges of slices {index} and {index + 1} are {low:g} and {high:g} wide, no "
                "power of 2 apart: codes cannot be aligned by shifting."
            )


def _unused_weight_bits(core: CoreParameters, xbar: XbarParameters) -> Iterator[str]:
    bits, cell_bits = core.weight_bits, xbar.device.cell_bits
    granular = any(a.adc_range_option is ADCRangeLimits.GRANULAR for _, a in _adcs(xbar))
    if core.style is CoreStyle.BITSLICED or granular or cell_bits in (bits, bits - 1):
        return
    if bits:
        yield (
            f"core.weight_bits: is {bits}, and core.style {core.style.name} ignores it: "
            f"xbar.device.cell_bits, which is {cell_bits}, quantizes the weights."
        )


def _unused_clipping(core: CoreParameters, xbar: XbarParameters) -> Iterator[str]:
    inputs = core.mapping.inputs
    sides = [("mvm", inputs.mvm, xbar.dac.mvm)]
    if not (inputs.match and xbar.dac.match):
        sides.append(("vmm", inputs.vmm, xbar.dac.vmm))
    for side, limits, dac in sides:
        if limits.clipping and not dac.converts:
            yield (
                f"core.mapping.inputs.{side}.clipping: is True, and inputs are clipped only by a "
                f"DAC with bits, which xbar.dac.{side} is not."
            )
