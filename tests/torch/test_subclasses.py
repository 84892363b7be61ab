"""Layers that are more than their stock class: subclasses, replaced methods, computed weights."""

import types

import pytest
import torch
from analog_settings import tree
from choices import Custom, Net, analog_names
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from crosssim_core.errors import (
    ConversionError,
    ConversionWarning,
)
from crosssim_torch import (
    AnalogLinear,
    AnalogMultiheadAttention,
    analog_modules,
    from_torch,
    to_torch,
)
from crosssim_torch.registry import ANALOG_CLASSES


class Marked(nn.Linear):
    """A subclass with the forward of its base."""


def test_subclasses_are_left_digital_refused_or_converted():
    stock = nn.Sequential(nn.Linear(2, 2), Marked(2, 2))
    with pytest.warns(ConversionWarning, match=r"1 \(Marked\)"):
        assert len(analog_modules(from_torch(stock, tree()))) == 1
    with pytest.raises(ConversionError, match=r"1 \(Marked\)"):
        from_torch(stock, tree(), subclasses="raise")
    analog = from_torch(stock, tree(), subclasses="convert")
    assert len(analog_modules(analog)) == 2
    torch.testing.assert_close(analog(torch.ones(1, 2)), stock(torch.ones(1, 2)))


def test_a_subclass_with_a_forward_of_its_own_is_not_converted_blindly():
    with pytest.raises(ConversionError, match=r"Custom.*register"):
        from_torch(nn.Sequential(Custom(2, 2)), tree(), subclasses="convert")


class Called(nn.Linear):
    def __call__(self, x):
        return super().__call__(x) * 3.0


class Scaled(nn.Conv1d):
    def _conv_forward(self, input, weight, bias):
        return super()._conv_forward(input, 3.0 * weight, bias)


class Padded(nn.ConvTranspose1d):
    def _output_padding(self, *args, **named):
        return [0]


@pytest.mark.parametrize("layer", [Called(2, 2), Scaled(2, 2, 1), Padded(2, 2, 1)])
def test_a_subclass_that_computes_otherwise_is_not_converted_blindly(layer):
    with pytest.raises(ConversionError, match=r"0 \(\w+\).*of its own.*register"):
        from_torch(nn.Sequential(layer), tree(), subclasses="convert")
    twin = ANALOG_CLASSES[type(layer).__bases__[0]]
    with pytest.raises(ConversionError, match="of its own"):
        twin.from_torch(layer, tree())


def tripled(layer, name):
    """``layer``, one method of which is replaced by one with three times its result."""
    kept = getattr(type(layer), name)
    method = types.MethodType(lambda self, *args: 3.0 * kept(self, *args), layer)
    setattr(layer, name, method)
    return layer


