"""What an iterative solver returns, and how it fails."""

from dataclasses import dataclass
from typing import NoReturn

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.errors import SolverError
from crosssim_core.numerics.wires.inputs import collected
from crosssim_core.typing import Array

TOLERANCE = 1e-6
"""Largest error of the voltages, over the largest input of a vector [1]."""

ROUNDING = 1e-20
"""Decrease of the error after which more steps change nothing, whatever the error is [1]."""

MAX_STEPS = 200
"""Steps after which a solver gives up."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Line currents, and how well they satisfy Kirchhoff's laws."""

    currents: Float[Array, "*vectors outputs"]
    """Over the full-scale current of a cell [1]."""
    residual: float
    """Largest error of a cell's voltage, over the largest input of its vector [1]."""
    steps: int
    """Steps that the slowest vectors took."""
    nearing: bool = True
    """Whether the residual has at least halved in the second half of the steps allowed."""

    @classmethod
    def together(
        cls, found: list["Solution"], /, *, g: Array, vectors: tuple[int, ...]
    ) -> "Solution":
        """The solutions of all pieces, in the data type of the conductances ``g``."""
        return cls(
            collected([piece.currents for piece in found], g=g, vectors=vectors),
            max((piece.residual for piece in found), default=0.0),
            max((piece.steps for piece in found), default=0),
        )


def relative(error: Array, scale: Array, /) -> float:
    """Largest ``|error|`` over ``scale``; where the scale is 0 the error is, too.

    Args:
        error: Any shape, vectors along the first axis.
        scale: Scale of each vector, at least 0.
    """
    xp = array_namespace(error)
    largest = xp.max(xp.abs(xp.reshape(error, (error.shape[0], -1))), axis=-1)
    return float(xp.max(largest / xp.where(scale > 0, scale, xp.ones_like(scale))))


def give_up(what: str, found: Solution, tolerance: float) -> NoReturn:
    """Raise the `SolverError` for a solution, of arrays of the kind ``what``, that is too bad."""
    advice = "Allow more steps or" if found.nearing else "More steps do not help: allow"
    raise SolverError(
        f"The voltages of {what} are wrong by {found.residual:.1e} of the largest input after "
        f"{found.steps} steps; at most {tolerance:.1e} was asked for. {advice} a larger error.",
        found.residual,
        tolerance,
        found.steps,
        nearing=found.nearing,
    )
