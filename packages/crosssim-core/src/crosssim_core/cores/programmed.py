"""Arrays that hold a matrix, ready to be read."""

from collections.abc import Callable

from crosssim_core.chain.literal import read_literal
from crosssim_core.chain.mapping import Side
from crosssim_core.chain.product import MATRIX_PRODUCT, ArrayProduct
from crosssim_core.chain.simplified import SimplifiedReader, simplify
from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.random import NoiseSource, Occasions, Stream
from crosssim_core.typing import Array

SIDES: tuple[Side, Side] = ("mvm", "vmm")


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
        self._readers: dict[tuple[Side, ArrayProduct], SimplifiedReader | None] = {}
        self._stochastic = {side: _any_stochastic(plan, side) for side in SIDES}
        self._data_driven = {side: _any_data_driven(plan, side) for side in SIDES}

    def matrix(self) -> Array:
        """The real matrix that the conductances stand for, shape ``plan.shape``."""
        return self.plan.matrix(self.state)

    def by_vectors(self, side: Side, product: ArrayProduct) -> bool:
        """Whether `read` needs explicit vectors, so that ``product`` cannot be used.

        So it is for the literal chain, for input ranges that follow from the vectors of a call,
        and for read noise that has to be drawn cell by cell.
        """
        if self.plan.literal or self._data_driven[side]:
            return True
        return self._reader(side, product) is None

    def read(
        self,
        x: Array,
        side: Side,
        product: ArrayProduct = MATRIX_PRODUCT,
        *,
        bias: Array | None = None,
    ) -> Array:
        """Products of the matrix with the vectors of ``x``.

        Args:
            x: Digital inputs in user units, in the floating-point type of the state: vectors
                along the last axis, or whatever form ``product`` takes.
            side: ``"mvm"`` for A·x, ``"vmm"`` for x·A.
            product: How line currents are formed. Not heeded where `by_vectors` is true.
            bias: One number for each output, added digitally; None for nothing.
        """
        noise = None
        if self._stochastic[side]:
            noise = self._sources(self.plan.stream.child("read", next(self._reads)))
        reader = None if self.plan.literal else self._reader(side, product)
        if reader is not None:
            return reader.read(x, noise=noise, bias=bias)
        grid = self.plan.grid(self.state, side)
        y = read_literal(x, grid, weights=self.state.weights, noise=noise)
        return y if bias is None else y + bias

    def _reader(self, side: Side, product: ArrayProduct) -> SimplifiedReader | None:
        key = (side, product)
        if key not in self._readers:
            grid = self.plan.grid(self.state, side)
            self._readers[key] = simplify(grid, weights=self.state.weights, product=product)
        return self._readers[key]


def _any_stochastic(plan: ArrayPlan, side: Side) -> bool:
    return any(part.reads[side].stochastic for part in plan.arrays)


def _any_data_driven(plan: ArrayPlan, side: Side) -> bool:
    return any(part.reads[side].path.scale.factor is None for part in plan.arrays)
