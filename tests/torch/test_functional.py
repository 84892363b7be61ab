"""Analog layers under ``torch.func``."""

import copy

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from torch import nn
from torch.autograd import forward_ad
from torch.func import (
    functional_call,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vmap,
)

from crosssim_core.errors import UnsupportedError
from crosssim_torch import AnalogConv2d, AnalogLinear, LayerOptions, from_torch, to_torch

# What PyTorch says of its own forward mode.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

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


def small(dtype=torch.float64):
    stock = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).to(dtype)
    return stock, from_torch(stock, tree(), 1)


FORWARD = {
    "jacobian": lambda m, x, p: jacfwd(m)(x),
    "of parameters": lambda m, x, p: jacfwd(lambda p: functional_call(m, p, (x,)))(p),
    "hessian": lambda m, x, p: hessian(lambda x: m(x).pow(3).sum())(x),
    "hessian of parameters": lambda m, x, p: hessian(
        lambda p: functional_call(m, p, (x,)).pow(3).sum()
    )(p),
    "backward of forward": lambda m, x, p: jacrev(jacfwd(m))(x),
    "mapped": lambda m, x, p: vmap(jacfwd(lambda x: m(x[None])[0]))(x),
}


@pytest.mark.parametrize("what", FORWARD)
def test_forward_mode_of_a_network_is_that_of_the_stock_network(what):
    stock, analog = small()
    parameters = {name: p.detach() for name, p in stock.named_parameters()}
    got, want = (FORWARD[what](m, X.double(), parameters) for m in (analog, stock))
    torch.testing.assert_close(got, want)


@needs_devices
@pytest.mark.parametrize("gradient", ["straight", "masked"])
def test_forward_mode_goes_through_converters_and_errors_as_backward_does(gradient):
    settings = EIGHT_BITS | {"xbar.adc.mvm.calibrated_range": [-0.3, 0.3]}
    options = LayerOptions(gradient=gradient)
    layer = from_torch(nn.Linear(4, 3), tree(settings, ERRORS), seed=0, options=options)
    torch.testing.assert_close(jacfwd(layer)(X), jacrev(layer)(X))
    y, _ = jvp(layer, (X,), (X,))
    assert torch.equal(y, layer(X))


def test_dual_tensors_carry_derivatives_and_may_be_edited_in_place():
    stock, analog = small()
    x, got = X.double(), []
    for model in (analog, stock):
        with forward_ad.dual_level():
            y = model(forward_ad.make_dual(x, x)).mul_(2.0)
            got.append(forward_ad.unpack_dual(y).tangent)
    torch.testing.assert_close(*got)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_derivatives_of_forward_mode_have_the_type_of_the_output(dtype):
    _, analog = small(dtype)
    x = X.to(dtype)
    y, tangent = jvp(analog, (x,), (x,))
    assert y.dtype is tangent.dtype is dtype
    with torch.autocast("cpu", torch.bfloat16):
        y, tangent = jvp(analog, (x,), (x,))
    assert y.dtype is tangent.dtype is torch.bfloat16


def test_forward_mode_of_forward_mode_is_refused():
    """PyTorch would take the inner derivatives for constants, without a word."""
    _, analog = small()
    with pytest.raises(UnsupportedError, match="hessian"):
        jacfwd(jacfwd(analog))(X.double())


@pytest.mark.parametrize("which", [(0, 1), (0,), (1,)])
@pytest.mark.parametrize("read", [False, True])
def test_batches_of_layers_are_refused(which, read):
    layers = [AnalogLinear(tree(), 4, 3) for _ in range(2)]
    if read:
        layers[0](X)
    state = stack_module_state(layers)
    chosen = tuple(state[i] for i in which)
    with pytest.raises(UnsupportedError, match="vmap"):
        vmap(lambda *parts: functional_call(layers[0], parts, (X,)))(*chosen)
    torch.testing.assert_close(layers[0](X), to_torch(layers[0])(X))


def test_batches_of_weights_are_refused():
    layer = AnalogLinear(tree(), 4, 3)
    many = {name: torch.stack([p, p]) for name, p in layer.named_parameters()}
    with pytest.raises(UnsupportedError, match="vmap"):
        vmap(lambda parameters: functional_call(layer, parameters, (X,)))(many)
    torch.testing.assert_close(layer(X), type(layer).to_torch(layer)(X))
