"""Analog recurrent cells."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from crosssim_core.errors import ParameterError, ShapeError
from crosssim_core.layers import CellLayout
from crosssim_core.random import Stream
from crosssim_torch.analog import Params
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
)
from crosssim_torch.tiles import Holding


class AnalogCell(TwoBiases, nn.RNNCellBase):
    """A stock recurrent cell whose gates are one product with simulated arrays.

    The vector (input, state) drives the array once in each step. What follows the sums of the
    gates is digital and exact; derivatives are taken at the sums that the arrays gave.

    Shapes: input ``(N, input_size)`` or ``(input_size)``, states ``(N, hidden_size)`` or
    ``(hidden_size)``, zeros where they are left out.

    Args:
        params: One tree of parameters, or one for each array. A copy is kept.
        bias_ih_rows: Array rows that hold the input bias; with 0 it is added digitally.
        bias_hh_rows: Likewise of the state bias.
        seed: Makes one chip; with None ``torch.manual_seed`` governs.

    The other arguments are those of the stock cell.

    Raises:
        CrossSimError: The parameters contradict each other or ask for what is not simulated.
    """

    kind: ClassVar[str]
    """As `CellLayout` names it."""

    state_count: ClassVar[int] = 1

    def __init__(
        self,
        params: Params,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        bias_ih_rows: int = 0,
        bias_hh_rows: int = 0,
        *,
        seed: int | Stream | None = None,
    ) -> None:
        stock: Any = super().__init__
        stock(input_size, hidden_size, bias, device=device, dtype=dtype)
        self._become_analog(params, {"bias_ih": bias_ih_rows, "bias_hh": bias_hh_rows}, seed)

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

    def _holdings(self, rows: Mapping[str, int]) -> dict[str, Holding]:
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
    """``nn.RNNCell`` in simulated arrays; see `AnalogCell` for shapes and further arguments.

    Example:
        >>> AnalogRNNCell(CrossSimParameters(), 3, 5)(torch.ones(2, 3)).shape
        torch.Size([2, 5])
    """

    stock_class = nn.RNNCell
    kind = "rnn"

    def __init__(
        self,
        params: Params,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: torch.dtype | None = None,
        bias_ih_rows: int = 0,
        bias_hh_rows: int = 0,
        *,
        seed: int | Stream | None = None,
    ) -> None:
        super().__init__(
            params,
            input_size,
            hidden_size,
            bias,
            device,
            dtype,
            bias_ih_rows,
            bias_hh_rows,
            seed=seed,
        )
        self.nonlinearity = nonlinearity

    def _step(self) -> Step:
        if self.nonlinearity not in RNN_STEPS:
            raise ParameterError(
                f"{self.nonlinearity!r} is not known; use one of {', '.join(RNN_STEPS)}.",
                "nonlinearity",
            )
        return RNN_STEPS[self.nonlinearity]

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._next(input, None if hx is None else (hx,))[0]


class AnalogLSTMCell(AnalogCell, nn.LSTMCell):
    """``nn.LSTMCell`` in simulated arrays; see `AnalogCell` for shapes and further arguments.

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
    """``nn.GRUCell`` in simulated arrays; see `AnalogCell` for shapes and further arguments.

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
