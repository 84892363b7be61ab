"""Cells and lines that do not work.

A fault belongs to the chip: programming again meets the same faulty cells, and a model of this
file has the same ones in every slot.

Source of the kinds of fault: C.-Y. Chen et al., "RRAM defect modeling and failure analysis based
on March test and a novel squeeze-search scheme", IEEE Trans. Computers 64 (2015) 180-190.
"""

from dataclasses import dataclass
from typing import Annotated

from array_api_compat import array_namespace
from jaxtyping import Float
from pydantic import Field

from crosssim_core.devices import Cell
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import ProgrammingNoise
from crosssim_core.typing import Array

Share = Annotated[float, Field(ge=0, le=1)]
"""A probability, or a share of a whole [1]."""


class StuckCellsParams(DeviceErrorParams):
    """How many cells are stuck, and where."""

    model: str = "StuckCells"
    cell_yield: Share = 1.0
    """Probability that a cell works [1]."""
    share_at_gmax: Share = 0.5
    """Share of the stuck cells that hold the largest conductance; the others hold the smallest
    programmable one [1]."""


class DeadLinesParams(DeviceErrorParams):
    """How many lines of an array are dead."""

    model: str = "DeadLines"
    row_yield: Share = 1.0
    """Probability that a row, which one input drives, works [1]."""
    column_yield: Share = 1.0
    """Probability that a column, which adds up one output of A·x, works [1]."""


@dataclass(frozen=True, slots=True)
class StuckCells:
    """Cells that hold one end of the range whatever is written into them."""

    params: StuckCellsParams
    cell: Cell

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """``g`` where cells work, 1 or ``g_min`` where they are stuck [1]."""
        xp = array_namespace(g)
        stuck = 1.0 - self.params.cell_yield
        lot = noise.of_chip("stuck cells").uniform_like(g)
        works = xp.astype(lot >= stuck, g.dtype)
        at_gmax = xp.astype(lot < stuck * self.params.share_at_gmax, g.dtype)
        at_gmin = 1.0 - works - at_gmax
        return works * g + at_gmax + self.cell.g_min * at_gmin

    def drift(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """As `program`: cells stay stuck."""
        return self.program(g, noise=noise)


@dataclass(frozen=True, slots=True)
class DeadLines:
    """Rows and columns of an array that are interrupted, so that their cells carry no current."""

    params: DeadLinesParams
    cell: Cell

    def program(
        self, g: Float[Array, "*arrays columns rows"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*arrays columns rows"]:
        """``g`` where lines work, 0 along dead ones [1]."""
        xp = array_namespace(g)
        column = noise.of_chip("dead columns").uniform_like(g[..., :1])
        row = noise.of_chip("dead rows").uniform_like(g[..., :1, :])
        columns = xp.astype(column >= 1.0 - self.params.column_yield, g.dtype)
        rows = xp.astype(row >= 1.0 - self.params.row_yield, g.dtype)
        return g * columns * rows

    def drift(
        self, g: Float[Array, "*arrays columns rows"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*arrays columns rows"]:
        """As `program`: lines stay dead."""
        return self.program(g, noise=noise)
