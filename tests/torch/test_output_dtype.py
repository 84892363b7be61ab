"""``core.output_dtype`` says what type a layer returns."""

import pytest
import torch
from analog_settings import tree
from torch import nn

from crosssim_core import AnalogCore
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import OutputDType
from crosssim_torch import from_torch

FLOATING = [rule for rule in OutputDType if not rule.name.startswith("INT")]
INTEGER = [rule for rule in OutputDType if rule.name.startswith("INT")]
TYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

LAYERS = {
    "linear": (lambda: nn.Linear(4, 4), (3, 4)),
    "convolution": (lambda: nn.Conv1d(4, 4, 2), (2, 4, 5)),
    "transposed": (lambda: nn.ConvTranspose1d(4, 4, 2), (2, 4, 5)),
    "cell": (lambda: nn.GRUCell(4, 4), (3, 4)),
    "stacked": (lambda: nn.LSTM(4, 4, 2, bidirectional=True), (3, 2, 4)),
    "attention": (lambda: nn.MultiheadAttention(4, 2), (3, 2, 4)),
}


def run(layer, x):
    y = layer(x, x, x) if isinstance(layer, nn.MultiheadAttention) else layer(x)
    return y[0] if isinstance(y, tuple) else y


@pytest.mark.parametrize("rule", FLOATING)
@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_returns_the_type_that_a_core_would_and_trains_in_its_own(kind, rule):
    make, shape = LAYERS[kind]
    torch.manual_seed(0)
    for of_weight in TYPES:
        stock = make().to(of_weight)
        layer = from_torch(stock, tree(core__output_dtype=rule))
        core = AnalogCore(torch.eye(4, dtype=of_weight), tree(core__output_dtype=rule))
        exact = make().double()
        exact.load_state_dict(stock.state_dict())
        for of_input in TYPES:
            x = torch.randn(shape).to(of_input).requires_grad_()
            y = run(layer, x)
            want = (core @ x[..., :4].reshape(-1, 4).mT).dtype
            assert y.dtype is want
            torch.testing.assert_close(y.double(), run(exact, x.double()), rtol=0.03, atol=0.03)
            layer.zero_grad()
            y.sum().backward()
            assert x.grad.dtype is of_input
            assert {p.grad.dtype for p in layer.parameters()} == {of_weight}


@pytest.mark.parametrize("rule", [r for r in FLOATING if r is not OutputDType.NATIVE])
def test_a_type_that_was_chosen_holds_within_autocast(rule):
    layer = from_torch(nn.Linear(4, 4), tree(core__output_dtype=rule))
    x = torch.randn(3, 4)
    with torch.autocast("cpu"):
        y = layer(x)
    assert y.dtype is getattr(torch, rule.name.lower(), torch.float32)


@pytest.mark.parametrize("rule", INTEGER)
def test_a_layer_of_a_network_returns_no_integers(rule):
    with pytest.raises(ParameterError, match=rf"^0 .*core\.output_dtype: is {rule.name}"):
        from_torch(nn.Sequential(nn.Linear(4, 4)), tree(core__output_dtype=rule))
    layer = from_torch(nn.Linear(4, 4), tree())
    with pytest.raises(ParameterError, match="choose NATIVE, MATRIX, INPUT"):
        layer.params = tree(core__output_dtype=rule)
    assert layer.params == tree()


def test_the_layer_without_pytorch_returns_the_same_type():
    layer = from_torch(nn.Linear(4, 4).half(), tree())
    x = torch.randn(3, 4)
    assert layer.core(x).dtype is layer(x).dtype is torch.float32
    assert layer.core(x.half()).dtype is layer(x.half()).dtype is torch.float16
