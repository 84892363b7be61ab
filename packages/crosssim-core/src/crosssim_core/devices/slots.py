"""The four places where a device model can act, and how each is filled."""

from typing import Any, Literal

from crosssim_core.devices.interface import (
    Cell,
    ChecksItsSlot,
    ConductsNonlinearly,
    DeclaresItsDegree,
    DriftsCells,
    ProgramsCells,
    ReadsCells,
)
from crosssim_core.errors import UnsupportedError
from crosssim_core.parameters import DeviceErrorParams, DeviceParameters
from crosssim_core.parameters.messages import within
from crosssim_core.plugins.registry import factory

Slot = Literal["programming_error", "drift_error", "read_noise", "nonlinear_IV"]

ABILITY: dict[Slot, type] = {
    "programming_error": ProgramsCells,
    "drift_error": DriftsCells,
    "read_noise": ReadsCells,
    "nonlinear_IV": ConductsNonlinearly,
}


def cell_of(device: DeviceParameters) -> Cell:
    """The cell that the device parameters describe."""
    return Cell(
        Rmin=device.Rmin,
        Rmax=float("inf") if device.infinite_on_off_ratio else device.Rmax,
        Vread=device.Vread,
        time=device.time,
    )


def current_degree(model: ConductsNonlinearly | None) -> int | None:
    """Degree of the current as a polynomial of the voltage; None if the model declares none."""
    return model.current_degree if isinstance(model, DeclaresItsDegree) else None


def device_model(device: DeviceParameters, slot: Slot) -> Any:
    """The model that fills ``slot``; None where the slot is off or ideal.

    Raises:
        UnknownModelError: No such model is installed.
        ParameterError: The model refuses its parameters or the cell; the path is that of the slot.
        UnsupportedError: The model has nothing to say in this slot.
    """
    record: DeviceErrorParams = getattr(device, slot)
    if not record.enable or record.model == "IdealDevice":
        return None
    with within(f"xbar.device.{slot}"):
        model = factory("device", record.model)(record, cell_of(device))
        if isinstance(model, ABILITY[slot]) and isinstance(model, ChecksItsSlot):
            model.check_slot(slot)
    if not isinstance(model, ABILITY[slot]):
        able = [name for name, protocol in ABILITY.items() if isinstance(model, protocol)]
        raise UnsupportedError(
            f"Device model {record.model!r} cannot fill the slot xbar.device.{slot}. "
            f"It can fill: {', '.join(able) or 'none'}."
        )
    return model