REPLACED = {
    "forward": lambda: tripled(nn.Linear(2, 2), "forward"),
    "_conv_forward": lambda: tripled(nn.Conv1d(2, 2, 1), "_conv_forward"),
    "_call_impl": lambda: tripled(nn.Linear(2, 2), "_call_impl"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_layer_with_a_replaced_method_is_never_called_analog(name):
    stock = nn.Sequential(REPLACED[name](), nn.Linear(2, 2))
    x = torch.ones(2, 2)
    with pytest.warns(ConversionWarning, match=rf"0 \(.*{name} was replaced"):
        analog, report = from_torch(stock, tree(), report=True)
    assert analog_names(analog) == ["1"]
    assert f"{name} replaced" in report.digital[0].why
    torch.testing.assert_close(analog(x), stock(x))
    for policy in ("raise", "convert"):
        with pytest.raises(ConversionError, match=rf"0 \(.*{name}.*replaced"):
            from_torch(stock, tree(), subclasses=policy)
    twin = ANALOG_CLASSES[type(stock[0])]
    with pytest.raises(ConversionError, match=f"{name} replaced"):
        twin.from_torch(stock[0], tree())


def test_what_no_forward_asks_may_be_replaced_in_the_very_layer():
    stock = nn.Linear(2, 2)
    stock.reset_parameters = lambda: None
    stock.extra_repr = lambda: "own"
    analog = from_torch(stock, tree(), subclasses="raise")
    assert repr(analog) == "AnalogLinear(own)"
    assert "own" in repr(to_torch(analog))


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_a_lazy_layer_has_to_be_run_before_it_is_converted():
    stock = nn.Sequential(nn.LazyLinear(2), nn.Linear(2, 2))
    with pytest.warns(ConversionWarning, match=r"0 \(LazyLinear\).*run the network once"):
        assert analog_names(from_torch(stock, tree())) == ["1"]
    for policy in ("raise", "convert"):
        with pytest.raises(ConversionError, match="run the network once"):
            from_torch(stock, tree(), subclasses=policy)
    with pytest.raises(ConversionError, match="no weights yet"):
        AnalogLinear.from_torch(nn.LazyLinear(2), tree())
    stock(torch.ones(1, 3))
    assert analog_names(from_torch(stock, tree())) == ["0", "1"]


def test_an_attention_whose_output_projection_has_a_replaced_method_is_refused():
    attention = nn.MultiheadAttention(4, 2)
    tripled(attention.out_proj, "forward")
    with pytest.raises(ConversionError, match="forward replaced"):
        AnalogMultiheadAttention.from_torch(attention, tree())


def test_what_is_left_out_by_name_needs_no_warning():
    stock = nn.Sequential(nn.Linear(2, 2), Custom(2, 2), nn.Bilinear(2, 2, 2))
    analog = from_torch(stock, tree(), include="0")
    assert analog_names(analog) == ["0"]


def test_an_unknown_policy_is_refused():
    with pytest.raises(ConversionError, match="sometimes"):
        from_torch(Net(), tree(), subclasses="sometimes")


@pytest.mark.parametrize("rows", [0, 1])
def test_a_parametrized_layer_goes_on_being_parametrized(rows):
    stock = nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 3)), nn.Linear(3, 2))
    analog = from_torch(stock, tree(), rows, subclasses="convert")
    assert len(analog_modules(analog)) == 2
    x = torch.randn(5, 4)
    torch.testing.assert_close(analog(x), stock(x))
    optimizer = torch.optim.SGD(analog.parameters(), lr=0.1)
    analog(x).square().sum().backward()
    assert analog[0].parametrizations.weight.original0.grad.any()
    optimizer.step()
    torch.testing.assert_close(analog(x), to_torch(analog)(x))
    assert parametrize.is_parametrized(to_torch(analog)[0])
    physical = to_torch(analog, physical_weights=True)
    assert type(physical[0]) is nn.Linear
    torch.testing.assert_close(physical(x), analog(x))
    analog[0].reinitialize()
    analog[0].bias_rows = 2
    torch.testing.assert_close(analog(x), to_torch(analog)(x))


def test_an_analog_layer_may_be_parametrized_afterwards():
    layer = AnalogLinear(tree(), 4, 3, bias_rows=1)
    parametrizations.weight_norm(layer)
    x = torch.randn(2, 4)
    assert analog_modules(nn.Sequential(layer)) == [layer]
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias))
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(2.0)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias))
    before = layer.chip_conductance_0
    layer(x)
    assert layer.chip_conductance_0 is before
    layer.reinitialize()


@pytest.mark.filterwarnings("ignore:.*is deprecated")
@pytest.mark.parametrize("how", ["prune", "weight_norm", "spectral_norm"])
def test_weights_that_hooks_compute_are_converted_with_their_hooks(how):
    layer = nn.Linear(4, 3)
    if how == "prune":
        prune.l1_unstructured(layer, "weight", amount=0.5)
    else:
        getattr(nn.utils, how)(layer)
    stock = nn.Sequential(layer).eval()
    x = torch.randn(2, 4)
    want = stock(x)
    analog = from_torch(stock, tree(), 1)
    torch.testing.assert_close(analog(x), want)
    before = analog[0].chip_conductance_0
    analog(x).sum().backward()
    assert analog[0].chip_conductance_0 is before
    grads = [p.grad for n, p in analog.named_parameters() if n.startswith("0.weight")]
    assert any(g is not None and g.any() for g in grads)
    physical = to_torch(analog, physical_weights=True)
    torch.testing.assert_close(physical(x), want)
    assert {n for n, _ in physical.named_parameters()} == {"0.weight", "0.bias"}
