"""Quantities that follow from two or more groups."""

from typing import NamedTuple

from crosssim_core.parameters.array import ParasiticsParameters
from crosssim_core.parameters.device import DeviceParameters
from crosssim_core.parameters.tree import CrossSimParameters


class WireResistances(NamedTuple):
    """Wire resistances over the smallest cell resistance ``Rmin`` [1]."""

    row: float
    col: float
    row_terminal: float
    col_terminal: float


def wire_resistances(parasitics: ParasiticsParameters, device: DeviceParameters) -> WireResistances:
    """Resistances of the wires between cells and at the ends of lines, over ``device.Rmin`` [1]."""
    return WireResistances(
        row=parasitics.Rp_row / device.Rmin,
        col=parasitics.Rp_col / device.Rmin,
        row_terminal=parasitics.Rp_row_terminal / device.Rmin,
        col_terminal=parasitics.Rp_col_terminal / device.Rmin,
    )


def fast_balanced(params: CrossSimParameters) -> bool:
    """Whether both arrays of differential pairs may be merged into their difference."""
    device, array, balanced = params.xbar.device, params.xbar.array, params.core.balanced
    noisy = device.read_noise.enable and device.read_noise.model != "IdealDevice"
    return (
        not params.simulation.disable_fast_balanced
        and params.core.has_pairs
        and not noisy
        and not array.parasitics.enable
        and not device.nonlinear_IV.enable
        and balanced.subtract_current_in_xbar
        and not balanced.interleaved_posneg
        and array.Icol_max <= 0
    )


def fast_nonlinear_IV(params: CrossSimParameters) -> bool:
    """Whether currents of nonlinear cells may be tabulated instead of evaluated one by one."""
    device = params.xbar.device
    return device.nonlinear_IV.enable and not (
        params.simulation.disable_fast_nonlinear_IV
        or params.xbar.array.parasitics.enable
        or device.read_noise.enable
    )
