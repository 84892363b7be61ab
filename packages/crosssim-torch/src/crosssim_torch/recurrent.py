"""Analog recurrent layers: cells in stacks, along sequences, in both directions."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from crosssim_core.errors import ParameterError
from crosssim_core.layers import CellLayout, LinearLayout
from crosssim_torch.biases import TwoBiases
from crosssim_torch.forward import check_floating, output_dtype, run_analog
from crosssim_torch.gates import (
    RNN_MODES,
    States,
    Step,
    gate_operands,
    gate_sums,
    gru_step,
    lstm_step,
    rnn_step,
)
from crosssim_torch.gradients import LinearRead
from crosssim_torch.options import LayerOptions
from crosssim_torch.products import LinearProduct
from crosssim_torch.sequences import Stack
from crosssim_torch.tiles import Holding


class AnalogRecurrent(TwoBiases, nn.RNNBase):
    """A stock recurrent layer whose gates are products with simulated arrays.

    Each layer and direction has a matrix of its own, as the cell of its kind, and so has each
    projection. Matrices are listed as the parameters are: layer by layer, forwards and then
    backwards, each followed by its projection.

    Shapes: input ``(T, N, input_size)``, ``(N, T, input_size)`` with ``batch_first``,
    ``(T, input_size)``, or a PackedSequence; states as in the stock layer.

    Takes ``params``, which every matrix takes, the arguments of the stock layer, ``bias_ih_rows``
    and ``bias_hh_rows``, each one number or a list with one for each layer, ``seed`` and
    ``options``; see `AnalogModule`.
    """

    kind: ClassVar[str]
    """As `CellLayout` names it."""

    def _become_analog(self, *given: Any) -> None:
        self._init_flat_weights()
        super()._become_analog(*given)

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

    def _holdings(self, rows: Mapping[str, int], options: LayerOptions) -> dict[str, Holding]:
        self._check_parameters()
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

    def _check_parameters(self) -> None:
        """Raise ParameterError unless the attributes tell of the parameters that there are."""
        kinds = ["weight_ih", "weight_hh", *(self._biases if self.bias else ())]
        kinds += ["weight_hr"] if self.proj_size else []
        keys = [f"l{n}{end}" for n in range(self.num_layers) for end in self._directions]
        told = [[f"{kind}_{key}" for kind in kinds] for key in keys]
        if told != self._all_weights:
            raise ParameterError(
                f"num_layers ({self.num_layers}), bidirectional ({self.bidirectional}), proj_size "
                f"({self.proj_size}) and bias ({self.bias}) do not fit the parameters that the "
                "layer was made with: make another layer."
            )

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

    @abstractmethod
    def _step(self) -> Step:
        """What follows the sums of the gates."""

    def _state_sizes(self) -> tuple[int, ...]:
        """Features of each state."""
        return (self._state_size,)

    def _run(self, input: Any, given: States | None) -> tuple[Any, States]:
        """Output in the form of ``input``, and final states."""
        self._check_parameters()
        data = input.data if isinstance(input, PackedSequence) else input
        check_floating(data, self.weight_ih_l0)
        rule = self._tiles["l0"].plan.params[0].core.output_dtype
        stack = Stack(
            layers=[
                [self._cell(f"l{layer}{end}") for end in self._directions]
                for layer in range(self.num_layers)
            ],
            input_size=self.input_size,
            state_sizes=self._state_sizes(),
            dtype=output_dtype(rule, self.weight_ih_l0, data),
            between=lambda y: F.dropout(y, self.dropout, self.training),
        )
        return stack.run(input, given, batch_first=self.batch_first)

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
    """``nn.RNN`` in simulated arrays; see `AnalogRecurrent`.

    Example:
        >>> y, h = AnalogRNN(CrossSimParameters(), 3, 5)(torch.ones(7, 2, 3))
        >>> y.shape, h.shape
        (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """

    stock_class = nn.RNN
    kind = "rnn"

    def _step(self) -> Step:
        return rnn_step("mode", self.mode, RNN_MODES)

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:
        y, states = self._run(input, None if hx is None else (hx,))
        return y, states[0]


class AnalogLSTM(AnalogRecurrent, nn.LSTM):
    """``nn.LSTM`` in simulated arrays; see `AnalogRecurrent`.

    Example:
        >>> y, (h, c) = AnalogLSTM(CrossSimParameters(), 3, 5)(torch.ones(7, 2, 3))
        >>> y.shape, h.shape, c.shape
        (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]), torch.Size([1, 2, 5]))
    """

    stock_class = nn.LSTM
    kind = "lstm"

    def _step(self) -> Step:
        return lstm_step

    def _state_sizes(self) -> tuple[int, ...]:
        return self._state_size, self.hidden_size

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> Any:
        return self._run(input, None if hx is None else tuple(hx))


class AnalogGRU(AnalogRecurrent, nn.GRU):
    """``nn.GRU`` in simulated arrays; see `AnalogRecurrent`.

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
