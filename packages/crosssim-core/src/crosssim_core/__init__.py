"""Accuracy simulation of matrix products on resistive crossbar arrays."""

from crosssim_core.cores import AnalogCore
from crosssim_core.layers import AnalogLayer, ConvLayout, LinearLayout
from crosssim_core.parameters import (
    ADCRangeLimits,
    BalancedCoreStyle,
    BitSlicedCoreStyle,
    CoreStyle,
    CrossSimParameters,
    OffsetCoreStyle,
    OutputDType,
    PartitionStrategy,
)

__all__ = [
    "ADCRangeLimits",
    "AnalogCore",
    "AnalogLayer",
    "BalancedCoreStyle",
    "BitSlicedCoreStyle",
    "ConvLayout",
    "CoreStyle",
    "CrossSimParameters",
    "LinearLayout",
    "OffsetCoreStyle",
    "OutputDType",
    "PartitionStrategy",
]
