"""Analog layers under ``torch.func``."""

import copy

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from torch import nn
from torch.func import functional_call, grad, jacrev, vmap

from crosssim_core.errors import UnsupportedError
from crosssim_torch import AnalogConv2d, AnalogLinear, LayerOptions, from_torch, to_torch

X = torch.linspace(-1, 1, 12).reshape(3, 4)
IMAGES = torch.linspace(-1, 1, 2 * 3 * 5 * 5).reshape(2, 3, 5, 5)

LAYERS = {
    "linear": (lambda rows: AnalogLinear(tree(), 4, 3, bias_rows=rows), X),
    "conv": (lambda rows: AnalogConv2d(tree(), 3, 4, 3, padding=1, bias_rows=rows), IMAGES),
    "groups": (lambda rows: AnalogConv2d(tree(), 3, 6, 3, groups=3, bias_rows=rows), IMAGES),
}


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("kind", LAYERS)
def test_functional_derivatives_are_those_of_backward(kind, rows):
    make, x = LAYERS[kind]
    layer = make(rows)
    parameters = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(parameters, x):
        return functional_call(layer, parameters, (x,)).square().sum()

    layer(x).square().sum().backward()
    want = {name: p.grad for name, p in layer.named_parameters()}
    whole = grad(loss)(parameters, x)
    each = vmap(grad(loss), in_dims=(None, 0))(parameters, x)
    for name, expected in want.items():
        torch.testing.assert_close(whole[name], expected)
        torch.testing.assert_close(each[name].sum(0), expected, rtol=1e-4, atol=1e-4)
    # Nothing of the calls stays behind.
    torch.testing.assert_close(layer(x), type(layer).to_torch(layer)(x))
    copy.deepcopy(layer).state_dict()


def slope(layer, parameters, x):
    """Square of the derivative by the input."""
    return grad(lambda x: functional_call(layer, parameters, (x,)).pow(3).sum())(x).square().sum()


@needs_devices
@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize(
    "stock",
    [nn.Linear(4, 3), nn.Conv2d(3, 6, 3, groups=3), nn.GRUCell(4, 3)],
    ids=["linear", "groups", "cell"],
)
def test_nested_functional_derivatives_are_those_of_the_stock_layer(stock, rows):
    x = (IMAGES if isinstance(stock, nn.Conv2d) else X).double()
    layer = from_torch(stock.double(), tree(ERRORS), rows, seed=0)
    physical = to_torch(layer, physical_weights=True)
    got, want = (
        (
            grad(lambda p, m=m: slope(m, p, x))(parameters),
            grad(lambda z, m=m, p=parameters: slope(m, p, z))(x),
            jacrev(jacrev(lambda z, m=m: m(z).pow(3).sum()))(x),
        )
        for m in (layer, physical)
        for parameters in [{name: p.detach() for name, p in m.named_parameters()}]
    )
    torch.testing.assert_close(got, want)


def test_derivatives_of_each_sample_of_a_cell_are_those_of_one_after_the_other():
    layer = from_torch(nn.GRUCell(4, 3), tree(), 1)
    parameters = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(parameters, x):
        return functional_call(layer, parameters, (x[None],)).square().sum()

    each = vmap(grad(loss), in_dims=(None, 0))(parameters, X)
    for i, x in enumerate(X):
        own = grad(loss)(parameters, x)
        torch.testing.assert_close({name: g[i] for name, g in each.items()}, own)


@needs_devices
@pytest.mark.parametrize("gradient", ["straight", "masked"])
@pytest.mark.parametrize(
    "settings",
    [EIGHT_BITS, EIGHT_BITS | {"core.rows_max": 2}, {"xbar.array.Icol_max": 0.3}],
    ids=["converters", "arrays", "lines"],
)
def test_mapping_and_derivatives_go_through_converters_and_lines_that_saturate(settings, gradient):
    options = LayerOptions(gradient=gradient)
    layer = from_torch(nn.Linear(4, 3), tree(settings), options=options)
    parameters = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(parameters, x):
        return functional_call(layer, parameters, (x,)).square().sum()

    torch.testing.assert_close(vmap(layer)(X), layer(X))
    layer(X).square().sum().backward()
    each = vmap(grad(loss), in_dims=(None, 0))(parameters, X)
    for name, p in layer.named_parameters():
        torch.testing.assert_close(each[name].sum(0), p.grad)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_mapped_layer_gives_what_the_layer_gives_for_the_batch(kind):
    make, x = LAYERS[kind]
    layer = make(1)
    torch.testing.assert_close(vmap(layer)(x), layer(x))


def test_a_freshly_edited_layer_may_first_be_read_within_a_mapping():
    layer = AnalogLinear(tree(), 4, 3)
    with torch.no_grad():
        layer.weight.mul_(2.0)
    mapped = vmap(layer)(X)
    torch.testing.assert_close(mapped, layer(X))
    layer(X).sum().backward()


def test_batches_of_weights_are_refused():
    layer = AnalogLinear(tree(), 4, 3)
    many = {name: torch.stack([p, p]) for name, p in layer.named_parameters()}
    with pytest.raises(UnsupportedError, match="vmap"):
        vmap(lambda parameters: functional_call(layer, parameters, (X,)))(many)
    torch.testing.assert_close(layer(X), type(layer).to_torch(layer)(X))
