"""One programmed array, seen from the side that drives it."""

from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from jaxtyping import Float

from crosssim_core.chain.plan import ReadPlan
from crosssim_core.numerics.wires import SummedLaw
from crosssim_core.typing import Array


class WeightRange(NamedTuple):
    """Matrix values that the scale of weights in [-1, 1] stands for."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Matrix value of the weight 0."""
        return (self.low + self.high) / 2

    @property
    def half(self) -> float:
        """Difference of the matrix values of the weights 1 and 0."""
        return (self.high - self.low) / 2


class Held(NamedTuple):
    """A piece of a matrix: all cells of some outputs, but those that hold no weight."""

    outputs: slice
    """Its place among the outputs of the matrix."""
    inputs: tuple[slice, ...]
    """Those that drive it, ascending; inside the piece they follow one another."""

    @property
    def shape(self) -> tuple[int, int]:
        """Its outputs and inputs."""
        inputs = sum(lines.stop - lines.start for lines in self.inputs)
        return self.outputs.stop - self.outputs.start, inputs


@dataclass(frozen=True, slots=True)
class Block:
    """The array that holds one part of a matrix."""

    number: int
    """Number of the array, row by row of the matrix."""
    outputs: slice
    """Lines of the whole product that this array contributes to."""
    inputs: slice
    """Lines of the whole input that drive this array."""
    plan: ReadPlan
    conductance: Float[Array, "slices signs *stack lines inputs"]
    """Conductances over the largest one [1]; a unit line comes before the outputs."""
    laws: tuple[tuple[SummedLaw, ...], ...] = ()
    """Polynomials that give the line currents, for each slice and sign; empty for ohmic cells."""
    held: tuple[Held, ...] | None = None
    """The piece of the matrix that it is part of, or each of a stack of pieces; ``outputs`` and
    ``inputs`` count inside of it. None where they count in the matrix."""

    @property
    def stack(self) -> tuple[int, ...]:
        """Number of matrices where it holds part of a stack; empty for a single matrix."""
        return tuple(self.conductance.shape[2:-2])

    @property
    def idle(self) -> bool:
        """Whether it holds nothing for its outputs."""
        return self.held is not None and self.inputs.start == self.inputs.stop

    @property
    def name(self) -> str:
        """What messages call it."""
        parts = (self.outputs, self.inputs)
        outputs, inputs = (f"{part.start} to {part.stop - 1}" for part in parts)
        return f"the array of outputs {outputs} and inputs {inputs}"


Grid = tuple[tuple[Block, ...], ...]
"""Rows of blocks: each row shares its outputs, blocks of a row divide the inputs."""


def shown(grid: Grid) -> Grid:
    """The same arrays with lines that saturate, at infinity if nowhere else.

    So every current is formed, and no rewrite applies that needs lines that do not saturate.
    """
    return tuple(
        tuple(
            replace(block, plan=replace(block.plan, saturation=block.plan.saturation or inf))
            for block in row
        )
        for row in grid
    )
