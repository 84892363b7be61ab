"""Circuits: how the cells of an array and its wires form line currents."""

from crosssim_core.arrays.circuit import ArrayCircuit, array_circuits
from crosssim_core.arrays.solve import line_currents
from crosssim_core.arrays.transfer import effective_conductances

__all__ = ["ArrayCircuit", "array_circuits", "effective_conductances", "line_currents"]
