"""Device models: what they are told, what they may offer, where they act."""

from crosssim_core.devices.interface import (
    Cell,
    ChecksItsSlot,
    ConductsNonlinearly,
    DeclaresItsDegree,
    DeclaresReadMoments,
    DoubtsCells,
    DriftsCells,
    ProgramsCells,
    ReadsCells,
)
from crosssim_core.devices.slots import Slot, cell_of, current_degree, device_model

__all__ = [
    "Cell",
    "ChecksItsSlot",
    "ConductsNonlinearly",
    "DeclaresItsDegree",
    "DeclaresReadMoments",
    "DoubtsCells",
    "DriftsCells",
    "ProgramsCells",
    "ReadsCells",
    "Slot",
    "cell_of",
    "current_degree",
    "device_model",
]
