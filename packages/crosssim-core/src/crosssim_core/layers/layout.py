"""How the weights of a layer are laid out as one matrix, and its data as vectors."""

from typing import Any, Protocol

from jaxtyping import Bool, Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.chain.block import Held
from crosssim_core.typing import Array


class Layout(Protocol):
    """One kind of layer: its variables, which are weights and then biases, as one matrix.

    The matrix has one row for each output and one column for each input. Biases that have array
    rows of their own are held by further columns: ``rows`` of them hold ``bias / rows`` each and
    are driven by the constant 1 in user units. The other biases are added digitally.
    """

    def __hash__(self) -> int:
        """Layouts do not change, and equal ones are alike."""

    @property
    def bias(self) -> bool:
        """Whether the layer has biases. If not, bias rows hold zeros that stand for no weight."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""

    @property
    def stack(self) -> int:
        """Matrices one below the other, each in arrays of its own and driven by vectors of its own,
        which lie along the axis before the inputs; 1 for a single one without that axis.
        """

    @property
    def rows(self) -> tuple[int, ...]:
        """Array rows that hold each bias; with 0 it is added digitally."""

    def matrix(self, *variables: Any, **_: Any) -> Float[Array, "outputs inputs"]:
        """The matrix that these variables make; a bias that is absent is None."""

    def variables(self, matrix: Float[Array, "outputs inputs"], /) -> tuple[Array | None, ...]:
        """The variables that a matrix holds; None for biases that it does not hold."""

    def digital_bias(self, *biases: Any, **_: Any) -> Float[Array, " outputs"] | None:
        """What is added to the products of all these biases; None if nothing is."""

    @property
    def pieces(self) -> tuple[Held, ...]:
        """The pieces of the matrix that hold its weights; empty if all cells carry one."""

    def check(self, x: Float[Array, "*data"], /) -> None:
        """Raise ShapeError if the layer cannot take ``x``."""

    @property
    def images(self) -> bool:
        """Whether data are images, whose outputs lie along the axis after the batch."""

    def batched(self, x: Float[Array, "*data"], /) -> bool:
        """Whether the first axis of ``x`` counts images, whose vectors come in the same order."""

    def driving(self, x: Float[Array, "*data"], /) -> Float[Array, "*data"]:
        """What a profile records as inputs: ``x`` as it reaches the array, each value once."""

    def vectors(self, x: Float[Array, "*data"], /) -> Float[Array, "*batch inputs"]:
        """The vectors that drive the array, constant ones of the bias rows included."""

    def outputs(
        self, y: Float[Array, "*batch outputs"], x: Float[Array, "*data"], /
    ) -> Float[Array, "*result"]:
        """The layer's output from the products ``y`` of the vectors of ``x``."""

    def add_bias(
        self, y: Float[Array, "*result"], bias: Float[Array, " outputs"], /
    ) -> Float[Array, "*result"]:
        """Output ``y`` with a digital bias added."""


def wired(layout: Layout, *, like: Array) -> Bool[Array, "outputs inputs"] | None:
    """Cells that carry a weight, in the library of ``like``; None if all do."""
    pieces, unused = layout.pieces, 0 if layout.bias else sum(layout.rows)
    if not pieces and not unused:
        return None
    xp = array_namespace(like)
    cells = xp.full(layout.shape, not pieces, dtype=xp.bool, device=device_of(like))
    for piece in pieces:
        for inputs in piece.inputs:
            cells[piece.outputs, inputs] = True
    if unused:
        # Bias rows follow the data in every layout.
        cells[:, layout.shape[1] - unused :] = False
    return cells


def bias_columns(
    bias: Float[Array, " outputs"] | None, rows: int, *, like: Float[Array, "outputs inputs"]
) -> Float[Array, "outputs rows"]:
    """The columns that hold an analog bias; zeros where the layer has none."""
    xp = array_namespace(like)
    if bias is None:
        return xp.zeros((like.shape[0], rows), dtype=like.dtype, device=device_of(like))
    return xp.broadcast_to(xp.reshape(bias, (-1, 1)) / rows, (like.shape[0], rows))


def held_bias(
    matrix: Float[Array, "outputs inputs"], columns: slice, /
) -> Float[Array, " outputs"] | None:
    """The bias that the bias columns of ``matrix`` add up to; None if there are none."""
    if columns.start == columns.stop:
        return None
    return array_namespace(matrix).sum(matrix[:, columns], axis=1)


def append_ones(x: Float[Array, "*batch inputs"], rows: int, /) -> Array:
    """``x`` followed by the constant inputs of ``rows`` bias rows."""
    if rows == 0:
        return x
    xp = array_namespace(x)
    ones = xp.ones((*x.shape[:-1], rows), dtype=x.dtype, device=device_of(x))
    return xp.concat((x, ones), axis=-1)


def append_bias(matrix: Array, bias: Array | None, rows: int, /) -> Array:
    """``matrix`` followed by the columns of ``rows`` bias rows."""
    if rows == 0:
        return matrix
    columns = bias_columns(bias, rows, like=matrix)
    return array_namespace(matrix).concat((matrix, columns), axis=1)
