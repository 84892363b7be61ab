"""Analog recurrent cells."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from crosssim_core.errors import ShapeError
from crosssim_core.layers import CellLayout
from crosssim_torch.biases import TwoBiases
from crosssim_torch.forward import check_floating
from crosssim_torch.gates import (
    RNN_STEPS,
    States,
    Step,
    gate_operands,
    gate_sums,
    gru_step,
    lstm_step,
    rnn_step,
)
from crosssim_torch.options import LayerOptions
from crosssim_torch.tiles import Holding


class AnalogCell(TwoBiases, nn.RNNCellBase):
    """A stock recurrent cell whose gates are one product with simulated arrays.

    The vector (input, state) drives the array once in each step. What follows the sums of the
    gates is digital and exact; derivatives are taken at the sums that the arrays gave.

    Shapes: input ``(N, input_size)`` or ``(input_size)``, states ``(N, hidden_size)`` or
    ``(hidden_size)``, zeros where they are left out.

    Takes ``params``, the arguments of the stock cell, ``bias_ih_rows``, ``bias_hh_rows``, ``seed``
    and ``options``; see `AnalogModule`.
    """

    kind: ClassVar[str]
    """As `CellLayout` names it."""

    state_count: ClassVar[int] = 1

    @property
    def bias_ih_rows(self) -> int:
        """Array rows that hold the input bias; with 0 it is added digitally. Can be assigned."""
        return self._rows["bias_ih"]

    @bias_ih_rows.setter
    def bias_ih_rows(self, rows: int) -> None:
        self._set_rows("bias_ih", rows)

    @property
    def bias_hh_rows(self) -> int:
        """Array rows that hold the state bias; with 0 it is added digitally. Can be assigned."""
        return self._rows["bias_hh"]

    @bias_hh_rows.setter
    def bias_hh_rows(self, rows: int) -> None:
        self._set_rows("bias_hh", rows)

    def _holdings(self, rows: Mapping[str, int], options: LayerOptions) -> dict[str, Holding]:
        layout = CellLayout.of(
            self.kind,
            self.input_size,
            self.hidden_size,
            bias=any(getattr(self, name) is not None for name in self._biases),
            rows=(rows["bias_ih"], rows["bias_hh"]),
        )
        return {"": Holding(layout, ("weight_ih", "weight_hh"), ("bias_ih", "bias_hh"))}

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.weight_ih.shape[0],)

    def _step(self) -> Step:
        raise NotImplementedError

    def _next(self, x: Tensor, given: States | None) -> States:
        """The next states, batched or not as ``x`` is."""
        step, operands = self._step(), gate_operands(self, "")
        check_floating(x)
        if x.dim() not in (1, 2) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"This cell takes {self.input_size} features along the last axis, batched or not; "
                f"got an input of shape {tuple(x.shape)}."
            )
        shape = (*x.shape[:-1], self.hidden_size)
        states = given or (x.new_zeros(shape),) * self.state_count
        for state in states:
            check_floating(state)
            if tuple(state.shape) != shape:
                raise ShapeError(
                    f"An input of shape {tuple(x.shape)} needs states of shape {shape}, got "
                    f"{tuple(state.shape)}."
                )
        sums = gate_sums(operands, x, states[0])
        return step(sums, tuple(state.to(sums.dtype) for state in states))


class AnalogRNNCell(AnalogCell, nn.RNNCell):
    """``nn.RNNCell`` in simulated arrays; see `AnalogCell`.

    Example:
        >>> AnalogRNNCell(CrossSimParameters(), 3, 5)(torch.ones(2, 3)).shape
        torch.Size([2, 5])
    """

    stock_class = nn.RNNCell
    kind = "rnn"

    def _step(self) -> Step:
        return rnn_step("nonlinearity", self.nonlinearity, RNN_STEPS)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._next(input, None if hx is None else (hx,))[0]


class AnalogLSTMCell(AnalogCell, nn.LSTMCell):
    """``nn.LSTMCell`` in simulated arrays; see `AnalogCell`.

    Example:
        >>> h, c = AnalogLSTMCell(CrossSimParameters(), 3, 5)(torch.ones(2, 3))
        >>> h.shape, c.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    stock_class = nn.LSTMCell
    kind = "lstm"
    state_count = 2

    def _step(self) -> Step:
        return lstm_step

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        h, c = self._next(input, None if hx is None else tuple(hx))
        return h, c


class AnalogGRUCell(AnalogCell, nn.GRUCell):
    """``nn.GRUCell`` in simulated arrays; see `AnalogCell`.

    The structural zeros of its matrix carry no programming error.

    Example:
        >>> AnalogGRUCell(CrossSimParameters(), 3, 5)(torch.ones(2, 3)).shape
        torch.Size([2, 5])
    """

    stock_class = nn.GRUCell
    kind = "gru"

    def _step(self) -> Step:
        return gru_step

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._next(input, None if hx is None else (hx,))[0]
