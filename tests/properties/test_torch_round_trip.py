"""From stock to analog and back, nothing is lost."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")

from analog_settings import tree  # noqa: E402
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_cases import LayerCase, layer_cases  # noqa: E402
from torch import nn  # noqa: E402

from crosssim_torch import analog_modules, convertible_modules, from_torch, to_torch  # noqa: E402

layers = layer_cases().map(LayerCase.stock)
others = st.sampled_from((nn.ReLU, nn.Identity, lambda: nn.BatchNorm2d(3), lambda: nn.Dropout(0.2)))
leaves = layers | others.map(lambda make: make())


def described(model):
    """All that conversion must keep, in comparable form; tensors bit by bit."""
    modules = [(name, type(m), m.training, m.extra_repr()) for name, m in model.named_modules()]
    parameters = [(name, p.requires_grad, p.dtype) for name, p in model.named_parameters()]
    tensors = {name: t.detach().numpy().tobytes() for name, t in model.state_dict().items()}
    return modules, parameters, tensors


@st.composite
def models(draw):
    """Nested networks with random training flags and frozen parameters."""
    nested = st.recursive(
        leaves,
        lambda children: st.lists(children, max_size=3).map(lambda c: nn.Sequential(*c)),
        max_leaves=5,
    )
    model = nn.Sequential(draw(layers), draw(nested))
    for module in model.modules():
        module.training = draw(st.booleans())
    for parameter in model.parameters():
        parameter.requires_grad_(draw(st.booleans()))
    return model


@given(models(), st.sampled_from((0, 1, 3)), st.integers(0, 3))
def test_there_and_back_is_the_same_network(model, bias_rows, cell_bits):
    before = described(model)
    analog = from_torch(model, tree(xbar__device__cell_bits=cell_bits), bias_rows)
    assert len(analog_modules(analog)) == len(convertible_modules(model))
    assert described(to_torch(analog)) == before
    assert described(model) == before


@given(layer_cases(), st.booleans())
def test_a_single_layer_comes_back_with_its_weights_flags_and_types(case, train):
    layer = case.stock().train(train)
    layer.weight.requires_grad_(not train)
    before = described(layer)
    analog = from_torch(layer, tree(), case.bias_rows)
    assert described(to_torch(analog)) == before
    assert described(layer) == before
    assert to_torch(analog).weight.data_ptr() not in (
        analog.weight.data_ptr(),
        layer.weight.data_ptr(),
    )
