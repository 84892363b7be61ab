"""Writing target conductances into cells that err."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.devices import DoubtsCells, Slot, device_model
from crosssim_core.errors import ParameterWarning
from crosssim_core.parameters import DeviceParameters
from crosssim_core.random import ProgrammingNoise
from crosssim_core.typing import Array

READS: tuple[Slot, ...] = ("read_noise", "nonlinear_IV")
"""Slots of models that act on what cells hold, each time they are read."""


@dataclass(frozen=True, slots=True)
class CellWriter:
    """Programming error or drift, then the physical limits of a conductance.

    At time 0 an enabled programming error applies, else an enabled drift model at time 0; at
    any later time the drift model alone, because it describes the cell completely.

    Source: CrossSim parameters ``xbar.device.{programming_error,drift_error,time}``.
    """

    error: Callable[..., Any] | None
    """``program`` or ``drift`` of a device model; None for ideal cells."""
    low: float
    """Smallest conductance a cell can take [1]."""
    high: float | None
    """Largest conductance a cell can take [1]; None is unlimited."""
    readers: tuple[tuple[Slot, DoubtsCells], ...] = ()
    """Models that may doubt what they say about reads of some cells."""

    @classmethod
    def of(cls, device: DeviceParameters) -> "CellWriter":
        """The writer that the device parameters describe.

        Raises:
            UnknownModelError: A model is not installed.
            ParameterError: A model refuses its parameters or the cell.
            UnsupportedError: A model does not fit its slot.
        """
        programming = device_model(device, "programming_error")
        drift = device_model(device, "drift_error")
        if device.time != 0 and programming and not drift:
            warnings.warn(
                f"xbar.device.time is {device.time:g}, where only the drift model describes the "
                f"cells, and drift_error is off: programming_error "
                f"{device.programming_error.model!r} is not applied.",
                ParameterWarning,
                stacklevel=2,
            )
        if device.time == 0 and programming:
            error = programming.program
        else:
            error = drift.drift if drift else None
        low, high = (device.Gmin_norm, 1.0) if device.clip_conductance else (0.0, None)
        readers = ((slot, device_model(device, slot)) for slot in READS)
        doubting = tuple((slot, reader) for slot, reader in readers if _doubts(reader))
        return cls(error, low, high, doubting)

    def write(
        self, target: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """Conductance that the cells hold after ``target`` was written [1]."""
        written = target if self.error is None else self.error(target, noise=noise)
        return array_namespace(written).clip(written, self.low, self.high)

    def warn(self, written: Float[Array, "*cells"], /) -> None:
        """Tell what models of reads doubt about cells that hold ``written``.

        Warns:
            ParameterWarning: One for each doubt.
        """
        for slot, reader in self.readers:
            for doubt in reader.doubts(written):
                warnings.warn(f"xbar.device.{slot}: {doubt}", ParameterWarning, stacklevel=2)


def _doubts(reader: object) -> TypeGuard[DoubtsCells]:
    return isinstance(reader, DoubtsCells)
