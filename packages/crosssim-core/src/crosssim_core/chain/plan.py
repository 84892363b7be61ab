"""The steps of one read, compiled from the parameters before any matrix is known."""

from dataclasses import dataclass
from typing import Literal

from crosssim_core.chain.mapping import Mapping, make_mapping
from crosssim_core.chain.ranges import adc_range
from crosssim_core.converters import AdcModel, AdcSite, DacModel, DacSite
from crosssim_core.errors import UnsupportedError
from crosssim_core.parameters import (
    AdcParams,
    CrossSimParameters,
    DacParams,
    InputMappingParameters,
)
from crosssim_core.plugins.registry import factory
from crosssim_core.random import Stream

Side = Literal["mvm", "vmm"]
"""``"mvm"`` is A·x, ``"vmm"`` is x·A."""


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """One direction of one array, without its conductances."""

    mapping: Mapping
    input_scale: float
    """Factor κ from digital inputs to fractions of the full-scale voltage."""
    dac: DacModel | None
    """None where voltages follow the inputs exactly, without clipping."""
    saturation: float
    """Largest current a line carries, in units of one full device [1]; 0 is unlimited."""
    interleaved: bool
    """Both devices of a pair share a line, whose current is their difference."""
    analog_subtraction: bool
    """The difference of a pair is formed before the ADC."""
    adcs: tuple[AdcModel | None, ...]
    """Converter of each weight slice; None where currents are read exactly, without clipping."""
    stochastic: bool
    """Whether conversions draw random numbers."""

    @classmethod
    def of(
        cls, params: CrossSimParameters, side: Side, *, outputs: int, inputs: int, stream: Stream
    ) -> "ReadPlan":
        """Compile the read of an array with so many output and input lines.

        Args:
            params: Whole tree, already validated.
            side: Direction of the product.
            outputs: Lines that are digitised in this direction.
            inputs: Lines that are driven in this direction.
            stream: Where errors of the converters come from.

        Raises:
            UnknownModelError: A converter model is not installed.
            ParameterError: A converter refuses its parameters or its range.
            UnsupportedError: An effect is switched on that is not simulated yet.
        """
        _refuse_what_is_not_built(params, side)
        mapping = make_mapping(params)
        limits: InputMappingParameters = getattr(params.core.mapping.inputs, side)
        dac: DacParams = getattr(params.xbar.dac, side)
        adc: AdcParams = getattr(params.xbar.adc, side)
        scale = (2.0 if dac.signed else 1.0) / (limits.max - limits.min)
        adcs = tuple(
            _adc(params, adc, dac, outputs=outputs, inputs=inputs, slice_index=i, stream=stream)
            for i in range(mapping.slices)
        )
        return cls(
            mapping=mapping,
            input_scale=scale,
            dac=_dac(dac, DacSite(scale * limits.min, scale * limits.max)),
            saturation=params.xbar.array.Icol_max,
            interleaved=params.core.balanced.interleaved_posneg,
            analog_subtraction=params.core.balanced.subtract_current_in_xbar,
            adcs=adcs,
            stochastic=adc.stochastic_rounding and any(a is not None for a in adcs),
        )


def _dac(record: DacParams, site: DacSite) -> DacModel | None:
    if record.model == "IdealDAC":
        return None
    model: DacModel = factory("dac", record.model)(record, site)
    return model if record.bits > 0 else None


def _adc(
    params: CrossSimParameters,
    record: AdcParams,
    dac: DacParams,
    *,
    outputs: int,
    inputs: int,
    slice_index: int,
    stream: Stream,
) -> AdcModel | None:
    if record.model == "IdealADC" or record.bits == 0:
        return None
    low, high = adc_range(params, record, dac, inputs=inputs, slice_index=slice_index)
    noise = stream.child("adc", slice_index).source()
    model: AdcModel = factory("adc", record.model)(record, AdcSite(low, high, outputs, noise))
    return model


def _refuse_what_is_not_built(params: CrossSimParameters, side: Side) -> None:
    device, array = params.xbar.device, params.xbar.array
    switched_on = {
        "xbar.device.read_noise": device.read_noise.enable
        and device.read_noise.model != "IdealDevice",
        "xbar.device.nonlinear_IV": device.nonlinear_IV.enable
        and device.nonlinear_IV.model != "IdealDevice",
        "xbar.array.parasitics": array.parasitics.enable
        and any(
            r > 0
            for r in (
                array.parasitics.Rp_row,
                array.parasitics.Rp_col,
                array.parasitics.Rp_row_terminal,
                array.parasitics.Rp_col_terminal,
            )
        ),
        f"xbar.dac.{side}.input_bitslicing": getattr(params.xbar.dac, side).input_bitslicing,
        f"core.mapping.inputs.{side}.percentile": getattr(
            params.core.mapping.inputs, side
        ).percentile
        is not None,
        "simulation.analytics.profile_xbar_inputs": params.simulation.analytics.profile_xbar_inputs,
        "simulation.analytics.profile_adc_inputs": params.simulation.analytics.profile_adc_inputs,
    }
    for name, on in switched_on.items():
        if on:
            raise UnsupportedError(f"{name} is switched on and is not simulated yet.")
