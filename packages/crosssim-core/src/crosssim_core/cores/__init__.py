"""A matrix held by arrays: how it is divided, programmed and read."""

from crosssim_core.cores.core import AnalogCore
from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.cores.programmed import ProgrammedArrays

__all__ = ["AnalogCore", "ArrayPlan", "ArrayState", "ProgrammedArrays"]
