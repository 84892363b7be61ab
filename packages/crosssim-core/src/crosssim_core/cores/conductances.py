"""Conductances of programmed arrays, for those who build or check the hardware."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float

from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class ArrayConductances:
    """What one array holds: a copy."""

    rows: slice
    """Rows of the matrix that this array holds; of its real block matrix for a complex core."""
    cols: slice
    """Columns of it."""
    relative: Float[Array, "slices signs lines drives"]
    """Conductances over the largest one [1]: weight slices from the least significant, then the
    positive and the negative half of a pair, or the one array that holds both signs; rows and
    columns as in the matrix."""
    largest: float
    """The largest conductance, ``1 / Rmin`` [S]."""
    unit_line: bool
    """Whether a row and a column of zero weights come before the others. Only the row takes part
    in A·x, only the column in x·A."""

    @property
    def siemens(self) -> Float[Array, "slices signs lines drives"]:
        """Conductances [S]."""
        return self.relative * self.largest


def export(plan: ArrayPlan, state: ArrayState) -> tuple[ArrayConductances, ...]:
    """What each array of ``plan`` holds in ``state``, row by row."""
    count = len(plan.params)
    devices: list[Any] = [plan.params[i % count].xbar.device for i in range(len(plan.arrays))]
    return tuple(
        ArrayConductances(
            rows=part.outputs,
            cols=part.inputs,
            relative=g + 0.0,
            largest=1.0 / device.Rmin,
            unit_line=part.mapping.unit_line,
        )
        for part, g, device in zip(plan.arrays, state.conductance, devices, strict=True)
    )
