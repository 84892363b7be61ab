"""Recurrent cells."""

from dataclasses import dataclass
from typing import Self

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Held
from crosssim_core.errors import ShapeError
from crosssim_core.layers.checks import check_counts, check_shapes
from crosssim_core.layers.layout import append_ones, bias_columns, held_bias
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class CellLayout:
    """All gates of a recurrent cell as one product with the vector (input, state).

    The matrix is made of blocks of ``hidden_size`` rows. Its columns hold the input weights, the
    state weights, the rows of the input bias and those of the state bias. Which block a gate of
    the stock tensors lies in is told for both halves, because a GRU keeps the halves of its gate
    n apart: ``r, z, n`` of the input lie in the blocks 0, 1, 2 and those of the state in 0, 1, 3,
    and what is left are structural zeros.

    Data are vectors (input, state); results are the sums that the gates take.
    """

    input_size: int
    hidden_size: int
    state_size: int
    input_blocks: tuple[int, ...]
    """Block of each gate in the input half."""
    state_blocks: tuple[int, ...]
    """Block of each gate in the state half."""
    bias: bool = True
    input_bias_rows: int = 0
    state_bias_rows: int = 0

    def __post_init__(self) -> None:
        check_counts(
            0,
            input_size=self.input_size,
            hidden_size=self.hidden_size,
            state_size=self.state_size,
            input_bias_rows=self.input_bias_rows,
            state_bias_rows=self.state_bias_rows,
        )

    @classmethod
    def of(
        cls,
        kind: str,
        input_size: int,
        hidden_size: int,
        *,
        state_size: int | None = None,
        bias: bool = True,
        rows: tuple[int, int] = (0, 0),
    ) -> Self:
        """The layout of a cell.

        Args:
            kind: ``"rnn"``, ``"lstm"`` or ``"gru"``.
            input_size: Features of the input.
            hidden_size: Outputs of one gate.
            state_size: Features of the state where it is projected; ``hidden_size`` if None.
            bias: Whether the cell has biases.
            rows: Array rows that hold the input bias and the state bias.
        """
        blocks = {
            "rnn": ((0,), (0,)),
            "lstm": ((0, 1, 2, 3), (0, 1, 2, 3)),
            "gru": ((0, 1, 2), (0, 1, 3)),
        }[kind]
        return cls(input_size, hidden_size, state_size or hidden_size, *blocks, bias, *rows)

    @property
    def shape(self) -> tuple[int, int]:
        blocks = max(*self.input_blocks, *self.state_blocks) + 1
        return blocks * self.hidden_size, self._data + sum(self.rows)

    @property
    def stack(self) -> int:
        return 1

    @property
    def rows(self) -> tuple[int, int]:
        return self.input_bias_rows, self.state_bias_rows

    def matrix(
        self,
        weight_ih: Float[Array, "gates inputs"],
        weight_hh: Float[Array, "gates states"],
        bias_ih: Float[Array, " gates"] | None = None,
        bias_hh: Float[Array, " gates"] | None = None,
        /,
    ) -> Float[Array, "outputs inputs"]:
        gates = len(self.input_blocks) * self.hidden_size
        check_shapes(
            weight_ih=(weight_ih, (gates, self.input_size)),
            weight_hh=(weight_hh, (gates, self.state_size)),
            bias_ih=(bias_ih, (gates,)),
            bias_hh=(bias_hh, (gates,)),
        )
        parts = [
            self._spread(weight_ih, self.input_blocks),
            self._spread(weight_hh, self.state_blocks),
        ]
        for bias, blocks, rows in self._halves(bias_ih, bias_hh):
            if rows:
                spread = None if bias is None else self._spread(bias, blocks)
                parts.append(bias_columns(spread, rows, like=parts[0]))
        return array_namespace(weight_ih).concat(parts, axis=1)

    def placed(self, both: Float[Array, "gates data"], /) -> Float[Array, "outputs data"]:
        """The matrix without bias rows, of input weights and state weights side by side."""
        blocks = self.input_blocks, self.state_blocks
        halves = both[:, : self.input_size], both[:, self.input_size :]
        spread = [self._spread(*half) for half in zip(halves, blocks, strict=True)]
        return array_namespace(both).concat(spread, axis=1)

    @property
    def halves(self) -> tuple[tuple[slice, tuple[slice, ...]], ...]:
        """Columns of input and of state, each with the outputs of its gates, in their order."""
        columns = slice(0, self.input_size), slice(self.input_size, self._data)
        blocks = self.input_blocks, self.state_blocks
        gates = (tuple(self._outputs_of(own)) for own in blocks)
        return tuple(zip(columns, gates, strict=True))

    def variables(
        self, matrix: Float[Array, "outputs inputs"], /
    ) -> tuple[Array, Array, Array | None, Array | None]:
        ends = (self._data, self._data + self.input_bias_rows, self.shape[1])
        held = (held_bias(matrix, slice(*pair)) for pair in (ends[:2], ends[1:]))
        bias_ih, bias_hh = (
            self._gather(b, blocks) if self.bias and b is not None else None
            for b, blocks, _ in self._halves(*held)
        )
        return (
            self._gather(matrix[:, : self.input_size], self.input_blocks),
            self._gather(matrix[:, self.input_size : self._data], self.state_blocks),
            bias_ih,
            bias_hh,
        )

    def digital_bias(
        self,
        bias_ih: Float[Array, " gates"] | None = None,
        bias_hh: Float[Array, " gates"] | None = None,
        /,
    ) -> Array | None:
        total = None
        for bias, blocks, rows in self._halves(bias_ih, bias_hh):
            if bias is not None and not rows:
                spread = self._spread(bias, blocks)
                total = spread if total is None else total + spread
        return total

    @property
    def pieces(self) -> tuple[Held, ...]:
        if self.input_blocks == self.state_blocks:
            return ()
        ends = (0, self.input_size, self._data, self._data + self.input_bias_rows, self.shape[1])
        of_input, of_state, input_bias, state_bias = map(slice, ends, ends[1:])
        found: list[Held] = []
        for block in range(max(*self.input_blocks, *self.state_blocks) + 1):
            kinds = (block in self.input_blocks, block in self.state_blocks) * 2
            every = zip((of_input, of_state, input_bias, state_bias), kinds, strict=True)
            inputs = tuple(own for own, held in every if held and own.start < own.stop)
            start, stop = block * self.hidden_size, (block + 1) * self.hidden_size
            if found and found[-1].inputs == inputs:
                start = found.pop().outputs.start
            found.append(Held(slice(start, stop), inputs))
        return tuple(found)

    def check(self, x: Float[Array, "*batch data"], /) -> None:
        if x.ndim == 0 or x.shape[-1] != self._data:
            raise ShapeError(
                f"This cell takes vectors of {self.input_size} inputs and {self.state_size} "
                f"states, got shape {tuple(x.shape)}."
            )

    @property
    def images(self) -> bool:
        return False

    def batched(self, x: Float[Array, "*batch data"], /) -> bool:
        return False

    def driving(self, x: Float[Array, "*batch data"], /) -> Float[Array, "*batch inputs"]:
        return self.vectors(x)

    def vectors(self, x: Float[Array, "*batch data"], /) -> Float[Array, "*batch inputs"]:
        self.check(x)
        return append_ones(x, sum(self.rows))

    def outputs(self, y: Float[Array, "*batch outputs"], x: Array, /) -> Array:
        return y

    def add_bias(self, y: Float[Array, "*batch outputs"], bias: Array, /) -> Array:
        return y + bias

    @property
    def _data(self) -> int:
        return self.input_size + self.state_size

    def _halves(
        self, of_input: Array | None, of_state: Array | None
    ) -> tuple[tuple[Array | None, tuple[int, ...], int], ...]:
        """Both biases, each with its blocks and rows."""
        return (
            (of_input, self.input_blocks, self.input_bias_rows),
            (of_state, self.state_blocks, self.state_bias_rows),
        )

    def _outputs_of(self, blocks: tuple[int, ...]) -> list[slice]:
        """Outputs of these blocks; neighbours are one."""
        found: list[slice] = []
        for block in blocks:
            start, stop = block * self.hidden_size, (block + 1) * self.hidden_size
            if found and found[-1].stop == start:
                start = found.pop().start
            found.append(slice(start, stop))
        return found

    def _spread(self, gates: Float[Array, "gates *rest"], blocks: tuple[int, ...]) -> Array:
        """The gates in their blocks, zeros in the others."""
        xp, size = array_namespace(gates), self.hidden_size
        count = max(*self.input_blocks, *self.state_blocks) + 1
        parts = [xp.zeros_like(gates[:size, ...])] * count
        for gate, block in enumerate(blocks):
            parts[block] = gates[gate * size : (gate + 1) * size, ...]
        return xp.concat(parts, axis=0)

    def _gather(self, rows: Float[Array, "outputs *rest"], blocks: tuple[int, ...]) -> Array:
        """The gates out of their blocks."""
        size = self.hidden_size
        parts = [rows[block * size : (block + 1) * size, ...] for block in blocks]
        return array_namespace(rows).concat(parts, axis=0)
