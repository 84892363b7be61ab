"""Which circuit the cells of an array form, decided before any cell is programmed."""

from dataclasses import dataclass
from typing import Literal

from crosssim_core.numerics.wires import Current, Line, Segments, Wires, supply_segments
from crosssim_core.numerics.wires.solution import MAX_STEPS, TOLERANCE
from crosssim_core.parameters import (
    CrossSimParameters,
    DacParams,
    SelectedRows,
    SimulationParameters,
)
from crosssim_core.parameters.derived import wire_resistances


@dataclass(frozen=True, slots=True)
class Effort:
    """What iterative solutions have to reach, and at what cost."""

    tolerance: float = TOLERANCE
    """Largest error of a voltage, over the largest input of its vector [1]."""
    max_steps: int = MAX_STEPS
    """Steps after which a solution is given up."""

    @classmethod
    def of(cls, simulation: SimulationParameters) -> "Effort":
        """The effort that the parameters ask for, and never less than is sensible."""
        return cls(
            min(simulation.Verr_th_mvm, TOLERANCE),
            max(simulation.Niters_max_parasitics, MAX_STEPS),
        )


@dataclass(frozen=True, slots=True)
class ArrayCircuit:
    """The cells of one weight slice and their wires, seen from the side that drives them."""

    interleaved: bool = False
    """Both cells of a pair share an output line."""
    wires: Wires | None = None
    """None where wires have no resistance."""
    supply: Segments | None = None
    """Supply lines, from which cells draw current that inputs only gate; None where cells are
    fed by their input lines."""
    law: Current | None = None
    """Current of a cell; None for Ohm's law."""
    degree: int | None = None
    """Of the law as a polynomial of the voltage; None where currents are formed cell by cell."""
    effort: Effort = Effort()
    refusal: str = ""
    """Why this side cannot be read."""

    @property
    def plain(self) -> bool:
        """Whether currents are products of conductances and voltages."""
        return self.wires is None and self.law is None

    @property
    def linear(self) -> bool:
        """Whether currents are linear in the voltages for given conductances."""
        return self.law is None and self.supply is None


def array_circuits(
    params: CrossSimParameters,
    side: Literal["mvm", "vmm"],
    *,
    slices: int,
    inputs: int,
    interleaved: bool,
    law: Current | None,
    degree: int | None = None,
) -> tuple[ArrayCircuit, ...]:
    """The circuit of each weight slice of one array.

    Args:
        params: Whole tree, already validated.
        side: Rows drive and columns collect for ``"mvm"``, the other way round for ``"vmm"``.
        slices: Weight slices.
        inputs: Lines that are driven in this direction.
        interleaved: Whether both cells of a pair share an output line.
        law: Current of a cell; None for Ohm's law.
        degree: Of the law as a polynomial of the voltage; None if it is not known to be one.

    Source: CrossSim parameters ``xbar.array.parasitics``.
    """
    effort = Effort.of(params.simulation)
    ideal = ArrayCircuit(
        interleaved=interleaved,
        law=law,
        degree=None if params.simulation.disable_fast_nonlinear_IV else degree,
        effort=effort,
    )
    parasitics = params.xbar.array.parasitics
    wires = _wires(params, side)
    if wires is None:
        return (ideal,) * slices
    supply, refusal = None, ""
    if not parasitics.current_from_input:
        most = params.core.rows_max if side == "mvm" else params.core.cols_max
        top = parasitics.selected_rows is SelectedRows.TOP
        supply = supply_segments(
            wires, unused=max(0, most - inputs), selected="top" if top else "bottom"
        )
        refusal = _refusal(getattr(params.xbar.dac, side), side)
    resistive = ArrayCircuit(interleaved, wires, supply, law, effort=effort, refusal=refusal)
    disabled = parasitics.disable_slices
    return tuple(ideal if index in disabled else resistive for index in range(slices))


def _wires(params: CrossSimParameters, side: Literal["mvm", "vmm"]) -> Wires | None:
    """The wires as this side sees them; None without resistance."""
    parasitics = params.xbar.array.parasitics
    if not parasitics.enable:
        return None
    over_cell = wire_resistances(parasitics, params.xbar.device)
    rows = Line(over_cell.row, over_cell.row_terminal)
    cols = Line(over_cell.col, over_cell.col_terminal)
    wires = Wires(rows, cols) if side == "mvm" else Wires(cols, rows)
    return wires if wires.resistive else None


def _refusal(dac: DacParams, side: str) -> str:
    if dac.input_bitslicing and dac.slice_size == 1:
        return ""
    return (
        f"current_from_input is False, which needs binary inputs: dac.{side}.input_bitslicing "
        f"(is {dac.input_bitslicing}) with slice_size 1 (is {dac.slice_size})."
    )
