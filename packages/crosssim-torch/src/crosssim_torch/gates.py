"""What recurrent cells and stacked layers share: the sums of the gates, and what follows them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from crosssim_core.errors import ParameterError
from crosssim_core.layers import CellLayout
from crosssim_torch.analog import AnalogModule
from crosssim_torch.forward import Operands, may_record, run_analog
from crosssim_torch.gategradients import GateRead
from crosssim_torch.gradients import LinearRead
from crosssim_torch.products import LinearProduct

States = tuple[Tensor, ...]
"""The state h (N, states), of an LSTM followed by c (N, hidden_size)."""

Step = Callable[[Tensor, States], States]
"""Next states from the sums of the gates (N, outputs) and the present states."""


def gate_operands(module: AnalogModule, key: str) -> Operands:
    """The matrix of a cell; its derivatives go to both weights and both biases.

    Weights of input and state lie side by side, without the zeros of a GRU unless inputs pass
    through these. Where nobody can ask for derivatives the weights stay apart.
    """
    holding = module._holdings(module._rows, module._options)[key]
    layer = module._layer(key, holding)
    layout: Any = replace(holding.layout, input_bias_rows=0, state_bias_rows=0)  # type: ignore[type-var]
    weight, weight_hh, *biases = holding.values(module)
    along = module._linear_map(key, holding)
    programmed = along.weights[0]
    if may_record():
        weight, programmed = torch.cat((weight, weight_hh), dim=1), torch.cat(along.weights, dim=1)
        if along.matrix is not None:
            weight, programmed = layout.placed(weight), along.matrix
    return Operands(
        layer,
        module._tiles[key].whole,
        weight,
        layout.digital_bias(*biases),
        programmed,
        module._options.gradient,
        holding.layout.digital_bias(*biases),
    )


def gate_sums(operands: Operands, x: Tensor, h: Tensor) -> Tensor:
    """What the gates take, ``(N, outputs)``: one product with (input, state)."""
    vectors, layout = torch.cat((x, h), dim=-1), operands.layer.layout
    known = operands.at_once(vectors)
    if known is not None:
        return known
    product = LinearProduct(vectors.shape[-1])
    if isinstance(layout, CellLayout) and len(operands.weight) < layout.shape[0]:
        return run_analog(
            operands, vectors, product=product, record=GateRead, geometry=(layout.halves,)
        )
    return run_analog(operands, vectors, product=product, record=LinearRead)


def tanh_step(sums: Tensor, states: States) -> States:
    return (torch.tanh(sums),)


def relu_step(sums: Tensor, states: States) -> States:
    return (torch.relu(sums),)


def lstm_step(sums: Tensor, states: States) -> States:
    """``c' = σ(f) c + σ(i) tanh(g)``, ``h' = σ(o) tanh(c')``."""
    i, f, g, o = sums.chunk(4, dim=-1)
    c = torch.sigmoid(f) * states[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(sums: Tensor, states: States) -> States:
    """``n = tanh(n_x + σ(r) n_h)``, ``h' = (1 - σ(z)) n + σ(z) h``."""
    r, z, of_input, of_state = sums.chunk(4, dim=-1)
    n = torch.tanh(of_input + torch.sigmoid(r) * of_state)
    update = torch.sigmoid(z)
    return ((1 - update) * n + update * states[0],)


RNN_STEPS: dict[str, Step] = {"tanh": tanh_step, "relu": relu_step}
"""Of cells, by the name of what they apply."""

RNN_MODES: dict[str, Step] = {f"RNN_{name.upper()}": step for name, step in RNN_STEPS.items()}
"""Of stacked layers, by the mode that stock layers heed."""


def rnn_step(attribute: str, value: Any, steps: Mapping[str, Step]) -> Step:
    """The step that an attribute of a layer chooses.

    Raises:
        ParameterError: It chooses none.
    """
    if value not in steps:
        raise ParameterError(f"{value!r} is not known; use one of {', '.join(steps)}.", attribute)
    return steps[value]
