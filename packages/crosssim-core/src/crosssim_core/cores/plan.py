"""Which arrays hold a matrix: everything that is decided before its values are known."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass

from jaxtyping import Bool, Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.chain.block import Block, Grid, Held, WeightRange
from crosssim_core.chain.mapping import Mapping, Side, facing, make_mapping, weights_of
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.chain.write import CellWriter
from crosssim_core.cores.trees import Params, trees_of, warn_of_unheeded
from crosssim_core.cores.weights import (
    check_holds_zero,
    check_real,
    weight_range,
    weights_within,
)
from crosssim_core.errors import ParameterError, ShapeError, UnsupportedError
from crosssim_core.numerics.partition import part_sizes, part_slices
from crosssim_core.parameters import CrossSimParameters, PartitionStrategy
from crosssim_core.random import Stream, WriteNoise
from crosssim_core.typing import Array, DType


@dataclass(frozen=True, slots=True)
class ArrayPart:
    """One array, or one of each matrix of a stack: what it holds, how it is written and read."""

    outputs: slice
    """Rows of the matrix."""
    inputs: slice
    """Columns of the matrix."""
    mapping: Mapping
    writer: CellWriter
    reads: Dict[Side, ReadPlan]
    stream: Stream
    """Where the errors of this array come from."""
    stack: int = 1
    """Arrays side by side, one for each matrix of a stack."""
    held: tuple[Held, ...] | None = None
    """As for `Block`."""

    @property
    def cells(self) -> tuple[int, ...]:
        """Shape (slices, signs, lines, drives) of its conductances, or (slices, signs, stack,
        lines, drives).
        """
        unit = int(self.mapping.unit_line)
        lines, drives = (lines.stop - lines.start + unit for lines in (self.outputs, self.inputs))
        stack = (self.stack,) if self.stack > 1 else ()
        return self.mapping.slices, self.mapping.signs, *stack, lines, drives

    def noise(self, occasion: int) -> WriteNoise:
        """Where the errors of programming number ``occasion`` come from."""
        return WriteNoise(self.stream.child("write", occasion), self.stream.child("cells"))


@dataclass(frozen=True, slots=True)
class ArrayState:
    """What programming leaves behind: plain numbers and arrays."""

    weights: WeightRange
    """Matrix values that the ends of the weight scale stand for."""
    conductance: tuple[Float[Array, "slices signs *stack outputs inputs"], ...]
    """Conductances of each array over the largest one, row by row [1]."""


@dataclass(frozen=True, slots=True)
class ArrayPlan:
    """The arrays of one real matrix, without its values.

    A stack of matrices with the same shape is told as a single one, in which they lie one below
    the other, and saves work where there are many. Each has arrays of its own, divided alike:
    conductances have an axis for the matrices before that of the lines. A read takes a vector for
    each, along the axis before the inputs, and gives their products one after the other.
    """

    shape: tuple[int, int]
    params: tuple[CrossSimParameters, ...]
    """A snapshot: one tree, or one for each array."""
    parts: tuple[tuple[ArrayPart, ...], ...]
    """Grid of arrays, of each matrix of a stack: each row shares its outputs, parts of a row
    divide the inputs, or those that hold a weight."""
    stream: Stream
    """Where everything random that belongs to the chip comes from."""
    stack: int = 1
    """Matrices one below the other."""

    @classmethod
    def of(
        cls,
        shape: tuple[int, int],
        params: Params,
        stream: Stream,
        *,
        blocks: bool = False,
        stack: int = 1,
    ) -> "ArrayPlan":
        """Divide a matrix over arrays and compile how each is written and read.

        Args:
            shape: Outputs and inputs of the product A·x, of all matrices of a stack together.
            params: One tree for all arrays, or one for each array in row-major order, which the
                matrices of a stack have in common. The first decides what concerns the whole.
            stream: Where everything random that belongs to the chip comes from.
            blocks: Whether the matrix is made of the real blocks of a complex one.
            stack: Matrices that lie one below the other, each in arrays of its own.

        Raises:
            ParameterError: The parameters contradict each other, or a list has the wrong length.
            UnsupportedError: They ask for something that is not simulated yet, or for complex
                numbers where the matrix is not made of their blocks.

        Warns:
            ParameterWarning: A tree says otherwise than the first what the first decides.
        """
        trees = tuple(tree.copy() for tree in trees_of(params))
        for tree in trees:
            tree.validate()
        warn_of_unheeded(trees)
        if trees[0].core.holds_complex and not blocks:
            raise UnsupportedError(
                "core.complex_matrix or core.complex_input is True, and a layer holds real weights "
                "and takes real inputs: set both to False, or use AnalogCore for complex products."
            )
        core, weights = trees[0].core, trees[0].core.mapping.weights
        rows = part_slices(
            part_sizes(
                shape[0] // stack,
                core.cols_max,
                priority=weights.row_partition_priority,
                fill=weights.row_partition_strategy is PartitionStrategy.MAX,
            )
        )
        cols = part_slices(
            part_sizes(
                shape[1],
                core.rows_max,
                priority=weights.col_partition_priority,
                fill=weights.col_partition_strategy is PartitionStrategy.MAX,
            )
        )
        count = len(rows) * len(cols)
        if len(trees) not in (1, count):
            raise ParameterError(
                f"{len(trees)} parameter trees were given and the matrix of shape {shape} is "
                f"divided over {count} array(s): give one tree, or {count}."
            )
        parts = tuple(
            tuple(
                _part(
                    trees[(r * len(cols) + c) % len(trees)],
                    outputs,
                    inputs,
                    stream.child(r, c),
                    stack,
                )
                for c, inputs in enumerate(cols)
            )
            for r, outputs in enumerate(rows)
        )
        return cls(shape, trees, parts, stream, stack)

    @property
    def arrays(self) -> tuple[ArrayPart, ...]:
        """All arrays, row by row."""
        return tuple(part for row in self.parts for part in row)

    @property
    def literal(self) -> bool:
        """Whether products go through the literal chain."""
        return bool(self.params[0].simulation.literal)

    @property
    def random(self) -> bool:
        """Whether programming draws random numbers."""
        return any(part.writer.error is not None for part in self.arrays)

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of the conductances of each array, row by row; see `ArrayPart.cells`."""
        return tuple(part.cells for part in self.arrays)

    def program(
        self,
        matrix: Float[Array, "outputs inputs"],
        *,
        dtype: DType,
        occasion: int = 0,
        wired: Bool[Array, "outputs inputs"] | None = None,
    ) -> ArrayState:
        """Write ``matrix`` into the arrays.

        Args:
            matrix: Real values; left unchanged.
            dtype: Floating-point type of the conductances.
            occasion: Number of this programming. Programming again with the same number draws
                the same errors.
            wired: Which cells carry a weight; the others are structural zeros and reach their
                target without error. All carry one if None.

        Raises:
            ShapeError: ``matrix`` does not have the shape of the plan.
            UnsupportedError: It is complex.
            ParameterError: A value is NaN, or exceeds the weight limits and ``clipping`` is off.

        Warns:
            ParameterWarning: Cells hold what a device model was not measured at.
        """
        if tuple(matrix.shape) != self.shape:
            raise ShapeError(
                f"The arrays hold a matrix of shape {self.shape}, got {tuple(matrix.shape)}."
            )
        check_real(matrix)
        xp = array_namespace(matrix)
        exact = xp.astype(matrix, xp.float64, copy=False)
        core = self.params[0].core
        limits = weight_range(exact, core.mapping.weights)
        if wired is not None:
            check_holds_zero(limits)
        weights = weights_within(exact, limits, core)
        if self.stack > 1:
            weights = xp.reshape(weights, (self.stack, -1, self.shape[1]))
        used = None if wired is None else xp.any(wired, axis=0, keepdims=True)
        conductances = []
        for part in self.arrays:
            target = part.mapping.conductances(weights[..., part.outputs, part.inputs])
            written = part.writer.write(target, noise=part.noise(occasion))
            if wired is not None and used is not None:
                cells = wired[part.outputs, part.inputs]
                cells = _cells(cells, used[:, part.inputs], target)
                written = xp.where(cells, written, target)
            part.writer.warn(written)
            conductances.append(xp.astype(written, dtype))
        return ArrayState(limits, tuple(conductances))

    def grid(self, state: ArrayState, side: Side) -> Grid:
        """The programmed arrays as one direction of the product drives them."""
        blocks = iter(enumerate(state.conductance))
        rows = tuple(tuple(_block(part, *next(blocks), side) for part in row) for row in self.parts)
        return rows if side == "mvm" else tuple(zip(*rows, strict=True))

    def matrix(self, state: ArrayState) -> Float[Array, "outputs inputs"]:
        """The matrix that the conductances stand for, programming errors included."""
        like, (outputs, inputs) = state.conductance[0], self.shape
        xp, shape = array_namespace(like), (self.stack, outputs // self.stack, inputs)
        parts = []
        for part, held in zip(self.arrays, state.conductance, strict=True):
            weights = state.weights.half * weights_of(part.mapping, held)
            parts.append(weights + state.weights.middle if state.weights.middle else weights)
        if len(parts) == 1:
            return xp.reshape(parts[0], self.shape)
        matrix = xp.empty(shape, dtype=like.dtype, device=device_of(like))
        for part, weights in zip(self.arrays, parts, strict=True):
            matrix[..., part.outputs, part.inputs] = weights
        return xp.reshape(matrix, self.shape)


def _part(
    tree: CrossSimParameters,
    outputs: slice,
    inputs: slice,
    stream: Stream,
    stack: int,
) -> ArrayPart:
    m, n = outputs.stop - outputs.start, inputs.stop - inputs.start
    mapping = make_mapping(tree)
    mvm, vmm = stream.child("mvm"), stream.child("vmm")
    reads: dict[Side, ReadPlan] = {
        "mvm": ReadPlan.of(tree, "mvm", mapping, outputs=m, inputs=n, stream=mvm, stack=stack),
        "vmm": ReadPlan.of(tree, "vmm", mapping, outputs=n, inputs=m, stream=vmm, stack=stack),
    }
    return ArrayPart(
        outputs=outputs,
        inputs=inputs,
        mapping=mapping,
        writer=CellWriter.of(tree.xbar.device),
        reads=reads,
        stream=stream,
        stack=stack,
    )


def _block(part: ArrayPart, number: int, conductance: Array, side: Side) -> Block:
    outputs, inputs = part.outputs, part.inputs
    if side == "vmm":
        outputs, inputs = inputs, outputs
    driven = facing(conductance, part.mapping, side)
    return Block(number, outputs, inputs, part.reads[side], driven, held=part.held)


def _cells(wired: Array, used: Array, target: Array) -> Array:
    """Which cells are wired; those of unit lines are where any input of the matrix is ``used``."""
    xp = array_namespace(target)
    rows, cols = target.shape[-2] - wired.shape[0], target.shape[-1] - wired.shape[1]
    if rows:
        one = target[(0,) * (target.ndim - 2)]
        lines = xp.broadcast_to(used, (rows, used.shape[1]))
        wired = xp.concat((lines, wired), axis=0)
        left = xp.ones_like(one[:, :cols], dtype=xp.bool)
        return xp.concat((left, wired), axis=1)
    return wired
