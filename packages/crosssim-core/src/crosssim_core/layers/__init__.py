"""Layers of networks over simulated arrays, independent of the framework that trains them."""

from crosssim_core.layers.conv import ConvLayout
from crosssim_core.layers.convtranspose import ConvTransposeLayout
from crosssim_core.layers.layer import AnalogLayer
from crosssim_core.layers.layout import Layout, wired
from crosssim_core.layers.linear import LinearLayout, TransposedLinearLayout
from crosssim_core.layers.packed import PackedConvLayout
from crosssim_core.layers.recurrent import CellLayout
from crosssim_core.layers.vectors import read_vectors

__all__ = [
    "AnalogLayer",
    "CellLayout",
    "ConvLayout",
    "ConvTransposeLayout",
    "Layout",
    "LinearLayout",
    "PackedConvLayout",
    "TransposedLinearLayout",
    "read_vectors",
    "wired",
]
