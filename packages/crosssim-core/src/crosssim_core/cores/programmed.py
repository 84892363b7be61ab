"""Arrays that hold a matrix, ready to be read."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Grid
from crosssim_core.chain.effective import effective, ohmic
from crosssim_core.chain.lines import flat
from crosssim_core.chain.literal import read_literal
from crosssim_core.chain.mapping import Side
from crosssim_core.chain.matrix import user_matrix
from crosssim_core.chain.product import MATRIX_PRODUCT, ArrayProduct
from crosssim_core.chain.reader import SimplifiedReader
from crosssim_core.chain.simplified import simplify
from crosssim_core.chain.straight import Straight, straight
from crosssim_core.chain.tap import Tap
from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.cores.profile import Profile
from crosssim_core.random import NoiseSource, Occasions, Stream
from crosssim_core.typing import Array

SIDES: tuple[Side, Side] = ("mvm", "vmm")


class ProgrammedArrays:
    """A plan and the state that programming left behind.

    Reading changes neither, and only a profile takes note of it. What the simplified chain
    derives from the state is made when a side is first read, and kept.

    Args:
        plan: How the arrays are divided and read.
        state: What they hold, in the library and on the device where products are computed.
        reads: Counts reads that draw random numbers, so that each draws its own.
        sources: Makes the source of random numbers of one read.
        profile: Records what reads see; None where nothing is recorded.
        apart: Makes a context in which what reads are derived from is made.
    """

    def __init__(
        self,
        plan: ArrayPlan,
        state: ArrayState,
        reads: Occasions,
        sources: Callable[[Stream], NoiseSource] = Stream.source,
        profile: Profile | None = None,
        apart: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.plan = plan
        self.state = state
        self.profile = profile
        self._reads = reads
        self._sources = sources
        self._apart = apart
        self._readers: dict[tuple[Side, ArrayProduct], SimplifiedReader | None] = {}
        self._grids: dict[Side, Grid | None] = {}
        self._stochastic = {side: _any_stochastic(plan, side) for side in SIDES}
        self._needs_vectors = {side: plan.literal or _any_data_driven(plan, side) for side in SIDES}

    def matrix(self) -> Array:
        """The real matrix that the conductances stand for, shape ``plan.shape``."""
        return self.plan.matrix(self.state)

    def linear_map(self, side: Side) -> Array:
        """The matrix along which derivatives of a product are taken, shape (outputs, inputs).

        What wires with resistance make of `matrix`, were all cells ohmic; or `matrix` itself where
        ``simulation.wires_in_gradients`` is off, and for arrays with separate sources, whose
        products are not linear in their inputs.
        """
        wired = any(c.wires for part in self.plan.arrays for c in part.reads[side].circuits)
        if not (wired and self.plan.params[0].simulation.wires_in_gradients):
            matrix = self.matrix()
            return matrix if side == "mvm" else array_namespace(matrix).matrix_transpose(matrix)
        grid = self._effective(side)
        if grid is None:
            grid = ohmic(self.plan.grid(self.state, side))
        matrix = user_matrix(grid, self.state.weights)
        return flat(matrix, -2) if self.plan.stack > 1 else matrix

    def by_vectors(self, side: Side, product: ArrayProduct) -> bool:
        """Whether `read` needs explicit vectors, so that ``product`` cannot be used.

        So it is for the literal chain, for input ranges that follow from the vectors of a call,
        for read noise that has to be drawn cell by cell, and for circuits that every vector
        changes.
        """
        return self._needs_vectors[side] or self._reader(side, product) is None

    def read(
        self,
        x: Array,
        side: Side,
        product: ArrayProduct = MATRIX_PRODUCT,
        *,
        bias: Array | None = None,
        data: Callable[[], Array] | None = None,
    ) -> Array:
        """Products of the matrix with the vectors of ``x``.

        Args:
            x: Digital inputs in user units, in the floating-point type of the state: vectors
                along the last axis, those of a stack of matrices along the axis before, or whatever
                form ``product`` takes.
            side: ``"mvm"`` for A·x, ``"vmm"`` for x·A.
            product: How line currents are formed. Not heeded where `by_vectors` is true.
            bias: One number for each output, added digitally; None for nothing.
            data: Tells what to record as the digital inputs, if that is not ``x``.
        """
        tap = None if self.profile is None else self.profile.tap()
        y = self._read(x, side, product, bias, tap, self._noise(side))
        if self.profile is not None:
            self.profile.keep(side, x if data is None else data(), tap)
        return y

    def straight(self, x: Array, side: Side, product: ArrayProduct) -> Straight | None:
        """What `read` does for inputs of the shape of ``x``, as a function of inputs and bias.

        It computes the same, bit by bit, but records nothing; None where that is to be done, and
        where no such function is known.
        """
        if self.profile is not None or self._needs_vectors[side]:
            return None
        reader = self._reader(side, product)
        if reader is None or reader.batch(x, self.like_noise(side)) < x.shape[0]:
            return None
        read = straight(reader)
        return None if read is None else lambda x, bias: read(x, bias, self._noise(side))

    def read_in_pieces(
        self, pieces: Iterable[Array], side: Side, *, data: Callable[[], Array]
    ) -> Array:
        """`read` of vectors that come one piece of the batch after another, as one read.

        Args:
            pieces: Vectors along the last axis, of the batch along the first; at least one.
            side: ``"mvm"`` for A·x, ``"vmm"`` for x·A.
            data: Tells what to record as the digital inputs.
        """
        tap = None if self.profile is None else self.profile.tap()
        noise = self._noise(side)
        parts = [self._read(x, side, MATRIX_PRODUCT, None, tap, noise) for x in pieces]
        if self.profile is not None:
            self.profile.keep(side, data(), tap)
        return parts[0] if len(parts) == 1 else array_namespace(parts[0]).concat(parts, axis=0)

    def scale_of_call(self, side: Side) -> bool:
        """Whether one input scale follows from all vectors of a read together."""
        scales = [part.reads[side].path.scale for part in self.plan.arrays]
        return any(scale.factor is None and not scale.per_vector for scale in scales)

    def like_noise(self, side: Side) -> NoiseSource | None:
        """A source of the kind that reads draw from, which is not drawn from; None if they draw
        none.
        """
        return self._sources(self.plan.stream) if self._stochastic[side] else None

    def _noise(self, side: Side) -> NoiseSource | None:
        """Where the random numbers of the next read come from; None if it draws none."""
        if not self._stochastic[side]:
            return None
        return self._sources(self.plan.stream.child("read", next(self._reads)))

    def _read(
        self,
        x: Array,
        side: Side,
        product: ArrayProduct,
        bias: Array | None,
        tap: Tap | None,
        noise: NoiseSource | None,
    ) -> Array:
        reader = None if self.plan.literal else self._reader(side, product)
        if reader is not None:
            return reader.read(x, noise=noise, bias=bias, tap=tap)
        grid = self.plan.grid(self.state, side)
        y = read_literal(x, grid, weights=self.state.weights, noise=noise, tap=tap)
        return y if bias is None else y + bias

    def __getstate__(self) -> dict[str, Any]:
        # Operators are closures, which cannot be pickled; they are made again when needed.
        return {**vars(self), "_readers": {}}

    def _reader(self, side: Side, product: ArrayProduct) -> SimplifiedReader | None:
        key = (side, product)
        try:
            return self._readers[key]
        except KeyError:
            with self._apart():
                reader = self._readers[key] = self._simplified(side, product)
            return reader

    def _simplified(self, side: Side, product: ArrayProduct) -> SimplifiedReader | None:
        grid = self._effective(side)
        if grid is None:
            return None
        tapped = self.profile is not None and self.profile.currents is not None
        return simplify(grid, weights=self.state.weights, product=product, tapped=tapped)

    def _effective(self, side: Side) -> Grid | None:
        """The arrays with ideal wires that act like these; solved once for all products."""
        if side not in self._grids:
            self._grids[side] = effective(self.plan.grid(self.state, side))
        return self._grids[side]


def _any_stochastic(plan: ArrayPlan, side: Side) -> bool:
    return any(part.reads[side].stochastic for part in plan.arrays)


def _any_data_driven(plan: ArrayPlan, side: Side) -> bool:
    return any(part.reads[side].path.scale.factor is None for part in plan.arrays)
