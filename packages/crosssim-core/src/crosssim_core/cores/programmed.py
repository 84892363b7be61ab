"""Arrays that hold a matrix, ready to be read."""

from crosssim_core.chain.literal import read_literal
from crosssim_core.chain.plan import Side
from crosssim_core.chain.product import ArrayProduct, MatrixProduct
from crosssim_core.chain.simplified import SimplifiedReader, simplify
from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.random import Occasions
from crosssim_core.typing import Array


class ProgrammedArrays:
    """A plan and the state that programming left behind.

    Reading changes neither. What the simplified chain derives from the state is made when a
    side is first read, and kept.

    Args:
        plan: How the arrays are divided and read.
        state: What they hold, in the library and on the device where products are computed.
        conversions: Counts reads that draw random numbers, so that each draws its own.
    """

    def __init__(self, plan: ArrayPlan, state: ArrayState, conversions: Occasions) -> None:
        self.plan = plan
        self.state = state
        self.conversions = conversions
        self._readers: dict[Side, SimplifiedReader] = {}

    def matrix(self) -> Array:
        """The real matrix that the conductances stand for, shape ``plan.shape``."""
        return self.plan.matrix(self.state)

    def read(self, x: Array, side: Side, product: ArrayProduct | None = None) -> Array:
        """Products of the matrix with the vectors of ``x``.

        Args:
            x: Digital inputs in user units, in the floating-point type of the state: vectors
                along the last axis, or whatever form ``product`` takes.
            side: ``"mvm"`` for A·x, ``"vmm"`` for x·A.
            product: How line currents are formed; the matrix product if None.

        The literal chain, if ``simulation.literal`` asks for it, takes vectors only.
        """
        stochastic = any(part.reads[side].stochastic for part in self.plan.arrays)
        noise = (
            self.plan.stream.child("convert", next(self.conversions)).source()
            if stochastic
            else None
        )
        if self.plan.literal:
            grid = self.plan.grid(self.state, side)
            return read_literal(x, grid, weights=self.state.weights, noise=noise)
        if side not in self._readers:
            grid = self.plan.grid(self.state, side)
            self._readers[side] = simplify(grid, weights=self.state.weights)
        return self._readers[side].read(x, product or MatrixProduct(), noise=noise)
