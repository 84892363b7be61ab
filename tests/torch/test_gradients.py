"""When derivatives are there, and what they belong to."""

from contextlib import nullcontext

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from torch import nn

from crosssim_torch import AnalogConv1d, AnalogLinear, from_torch

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def test_evaluation_mode_has_the_derivatives_of_training_mode():
    layer = AnalogLinear(tree(), 4, 3, bias_rows=1, seed=0)
    gradients = []
    for train in (True, False):
        layer.train(train).zero_grad()
        x = X.clone().requires_grad_()
        layer(x).square().sum().backward()
        gradients.append((x.grad, layer.weight.grad.clone(), layer.bias.grad.clone()))
    assert all(map(torch.equal, *gradients))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_derivatives_the_output_is_the_same(mode):
    layer = AnalogLinear(tree(), 4, 3)
    want = layer(X)
    with mode():
        y = layer(X)
    assert torch.equal(y, want)
    assert not y.requires_grad


@pytest.mark.parametrize(
    "make", [lambda p: AnalogLinear(p, 4, 3), lambda p: AnalogConv1d(p, 3, 2, 2)]
)
@pytest.mark.parametrize("edit", [False, True])
def test_a_layer_first_read_in_inference_mode_can_be_trained_afterwards(make, edit):
    layer = make(tree())
    if edit:
        with torch.no_grad():
            layer.weight.mul_(2.0)
    with torch.inference_mode():
        want = layer(X)
    x = X.clone().requires_grad_()
    y = layer(x)
    assert torch.equal(y, want)
    y.sum().backward()
    assert x.grad is not None
    layer.load_state_dict(layer.state_dict())
    assert torch.equal(layer(X), want)


def test_a_network_converted_in_inference_mode_can_be_trained_afterwards():
    stock = nn.Linear(4, 3)
    with torch.no_grad():
        layer = from_torch(stock, tree())
    layer(X).sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize("frozen", ["weight", "bias"])
def test_frozen_parameters_get_no_derivative(frozen):
    layer = AnalogLinear(tree(), 4, 3, bias_rows=1)
    getattr(layer, frozen).requires_grad_(False)
    layer(X).sum().backward()
    assert {n for n, p in layer.named_parameters() if p.grad is None} == {frozen}


@pytest.mark.parametrize("first", [torch.no_grad, torch.inference_mode, None])
@pytest.mark.parametrize("stock", [nn.Linear(4, 4), nn.GRU(4, 4), nn.MultiheadAttention(4, 2)])
def test_a_read_without_derivatives_takes_none_from_later_ones(stock, first):
    """``first`` is how the layer is read first; with None its parameters are frozen then."""
    layer, x = from_torch(stock, tree()), torch.linspace(-1, 1, 24).reshape(3, 2, 4)
    given = (x, x, x) if isinstance(stock, nn.MultiheadAttention) else (x,)
    for _ in range(2):
        layer.requires_grad_(first is not None)
        with first() if first else nullcontext():
            layer(*given)
        layer.requires_grad_(True)
        layer.zero_grad()
        y = layer(*given)
        (y[0] if isinstance(y, tuple) else y).square().sum().backward()
        assert all(p.grad is not None for p in layer.parameters())


def test_an_input_that_asks_for_none_gets_none():
    layer = AnalogLinear(tree(), 4, 3)
    x = X.clone()
    layer(x).sum().backward()
    assert x.grad is None


@pytest.mark.parametrize(
    "make",
    [
        lambda p: AnalogLinear(p, 4, 3, dtype=torch.float64, bias_rows=1),
        lambda p: AnalogConv1d(p, 3, 2, 2, padding=1, dtype=torch.float64, bias_rows=1),
    ],
)
def test_derivatives_of_an_ideal_layer_are_those_of_finite_differences(make):
    layer = make(tree())
    assert torch.autograd.gradcheck(layer, X.double().requires_grad_())


@needs_devices
def test_a_layer_used_several_times_in_one_graph_sums_its_derivatives():
    layer = from_torch(nn.Linear(4, 4), tree(ERRORS), 1, seed=0)
    physical = type(layer).to_torch(layer, physical_weights=True)
    for module in (layer, physical):
        y = X
        for _ in range(3):
            y = module(y).tanh()
        y.sum().backward()
    torch.testing.assert_close(layer.weight.grad, physical.weight.grad)
    torch.testing.assert_close(layer.bias.grad, physical.bias.grad)


@needs_devices
def test_conversion_and_saturation_are_passed_straight_through():
    coarse = EIGHT_BITS | {
        "xbar.dac.mvm.bits": 2,
        "xbar.adc.mvm.bits": 2,
        "xbar.adc.mvm.calibrated_range": [-0.1, 0.1],
        "xbar.array.Icol_max": 0.05,
    }
    layer = from_torch(nn.Linear(4, 3), tree(coarse), 1)
    x = (5 * X).requires_grad_()
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, layer.get_core_weights()[0].sum(0).expand(3, 4))
    torch.testing.assert_close(layer.weight.grad, x.detach().sum(0).expand(3, 4))


def test_training_through_ideal_arrays_is_training():
    torch.manual_seed(0)
    stock = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    model = from_torch(stock, tree(), 1)
    losses = []
    for network in (stock, model):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            loss = (network(X) - X.sum(1, keepdim=True)).square().mean()
            loss.backward()
            optimizer.step()
        losses.append(loss.detach())
    torch.testing.assert_close(*losses)
    for one, other in zip(stock.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_checkpointing_of_activations_gives_the_same_derivatives():
    from torch.utils.checkpoint import checkpoint

    layer = AnalogLinear(tree(), 4, 3)
    x = X.clone().requires_grad_()
    checkpoint(layer, x, use_reentrant=False).sum().backward()
    want = layer.weight.detach().sum(0).expand(3, 4)
    torch.testing.assert_close(x.grad, want)


def test_inputs_are_left_as_they_are_and_outputs_may_be_edited_in_place():
    layer = AnalogLinear(tree(), 4, 3)
    x = X.clone().requires_grad_()
    y = layer(x)
    y.mul_(2.0).relu_()
    y.sum().backward()
    assert torch.equal(x.detach(), X)


def penalties(layer, x):
    """Derivatives of the square of a derivative by the input."""
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(layer(x).pow(3).sum(), x, create_graph=True)
    return torch.autograd.grad(slope.square().sum(), (x, *layer.parameters()))


@needs_devices
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("bias_rows", [0, 1])
@pytest.mark.parametrize(
    ("stock", "shape"),
    [
        (nn.Linear(4, 3), (5, 4)),
        (nn.Conv1d(2, 4, 3, padding=1, groups=2), (5, 2, 6)),
        (nn.Conv1d(2, 4, 2, padding="same"), (5, 2, 6)),
        (nn.ConvTranspose1d(2, 4, 3, 2), (5, 2, 6)),
    ],
    ids=["linear", "groups", "uneven", "transposed"],
)
def test_second_derivatives_are_those_of_the_stock_layer_with_the_programmed_weights(
    stock, shape, bias_rows
):
    analog = from_torch(stock.double(), tree(ERRORS), bias_rows, seed=0)
    physical = type(analog).to_torch(analog, physical_weights=True)
    x = torch.linspace(-1, 1, torch.Size(shape).numel(), dtype=torch.float64).reshape(shape)
    torch.testing.assert_close(penalties(analog, x), penalties(physical, x))
