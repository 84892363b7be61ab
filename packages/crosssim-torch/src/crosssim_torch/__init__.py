"""Analog layers, gradients and converters for PyTorch networks."""

from crosssim_torch.analog import AnalogModule
from crosssim_torch.conv import AnalogConv1d, AnalogConv2d, AnalogConv3d
from crosssim_torch.convert import (
    analog_modules,
    convertible_modules,
    from_torch,
    inconvertible_modules,
    reinitialize,
    synchronize,
    to_torch,
)
from crosssim_torch.linear import AnalogLinear

__all__ = [
    "AnalogConv1d",
    "AnalogConv2d",
    "AnalogConv3d",
    "AnalogLinear",
    "AnalogModule",
    "analog_modules",
    "convertible_modules",
    "from_torch",
    "inconvertible_modules",
    "reinitialize",
    "synchronize",
    "to_torch",
]
