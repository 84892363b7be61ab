"""Analog recurrent layers: cells in stacks, along sequences, in both directions."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from crosssim_core.errors import ParameterError, ShapeError
from crosssim_core.layers import CellLayout, LinearLayout
from crosssim_core.random import Stream
from crosssim_torch.analog import Params
from crosssim_torch.biases import TwoBiases
from crosssim_torch.forward import check_floating, output_dtype, run_analog
from crosssim_torch.gates import (
    RNN_STEPS,
    States,
    Step,
    gate_operands,
    gate_sums,
    gru_step,
    lstm_step,
)
from crosssim_torch.gradients import LinearRead
from crosssim_torch.products import LinearProduct
from crosssim_torch.tiles import Holding


class AnalogRecurrent(TwoBiases, nn.RNNBase):
    """A stock recurrent layer whose gates are products with simulated arrays.

    Each layer and direction has a matrix of its own, as the cell of its kind, and so has each
    projection. Matrices are listed as the parameters are: layer by layer, forwards and then
    backwards, each followed by its projection.

    Shapes: input ``(T, N, input_size)``, ``(N, T, input_size)`` with ``batch_first``,
    ``(T, input_size)``, or a PackedSequence; states as in the stock layer.

    Args:
        params: One tree of parameters, or one for each array; every matrix takes them. A copy is
            kept.
        bias_ih_rows: Array rows that hold the input biases; with 0 they are added digitally. A
            list has one number for each layer.
        bias_hh_rows: Likewise of the state biases.
        seed: Makes one chip; with None ``torch.manual_seed`` governs.

    The other arguments are those of the stock layer.

    Raises:
        CrossSimError: The parameters contradict each other or ask for what is not simulated.
    """

    kind: ClassVar[str]
    """As `CellLayout` names it."""

    def __init__(
        self,
        params: Params,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
        bias_ih_rows: int | Sequence[int] = 0,
        bias_hh_rows: int | Sequence[int] = 0,
        *,
        seed: int | Stream | None = None,
        **further: Any,
    ) -> None:
        stock: Any = super().__init__
        stock(
            input_size,
            hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            **further,
        )
        self._become_analog(params, {"bias_ih": bias_ih_rows, "bias_hh": bias_hh_rows}, seed)

    def _become_analog(
        self, params: Params, rows: int | Mapping[str, Any], seed: int | Stream | None
    ) -> None:
        self._init_flat_weights()
        super()._become_analog(params, rows, seed)

    def _stock(self, *, physical_weights: bool) -> nn.Module:
        stock: Any = super()._stock(physical_weights=physical_weights)
        stock._init_flat_weights()
        return stock  # type: ignore[no-any-return]

    def flatten_parameters(self) -> None:
        """Do nothing: no fused kernel reads the parameters of an analog layer."""

    # Matrices

    @property
    def _directions(self) -> tuple[str, ...]:
        """Ends of the names of the parameters of each direction."""
        return ("", "_reverse") if self.bidirectional else ("",)

    @property
    def _state_size(self) -> int:
        return self.proj_size or self.hidden_size

    def _holdings(self, rows: Mapping[str, int]) -> dict[str, Holding]:
        holdings = {}
        for layer in range(self.num_layers):
            inputs = self._state_size * len(self._directions) if layer else self.input_size
            layout = CellLayout.of(
                self.kind,
                inputs,
                self.hidden_size,
                state_size=self._state_size,
                bias=self.bias,
                rows=(rows[f"bias_ih_l{layer}"], rows[f"bias_hh_l{layer}"]),
            )
            for end in self._directions:
                key = f"l{layer}{end}"
                weights = (f"weight_ih_{key}", f"weight_hh_{key}")
                holdings[key] = Holding(layout, weights, (f"bias_ih_{key}", f"bias_hh_{key}"))
                if self.proj_size:
                    projection = LinearLayout(self.hidden_size, self.proj_size, bias=False)
                    holdings[f"{key}_projection"] = Holding(projection, (f"weight_hr_{key}",), ())
        return holdings

    def _bias_shape(self) -> tuple[int, ...]:
        return (len(self.weight_hh_l0),)

    def _rows_of(self, name: str, rows: Any) -> dict[str, int]:
        """The rows of one bias of all layers, or of ``name`` with the number of a layer."""
        if name not in self._biases:
            return super()._rows_of(name, rows)
        if isinstance(rows, Sequence) and len(rows) != self.num_layers:
            raise ParameterError(
                f"{len(rows)} numbers were given for {self.num_layers} layer(s).", f"{name}_rows"
            )
        numbers = rows if isinstance(rows, Sequence) else (rows,) * self.num_layers
        named: dict[str, int] = {}
        for layer, number in enumerate(numbers):
            named |= super()._rows_of(f"{name}_l{layer}", number)
        return named

    @property
    def bias_ih_rows(self) -> list[int]:
        """Array rows that hold the input bias of each layer; with 0 it is added digitally.

        A list can be assigned, or one number for all. Single layers have ``bias_ih_l0_rows``, …
        """
        return [self._rows[f"bias_ih_l{layer}"] for layer in range(self.num_layers)]

    @bias_ih_rows.setter
    def bias_ih_rows(self, rows: int | Sequence[int]) -> None:
        self._set_rows("bias_ih", rows)

    @property
    def bias_hh_rows(self) -> list[int]:
        """Array rows that hold the state bias of each layer, likewise."""
        return [self._rows[f"bias_hh_l{layer}"] for layer in range(self.num_layers)]

    @bias_hh_rows.setter
    def bias_hh_rows(self, rows: int | Sequence[int]) -> None:
        self._set_rows("bias_hh", rows)

    def __getattr__(self, name: str) -> Any:
        rows = self.__dict__.get("_rows", {})
        bias = name.removesuffix("_rows")
        return rows[bias] if bias != name and bias in rows else super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        bias = name.removesuffix("_rows")
        if bias != name and bias in self.__dict__.get("_rows", {}):
            self._set_rows(bias, value)
        else:
            super().__setattr__(name, value)

    # Sequences

    def _step(self) -> Step:
        raise NotImplementedError

    def _state_sizes(self) -> tuple[int, ...]:
        """Features of each state."""
        return (self._state_size,)

    def _run(self, input: Any, given: States | None) -> tuple[Any, States]:
        """Output in the form of ``input``, and final states."""
        if isinstance(input, PackedSequence):
            self._check_data(input.data)
            sizes = input.batch_sizes.tolist()
            states = self._initial(input.data, sizes[0], given, batched=True)
            if input.sorted_indices is not None:
                states = tuple(s.index_select(1, input.sorted_indices) for s in states)
            data, states = self._through(input.data, sizes, states)
            if input.unsorted_indices is not None:
                states = tuple(s.index_select(1, input.unsorted_indices) for s in states)
            return PackedSequence(data, *input[1:]), states
        self._check_data(input)
        batched = input.dim() == 3
        x = input if batched else input[:, None]
        if batched and self.batch_first:
            x = x.transpose(0, 1)
        times, batch = x.shape[:2]
        if times == 0:
            raise ShapeError("A sequence needs one element at least, got none.")
        states = self._initial(x, batch, given, batched=batched)
        data, states = self._through(x.reshape(times * batch, -1), [batch] * times, states)
        y = data.reshape(times, batch, data.shape[-1])
        if not batched:
            return y[:, 0], tuple(state[:, 0] for state in states)
        return y.transpose(0, 1).contiguous() if self.batch_first else y, states

    def _check_data(self, x: Any) -> None:
        check_floating(x)
        if x.dim() not in (2, 3) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"This layer takes sequences of {self.input_size} features, batched or not; got "
                f"an input of shape {tuple(x.shape)}."
            )

    def _initial(self, x: Tensor, batch: int, given: States | None, *, batched: bool) -> States:
        """Initial states ``(layers * directions, batch, features)``, checked."""
        count = self.num_layers * len(self._directions)
        shapes = [(count, batch, size) for size in self._state_sizes()]
        rule = self._tiles["l0"].plan.params[0].core.output_dtype
        dtype = output_dtype(rule, self.weight_ih_l0, x)
        if given is None:
            return tuple(x.new_zeros(shape, dtype=dtype) for shape in shapes)
        wanted = shapes if batched else [(count, size) for count, _, size in shapes]
        for state in given:
            check_floating(state)
        got = [tuple(state.shape) for state in given]
        if got != wanted:
            raise ShapeError(f"This input needs initial states of shapes {wanted}, got {got}.")
        return tuple(s.reshape(n).to(dtype) for s, n in zip(given, shapes, strict=True))

    def _through(self, data: Tensor, sizes: list[int], states: States) -> tuple[Tensor, States]:
        """All layers; ``data`` has ``sizes[t]`` rows for each time t, never more than before."""
        finals: list[States] = []
        for layer in range(self.num_layers):
            if layer and self.training:
                data = F.dropout(data, self.dropout)
            outputs = []
            for end in self._directions:
                initial = tuple(state[len(finals)] for state in states)
                y, final = self._along(f"l{layer}{end}", data, sizes, initial)
                outputs.append(y)
                finals.append(final)
            data = torch.cat(outputs, dim=-1)
        return data, tuple(map(torch.stack, zip(*finals, strict=True)))

    def _along(
        self, key: str, data: Tensor, sizes: list[int], states: States
    ) -> tuple[Tensor, States]:
        """One layer in one direction."""
        cell, inputs = self._cell(key), data.split(sizes)
        outputs: list[Any] = [None] * len(sizes)
        times = range(len(sizes))
        for t in reversed(times) if key.endswith("_reverse") else times:
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

    def _cell(self, key: str) -> Step:
        """The cell of a layer and direction, from input and states to states."""
        operands, step = gate_operands(self, key), self._step()
        projection = self._operands(f"{key}_projection") if self.proj_size else None

        def run(x: Tensor, states: States) -> States:
            h, *others = step(gate_sums(operands, x, states[0]), states)
            if projection is not None:
                product = LinearProduct(self.hidden_size)
                h = run_analog(projection, h, product=product, record=LinearRead)
            return h, *others

        return run


class AnalogRNN(AnalogRecurrent, nn.RNN):
    """``nn.RNN`` in simulated arrays; see `AnalogRecurrent` for shapes and further arguments.

    Example:
        >>> y, h = AnalogRNN(CrossSimParameters(), 3, 5)(torch.ones(7, 2, 3))
        >>> y.shape, h.shape
        (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """

    stock_class = nn.RNN
    kind = "rnn"

    def __init__(
        self,
        params: Params,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
        bias_ih_rows: int | Sequence[int] = 0,
        bias_hh_rows: int | Sequence[int] = 0,
        *,
        seed: int | Stream | None = None,
    ) -> None:
        super().__init__(
            params,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            bias_ih_rows,
            bias_hh_rows,
            seed=seed,
            nonlinearity=nonlinearity,
        )

    def _step(self) -> Step:
        return RNN_STEPS[self.nonlinearity]

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:
        y, states = self._run(input, None if hx is None else (hx,))
        return y, states[0]


class AnalogLSTM(AnalogRecurrent, nn.LSTM):
    """``nn.LSTM`` in simulated arrays; see `AnalogRecurrent` for shapes and further arguments.

    Example:
        >>> y, (h, c) = AnalogLSTM(CrossSimParameters(), 3, 5)(torch.ones(7, 2, 3))
        >>> y.shape, h.shape, c.shape
        (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]), torch.Size([1, 2, 5]))
    """

    stock_class = nn.LSTM
    kind = "lstm"

    def __init__(
        self,
        params: Params,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
        bias_ih_rows: int | Sequence[int] = 0,
        bias_hh_rows: int | Sequence[int] = 0,
        *,
        seed: int | Stream | None = None,
    ) -> None:
        super().__init__(
            params,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            bias_ih_rows,
            bias_hh_rows,
            seed=seed,
            proj_size=proj_size,
        )

    def _step(self) -> Step:
        return lstm_step

    def _state_sizes(self) -> tuple[int, ...]:
        return self._state_size, self.hidden_size

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> Any:
        return self._run(input, None if hx is None else tuple(hx))


class AnalogGRU(AnalogRecurrent, nn.GRU):
    """``nn.GRU`` in simulated arrays; see `AnalogRecurrent` for shapes and further arguments.

    The structural zeros of its matrices carry no programming error.

    Example:
        >>> y, h = AnalogGRU(CrossSimParameters(), 3, 5)(torch.ones(7, 2, 3))
        >>> y.shape, h.shape
        (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """

    stock_class = nn.GRU
    kind = "gru"

    def _step(self) -> Step:
        return gru_step

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:
        y, states = self._run(input, None if hx is None else (hx,))
        return y, states[0]
