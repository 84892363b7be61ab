"""The array around the cells."""

from pydantic import Field

from crosssim_core.parameters.base import Params
from crosssim_core.parameters.enums import SelectedRows
from crosssim_core.parameters.legacy import GATE_INPUT
from crosssim_core.parameters.plain import Count, NonNegative


class ParasiticsParameters(Params):
    """Wires that have resistance.

    Circuits of ohmic cells are solved directly, at any resistance: to 1e-9 of the largest
    current up to a million times ``Rmin``, and beyond that to 1e-15 times the largest ratio. Where
    pairs share an output line, the current is that of the cells of one sign alone. Tolerances in
    ``simulation`` matter for read noise and nonlinear cells.
    """

    newer = frozenset({"disable_slices"})
    retired = GATE_INPUT

    enable: bool = False
    """Whether wire resistance is simulated; all of it being 0 switches it off as well."""
    Rp_row: NonNegative = 0.0
    """Resistance between neighbouring cells of a row [Ω]."""
    Rp_col: NonNegative = 0.0
    """Resistance between neighbouring cells of a column [Ω]."""
    Rp_row_terminal: NonNegative = 0.0
    """Resistance in series with a row [Ω]."""
    Rp_col_terminal: NonNegative = 0.0
    """Resistance in series with a column [Ω]."""
    current_from_input: bool = True
    """Cells draw their current from the input line, rather than from a supply line that the
    input gates."""
    selected_rows: SelectedRows = SelectedRows.TOP
    """Which physical rows are used where there are more rows than inputs and
    ``current_from_input`` is False."""
    disable_slices: list[Count] = Field(default=[])
    """Weight slices, 0 being the least significant, whose arrays have wires without resistance."""


class ArrayParameters(Params):
    """The array around the cells."""

    Icol_max: NonNegative = 0.0
    """Largest current of a line, either way, in units of one device at full conductance and
    full input [1]; 0 is unlimited."""
    parasitics: ParasiticsParameters = Field(default_factory=ParasiticsParameters)
