"""Layers of networks over simulated arrays, independent of the framework that trains them."""

from crosssim_core.layers.conv import ConvLayout
from crosssim_core.layers.layer import AnalogLayer
from crosssim_core.layers.layout import Layout, analog_bias
from crosssim_core.layers.linear import LinearLayout

__all__ = ["AnalogLayer", "ConvLayout", "Layout", "LinearLayout", "analog_bias"]
