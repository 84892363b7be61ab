"""A matrix held by arrays: how it is divided, programmed and read."""

from crosssim_core.cores.compact import Compact
from crosssim_core.cores.conductances import ArrayConductances
from crosssim_core.cores.core import AnalogCore
from crosssim_core.cores.matrix import AnalogMatrix
from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.cores.profile import Profile
from crosssim_core.cores.programmed import ProgrammedArrays
from crosssim_core.cores.state import ChipState
from crosssim_core.cores.view import AnalogView

__all__ = [
    "AnalogCore",
    "AnalogMatrix",
    "AnalogView",
    "ArrayConductances",
    "ArrayPlan",
    "ArrayState",
    "ChipState",
    "Compact",
    "Profile",
    "ProgrammedArrays",
]
