"""ADC and DAC models: what they are told and what they must offer."""

from crosssim_core.converters.interface import (
    AdcModel,
    AdcSite,
    ConverterErrors,
    DacModel,
    DacSite,
    HostArray,
    KeepsErrors,
    PicksLines,
    UniformLevels,
)

__all__ = [
    "AdcModel",
    "AdcSite",
    "ConverterErrors",
    "DacModel",
    "DacSite",
    "HostArray",
    "KeepsErrors",
    "PicksLines",
    "UniformLevels",
]
