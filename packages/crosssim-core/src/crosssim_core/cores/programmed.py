"""Arrays that hold a matrix, ready to be read."""

from collections.abc import Callable

from crosssim_core.chain.literal import read_literal
from crosssim_core.chain.mapping import Side
from crosssim_core.chain.product import ArrayProduct, MatrixProduct
from crosssim_core.chain.simplified import SimplifiedReader, simplify
from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.random import NoiseSource, Occasions, Stream
from crosssim_core.typing import Array


class ProgrammedArrays:
    """A plan and the state that programming left behind.

    Reading changes neither. What the simplified chain derives from the state is made when a
    side is first read, and kept.

    Args:
        plan: How the arrays are divided and read.
        state: What they hold, in the library and on the device where products are computed.
        reads: Counts reads that draw random numbers, so that each draws its own.
        sources: Makes the source of random numbers of one read.
    """

    def __init__(
        self,
        plan: ArrayPlan,
        state: ArrayState,
        reads: Occasions,
        sources: Callable[[Stream], NoiseSource] = Stream.source,
    ) -> None:
        self.plan = plan
        self.state = state
        self._reads = reads
        self._sources = sources
        self._readers: dict[Side, SimplifiedReader | None] = {}

    def matrix(self) -> Array:
        """The real matrix that the conductances stand for, shape ``plan.shape``."""
        return self.plan.matrix(self.state)

    def by_vectors(self, side: Side) -> bool:
        """Whether `read` needs explicit vectors, so that no other product can be used.

        So it is for the literal chain, for input ranges that follow from the vectors of a call,
        and for read noise that has to be drawn cell by cell.
        """
        data_driven = any(part.reads[side].path.scale.factor is None for part in self.plan.arrays)
        return self.plan.literal or data_driven or self._reader(side) is None

    def read(self, x: Array, side: Side, product: ArrayProduct | None = None) -> Array:
        """Products of the matrix with the vectors of ``x``.

        Args:
            x: Digital inputs in user units, in the floating-point type of the state: vectors
                along the last axis, or whatever form ``product`` takes.
            side: ``"mvm"`` for A·x, ``"vmm"`` for x·A.
            product: How line currents are formed; the matrix product if None. Not heeded where
                `by_vectors` is true.
        """
        noise = None
        if any(part.reads[side].stochastic for part in self.plan.arrays):
            noise = self._sources(self.plan.stream.child("read", next(self._reads)))
        reader = None if self.plan.literal else self._reader(side)
        if reader is None:
            grid = self.plan.grid(self.state, side)
            return read_literal(x, grid, weights=self.state.weights, noise=noise)
        return reader.read(x, product or MatrixProduct(), noise=noise)

    def _reader(self, side: Side) -> SimplifiedReader | None:
        if side not in self._readers:
            grid = self.plan.grid(self.state, side)
            self._readers[side] = simplify(grid, weights=self.state.weights)
        return self._readers[side]
