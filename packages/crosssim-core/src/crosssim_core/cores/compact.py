"""A matrix stored and read without its structural zeros."""

from dataclasses import dataclass, replace

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Held, WeightRange
from crosssim_core.chain.folding import merges_pair
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.cores.pieces import Pick, piece_rows
from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.cores.weights import check_holds_zero
from crosssim_core.typing import Array, DType


@dataclass(frozen=True, slots=True)
class Compact:
    """The pieces of a matrix that hold all of its wired cells.

    How they are stored does not depend on the arrays that the whole matrix is divided over. If
    all pieces have the same shape they are a stack.
    """

    whole: ArrayPlan
    """The arrays as they are."""
    pieces: tuple[Held, ...]
    stored: ArrayPlan
    """How the pieces are stored; nobody reads through it."""
    reading: ArrayPlan | None
    """The arrays of ``whole`` as single outputs see them: each row are some outputs of some
    pieces, and the arrays that hold their cells, or nothing for them, which is told by a part
    without inputs. None if their converters cannot tell lines apart."""
    picks: tuple[Pick, ...]
    """What each part of ``reading`` holds."""

    @classmethod
    def of(cls, whole: ArrayPlan, pieces: tuple[Held, ...]) -> "Compact | None":
        """The plan without zeros; None if there are none, or lines are more than cells."""
        if not pieces or any(0 in piece.shape for piece in pieces) or not _only_cells(whole):
            return None
        stored = _stored(whole, pieces)
        rows = piece_rows(whole, pieces, stored.stack)
        if rows is None:
            return cls(whole, pieces, stored, None, ())
        picks = tuple(pick for _, own in rows for pick in own)
        reading = replace(whole, parts=tuple(parts for parts, _ in rows))
        return cls(whole, pieces, stored, reading, picks)

    @property
    def programmed_apart(self) -> bool:
        """Whether pieces can be programmed without the zeros around them.

        So it is where limits of weights do not follow from the distribution of values; and where
        there is no error, or each piece lies in one array and shares no line of it with another
        one, so that errors of whole lines are the same.
        """
        percentile = self.whole.params[0].core.mapping.weights.percentile
        if percentile is not None and percentile < 1:
            return False
        return not self.whole.random or self._err_apart

    @property
    def _err_apart(self) -> bool:
        inputs = sum(piece.shape[1] for piece in self.pieces)
        columns = [part.inputs for part in self.whole.parts[0]]
        rows = [row[0].outputs for row in self.whole.parts]
        return inputs == self.whole.shape[1] and all(
            any(_within(piece.outputs, row) for row in rows)
            and any(all(_within(own, column) for own in piece.inputs) for column in columns)
            for piece in self.pieces
        )

    def suffices(self, weights: WeightRange) -> bool:
        """Whether reads do not depend on the cells that hold the weight 0.

        They cancel where the line carries the difference of a pair, or where nothing nonlinear
        happens before it is taken, as long as they are ohmic and carry neither read noise nor an
        offset. The literal chain reads them all.
        """
        reads = [part.reads["mvm"] for part in self.whole.arrays]
        offset = weights.middle != 0 or self.whole.literal
        return self.reading is not None and not offset and all(map(_cancels, reads))

    def program(
        self, matrix: Float[Array, "outputs inputs"], *, dtype: DType, occasion: int
    ) -> ArrayState:
        """Write the pieces alone, see `programmed_apart`.

        Args:
            matrix: As ``stored`` has it: the pieces of a stack one below the other, or the whole.
            dtype: As for `ArrayPlan.program`.
            occasion: Likewise.
        """
        state = self.stored.program(matrix, dtype=dtype, occasion=occasion)
        check_holds_zero(state.weights)
        return state

    def stripped(self, state: ArrayState) -> ArrayState:
        """What is stored of ``state``, the cells of all arrays of ``whole``."""
        cells = iter(state.conductance)
        xp = array_namespace(state.conductance[0])
        rows = [xp.concat([next(cells) for _ in row], axis=-1) for row in self.whole.parts]
        g = xp.concat(rows, axis=-2)
        apart = [[g[..., piece.outputs, own] for own in piece.inputs] for piece in self.pieces]
        if self.stored.stack == 1:
            every = (own for piece in apart for own in piece)
            return ArrayState(state.weights, tuple(xp.asarray(own, copy=True) for own in every))
        stack = xp.stack([xp.concat(piece, axis=-1) for piece in apart], axis=2)
        return ArrayState(state.weights, (stack,))

    def completed(self, state: ArrayState) -> ArrayState:
        """The cells of all arrays of ``whole``, zeros among them, where ``state`` is stored."""
        like = state.conductance[0]
        xp, mapping = array_namespace(like), self.whole.arrays[0].mapping
        zero = xp.full_like(like[0, 0, ...], _zero(state.weights), dtype=xp.float64)
        zero = xp.astype(mapping.conductances(xp.reshape(zero, (-1,))[:1, None]), like.dtype)
        shape = (*like.shape[:2], *self.whole.shape)
        g = xp.asarray(xp.broadcast_to(zero, shape), copy=True)
        for k, piece in enumerate(self.pieces):
            start, cells = 0, self._cells(state, k)
            for own in piece.inputs:
                stop = start + own.stop - own.start
                g[..., piece.outputs, own] = cells[..., start:stop]
                start = stop
        parts = (g[..., part.outputs, part.inputs] for part in self.whole.arrays)
        return ArrayState(state.weights, tuple(xp.asarray(part, copy=True) for part in parts))

    def picked(self, state: ArrayState) -> ArrayState:
        """The cells of the arrays of ``reading``, where ``state`` is stored."""
        return ArrayState(state.weights, tuple(self._picked(state, pick) for pick in self.picks))

    def _picked(self, state: ArrayState, pick: Pick) -> Array:
        if self.stored.stack == 1:
            (k,) = pick.pieces
            return self._cells(state, k)[..., pick.outputs, pick.inputs]
        (g,) = state.conductance
        if len(pick.pieces) < len(self.pieces):
            xp = array_namespace(g)
            g = xp.stack([g[:, :, k, ...] for k in pick.pieces], axis=2)
        return g[..., pick.outputs, pick.inputs]

    def _cells(self, state: ArrayState, k: int) -> Float[Array, "slices signs outputs inputs"]:
        """Those of piece ``k``."""
        if self.stored.stack > 1:
            return state.conductance[0][:, :, k, ...]
        counts = [len(row) for row in self.stored.parts]
        own = state.conductance[sum(counts[:k]) : sum(counts[: k + 1])]
        return own[0] if len(own) == 1 else array_namespace(own[0]).concat(own, axis=-1)


