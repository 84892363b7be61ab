"""One crossbar array with its converters."""

from pydantic import Field

from crosssim_core.errors import ParameterError
from crosssim_core.parameters.array import ArrayParameters
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.device import DeviceParameters
from crosssim_core.parameters.pair import Pair
from crosssim_core.parameters.records import AdcParams, DacParams


class AdcPair(Pair):
    """ADCs of both directions."""

    mvm: AdcParams = Field(default_factory=AdcParams)
    vmm: AdcParams = Field(default_factory=AdcParams)


class DacPair(Pair):
    """DACs of both directions."""

    mvm: DacParams = Field(default_factory=DacParams)
    vmm: DacParams = Field(default_factory=DacParams)


class XbarParameters(Params):
    """One crossbar array with its converters."""

    device: DeviceParameters = Field(default_factory=DeviceParameters)
    array: ArrayParameters = Field(default_factory=ArrayParameters)
    adc: AdcPair = Field(default_factory=AdcPair)
    dac: DacPair = Field(default_factory=DacPair)

    def check(self) -> None:
        for side, adc, dac in (
            ("mvm", self.adc.mvm, self.dac.mvm),
            ("vmm", self.adc.vmm, self.dac.vmm),
        ):
            if adc.adc_per_ibit and not dac.input_bitslicing:
                raise ParameterError(
                    f"adc_per_ibit is True and dac.{side}.input_bitslicing is False: there are "
                    "no input slices to convert.",
                    f"adc.{side}",
                )
        dac = self.dac.mvm
        if not self.array.parasitics.current_from_input and (
            not dac.input_bitslicing or dac.slice_size > 1
        ):
            raise ParameterError(
                "current_from_input is False, which needs binary inputs: dac.mvm."
                f"input_bitslicing (is {dac.input_bitslicing}) with slice_size 1 (is "
                f"{dac.slice_size}).",
                "array.parasitics",
            )
