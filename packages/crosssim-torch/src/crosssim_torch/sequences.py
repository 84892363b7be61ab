"""Cells along sequences, in both directions and in stacks, whatever the cells are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from crosssim_core.errors import ShapeError
from crosssim_torch.forward import check_floating
from crosssim_torch.gates import States, Step

Between = Callable[[Tensor], Tensor]
"""What happens to the output of one layer on its way to the next."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Cells by layer and direction, as they are for one call."""

    layers: Sequence[Sequence[Step]]
    """One cell for each direction of each layer; the second direction runs backwards."""
    input_size: int
    state_sizes: tuple[int, ...]
    """Features of each state."""
    dtype: torch.dtype
    """Type of the states."""
    between: Between

    def run(self, x: Any, given: States | None, *, batch_first: bool) -> tuple[Any, States]:
        """Output in the form of ``x``, and final states.

        Args:
            x: ``(T, N, input_size)``, ``(N, T, input_size)`` with ``batch_first``,
                ``(T, input_size)``, or a PackedSequence.
            given: Initial states ``(layers * directions, N, features)``, zeros if None.
            batch_first: Whether batches come first in ``x`` and in the output.

        Raises:
            ShapeError: ``x`` or the states do not fit.
            ArrayLibraryError: They are no real floating-point tensors.
        """
        if isinstance(x, PackedSequence):
            return self._run_packed(x, given)
        self._check(x)
        batched = x.dim() == 3
        data = x if batched else x[:, None]
        if batched and batch_first:
            data = data.transpose(0, 1)
        times, batch = data.shape[:2]
        if times == 0:
            raise ShapeError("A sequence needs one element at least, got none.")
        states = self._initial(data, batch, given, batched=batched)
        rows = data.reshape(times * batch, data.shape[-1])
        rows, states = self._through(rows, [batch] * times, states)
        y = rows.reshape(times, batch, rows.shape[-1])
        if not batched:
            return y[:, 0], tuple(state[:, 0] for state in states)
        return y.transpose(0, 1).contiguous() if batch_first else y, states

    def _run_packed(self, x: PackedSequence, given: States | None) -> tuple[Any, States]:
        self._check(x.data)
        sizes = x.batch_sizes.tolist()
        states = self._initial(x.data, sizes[0], given, batched=True)
        if x.sorted_indices is not None:
            states = tuple(s.index_select(1, x.sorted_indices) for s in states)
        data, states = self._through(x.data, sizes, states)
        if x.unsorted_indices is not None:
            states = tuple(s.index_select(1, x.unsorted_indices) for s in states)
        return PackedSequence(data, *x[1:]), states

    def _check(self, x: Any) -> None:
        check_floating(x)
        if x.dim() not in (2, 3) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"This layer takes sequences of {self.input_size} features, batched or not; got "
                f"an input of shape {tuple(x.shape)}."
            )

    def _initial(self, x: Tensor, batch: int, given: States | None, *, batched: bool) -> States:
        """Initial states ``(layers * directions, batch, features)``, checked."""
        count = sum(map(len, self.layers))
        shapes = [(count, batch, size) for size in self.state_sizes]
        if given is None:
            return tuple(x.new_zeros(shape, dtype=self.dtype) for shape in shapes)
        wanted = shapes if batched else [(count, size) for count, _, size in shapes]
        for state in given:
            check_floating(state)
        got = [tuple(state.shape) for state in given]
        if got != wanted:
            raise ShapeError(f"This input needs initial states of shapes {wanted}, got {got}.")
        return tuple(s.reshape(n).to(self.dtype) for s, n in zip(given, shapes, strict=True))

    def _through(self, data: Tensor, sizes: list[int], states: States) -> tuple[Tensor, States]:
        """All layers; ``data`` has ``sizes[t]`` rows for each time t, never more than before."""
        finals: list[States] = []
        for number, directions in enumerate(self.layers):
            data = self.between(data) if number else data
            outputs = []
            for backwards, cell in enumerate(directions):
                initial = tuple(state[len(finals)] for state in states)
                y, final = along(cell, data, sizes, initial, backwards=bool(backwards))
                outputs.append(y)
                finals.append(final)
            data = torch.cat(outputs, dim=-1)
        return data, tuple(map(torch.stack, zip(*finals, strict=True)))


def along(
    cell: Step, data: Tensor, sizes: list[int], states: States, *, backwards: bool
) -> tuple[Tensor, States]:
    """One cell along ``data``, which has ``sizes[t]`` rows for each time t."""
    inputs = data.split(sizes)
    outputs: list[Any] = [None] * len(sizes)
    times = range(len(sizes))
    for t in reversed(times) if backwards else times:
        size, batch = sizes[t], len(states[0])
        # Sequences that have ended, or not begun, keep their states.
        now = states if size == batch else tuple(state[:size] for state in states)
        new = cell(inputs[t], now)
        outputs[t] = new[0]
        if size == batch:
            states = new
        else:
            pairs = zip(new, states, strict=True)
            states = tuple(torch.cat((fresh, old[size:])) for fresh, old in pairs)
    return torch.cat(outputs), states