def _only_cells(whole: ArrayPlan) -> bool:
    """Whether arrays are nothing but cells, which hold weights in the same way."""
    mapping, device = whole.arrays[0].mapping, whole.params[0].xbar.device
    if mapping.unit_line or any(tree.xbar.array.parasitics.enable for tree in whole.params):
        return False
    alike = all(part.mapping == mapping for part in whole.arrays)
    return alike and all(tree.xbar.device == device for tree in whole.params)


def _cancels(read: ReadPlan) -> bool:
    """Whether two cells that hold the weight 0 add nothing to a line."""
    background = any(adc is not None and adc.background for adc in read.adcs)
    vectors = read.path.scale.factor is None
    return merges_pair(read) and read.ohmic and read.reader is None and not (background or vectors)


def _stored(whole: ArrayPlan, pieces: tuple[Held, ...]) -> ArrayPlan:
    part = replace(whole.arrays[0], stream=whole.stream.child("pieces"))
    if len({piece.shape for piece in pieces}) > 1:
        parts = tuple(
            tuple(replace(part, outputs=piece.outputs, inputs=own) for own in piece.inputs)
            for piece in pieces
        )
        return replace(whole, parts=parts)
    count, (outputs, inputs) = len(pieces), pieces[0].shape
    one = replace(part, outputs=slice(0, outputs), inputs=slice(0, inputs), stack=count)
    return replace(whole, shape=(count * outputs, inputs), parts=((one,),), stack=count)


def _within(lines: slice, array: slice) -> bool:
    return bool(array.start <= lines.start and lines.stop <= array.stop)


def _zero(weights: WeightRange) -> float:
    """The matrix value 0 as a weight in [-1, 1]."""
    return -weights.middle / weights.half
