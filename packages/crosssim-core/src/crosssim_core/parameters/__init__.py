"""The parameter tree: what can be chosen about a simulated array."""

from crosssim_core.parameters.array import ArrayParameters, ParasiticsParameters
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.core import (
    BalancedCoreParameters,
    BitSlicedCoreParameters,
    CoreParameters,
    OffsetCoreParameters,
)
from crosssim_core.parameters.derived import (
    WireResistances,
    fast_balanced,
    fast_nonlinear_IV,
    wire_resistances,
)
from crosssim_core.parameters.device import DeviceParameters
from crosssim_core.parameters.enums import (
    ADCRangeLimits,
    BalancedCoreStyle,
    BitSlicedCoreStyle,
    CoreStyle,
    MatmulCriterion,
    OffsetCoreStyle,
    OutputDType,
    PartitionStrategy,
    SelectedRows,
)
from crosssim_core.parameters.files import shipped_configurations
from crosssim_core.parameters.mapping import (
    InputMappingPair,
    InputMappingParameters,
    LimitParameters,
    MappingParameters,
    WeightMappingParameters,
)
from crosssim_core.parameters.pair import Pair
from crosssim_core.parameters.records import AdcParams, DacParams, DeviceErrorParams, ModelRecord
from crosssim_core.parameters.simulation import (
    AnalyticsParameters,
    ConvolutionParameters,
    SimulationParameters,
)
from crosssim_core.parameters.tree import CrossSimParameters
from crosssim_core.parameters.xbar import AdcPair, DacPair, XbarParameters

__all__ = [
    "ADCRangeLimits",
    "AdcPair",
    "AdcParams",
    "AnalyticsParameters",
    "ArrayParameters",
    "BalancedCoreParameters",
    "BalancedCoreStyle",
    "BitSlicedCoreParameters",
    "BitSlicedCoreStyle",
    "ConvolutionParameters",
    "CoreParameters",
    "CoreStyle",
    "CrossSimParameters",
    "DacPair",
    "DacParams",
    "DeviceErrorParams",
    "DeviceParameters",
    "InputMappingPair",
    "InputMappingParameters",
    "LimitParameters",
    "MappingParameters",
    "MatmulCriterion",
    "ModelRecord",
    "OffsetCoreParameters",
    "OffsetCoreStyle",
    "OutputDType",
    "Pair",
    "Params",
    "ParasiticsParameters",
    "PartitionStrategy",
    "SelectedRows",
    "SimulationParameters",
    "WeightMappingParameters",
    "WireResistances",
    "XbarParameters",
    "fast_balanced",
    "fast_nonlinear_IV",
    "shipped_configurations",
    "wire_resistances",
]
