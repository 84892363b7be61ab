"""Layers run in the data type they are given; arithmetic is float32 at least."""

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from torch import nn

from crosssim_torch import AnalogConv2d, AnalogLinear, from_torch

X = torch.linspace(-1, 1, 2 * 3 * 5 * 5).reshape(2, 3, 5, 5)
HALVES = [torch.float16, torch.bfloat16]
TYPES = [torch.float64, torch.float32, *HALVES]


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5))


def held(model):
    return {n: b.clone() for n, b in model.named_buffers()}


def arrays(model):
    """The chip, but for the fingerprint of the weights: those are rounded by a cast."""
    return {n: b for n, b in held(model).items() if not n.endswith("identity")}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("bias_rows", [0, 3])
def test_outputs_and_derivatives_have_the_type_of_the_layer(dtype, bias_rows):
    stock = network().to(dtype)
    model = from_torch(stock, tree(), bias_rows)
    x = X.to(dtype, copy=True).requires_grad_()
    y = model(x)
    assert y.dtype is dtype
    y.sum().backward()
    assert x.grad.dtype is dtype
    assert all(p.grad.dtype is dtype for p in model.parameters())
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(y, stock(X.to(dtype)), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_half_precision_layers_compute_in_float32(dtype, kind):
    stock = (nn.Linear(5, 4) if kind == "linear" else nn.Conv2d(3, 4, 3)).to(dtype)
    low = from_torch(stock, tree())
    high = from_torch(type(stock).float(stock), tree())
    x = X.to(dtype)
    assert torch.equal(low(x), high(x.float()).to(dtype))
    assert all(b.dtype is torch.float32 for n, b in low.named_buffers() if "conductance" in n)


@pytest.mark.parametrize("cast", ["half", "bfloat16", "float"])
@needs_devices
def test_casting_a_network_down_keeps_its_chip(cast):
    model = from_torch(network(), tree(EIGHT_BITS, ERRORS), 1, seed=0)
    before, want = arrays(model), model(X)
    getattr(model, cast)()
    dtype = model[0].weight.dtype
    y = model(X.to(dtype))
    assert y.dtype is dtype
    assert_same(arrays(model), before)
    # Beyond the rounding of activations: one code of the last ADC.
    assert (y.float() - want).abs().max() < 0.2
    y.sum().backward()
    assert model[3].weight.grad.dtype is dtype
    assert_same(arrays(model.float()), before)


@needs_devices
def test_casting_to_float64_keeps_the_chip_and_gains_precision():
    stock = network()
    model = from_torch(stock, tree(ERRORS), 1, seed=0)
    before = held(model)
    model.double()
    for name, buffer in held(model).items():
        torch.testing.assert_close(buffer.float(), before[name].float(), rtol=1e-6, atol=1e-6)
    fresh = from_torch(stock.double(), tree(ERRORS), 1, seed=0)
    assert_same(held(model), held(fresh))


def test_a_float64_layer_is_exact_to_its_own_rounding():
    layer = from_torch(nn.Linear(40, 30).double(), tree(), 2)
    x = torch.rand(7, 40, dtype=torch.float64)
    want = nn.functional.linear(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("weight", TYPES)
@pytest.mark.parametrize("data", TYPES)
def test_mixed_types_promote(weight, data):
    layer = AnalogLinear(tree(), 5, 4, dtype=weight, bias_rows=1)
    x = X.to(data, copy=True).requires_grad_()
    y = layer(x)
    assert y.dtype is torch.promote_types(weight, data)
    y.sum().backward()
    assert x.grad.dtype is data
    assert layer.weight.grad.dtype is weight


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ["linear", "conv"])
@pytest.mark.parametrize("literal", [False, True])
def test_under_autocast_arithmetic_stays_float32_and_the_output_has_the_type_of_autocast(
    dtype, kind, literal
):
    stock = nn.Linear(5, 4) if kind == "linear" else nn.Conv2d(3, 4, 3)
    layer = from_torch(stock, tree(simulation__literal=literal), 1)
    want = layer(X)
    x = X.clone().requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        y = layer(x)
        assert y.dtype is dtype
        assert torch.equal(y, want.to(dtype))
        assert layer(X.to(dtype)).dtype is dtype
    y.sum().backward()
    assert x.grad.dtype is torch.float32
    assert layer.weight.grad.dtype is torch.float32


def test_a_network_under_autocast_is_close_to_itself_without():
    model = from_torch(network(), tree(), 1)
    want = model(X)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = model(X)
        y.sum().backward()
    torch.testing.assert_close(y.float(), want, rtol=0.02, atol=0.02)


def test_weights_edited_under_autocast_are_programmed_in_full_precision():
    layer = AnalogLinear(tree(), 5, 4, bias_rows=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.no_grad():
            layer.weight.mul_(1.1)
        layer(X)
    torch.testing.assert_close(layer.get_core_weights()[0], layer.weight.detach())


def test_the_type_can_be_given_at_construction():
    layer = AnalogConv2d(tree(), 3, 4, 3, dtype=torch.bfloat16, bias_rows=1)
    assert layer(X.bfloat16()).dtype is torch.bfloat16


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_to_torch_gives_the_type_that_is_asked_for(dtype):
    layer = AnalogLinear(tree(), 5, 4)
    assert AnalogLinear.to_torch(layer, dtype=dtype).weight.dtype is dtype
    assert AnalogLinear.to_torch(layer).weight.dtype is torch.float32
