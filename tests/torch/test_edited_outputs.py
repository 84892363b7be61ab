"""Outputs may be edited in place, as those of stock layers may."""

from contextlib import nullcontext

import pytest
import torch
from analog_settings import EIGHT_BITS, needs_devices, tree
from torch import nn
from torch.utils.checkpoint import checkpoint

from crosssim_torch import LayerOptions, from_torch

IMAGES = torch.linspace(-1, 1, 2 * 4 * 5 * 5).reshape(2, 4, 5, 5)
ROWS = torch.linspace(-1, 1, 2 * 3 * 4).reshape(2, 3, 4)
KINDS = {
    "vector": (nn.Linear(4, 4), ROWS[0, 0]),
    "rows": (nn.Linear(4, 4), ROWS[0]),
    "sequences": (nn.Linear(4, 4), ROWS),
    "images": (nn.Conv2d(4, 4, 3), IMAGES),
    "line": (nn.Conv1d(4, 4, 3, padding=1), IMAGES[..., 0]),
    "volume": (nn.Conv3d(4, 4, 1), IMAGES[..., None]),
    "groups": (nn.Conv2d(4, 6, 3, groups=2), IMAGES),
    "depthwise": (nn.Conv2d(4, 4, 3, groups=4), IMAGES),
    "image": (nn.Conv2d(4, 4, 3), IMAGES[0]),
    "transposed": (nn.ConvTranspose2d(4, 4, 3), IMAGES),
    "transposed groups": (nn.ConvTranspose2d(4, 4, 3, groups=2), IMAGES),
    "attention": (nn.MultiheadAttention(4, 2, batch_first=True), ROWS),
    "times first": (nn.MultiheadAttention(4, 2), ROWS),
    "lstm cell": (nn.LSTMCell(4, 4), ROWS[0]),
    "gru cell": (nn.GRUCell(4, 4), ROWS[0]),
    "recurrent": (nn.RNN(4, 4, batch_first=True), ROWS),
    "lstm": (nn.LSTM(4, 4), ROWS),
    "projections": (nn.LSTM(4, 4, proj_size=2, bidirectional=True), ROWS),
    "gru": (nn.GRU(4, 4), ROWS[0]),
}
"""Not the tanh cell, whose derivatives need its output as it was, in stock layers too."""

CONVERTERS = EIGHT_BITS | {"xbar.adc.mvm.calibrated_range": [-0.3, 0.3]}


def output(layer, x):
    y = layer(x, x, x) if isinstance(layer, nn.MultiheadAttention) else layer(x)
    return y[0] if isinstance(y, tuple) else y


def edited(layer, x):
    more = torch.linspace(-0.5, 1, 4).requires_grad_()[0]
    return output(layer, x).add_(more).relu_()


def edited_apart(layer, x):
    more = torch.linspace(-0.5, 1, 4).requires_grad_()[0]
    return (output(layer, x) + more).relu()


def derivatives(act, layer, x):
    layer.zero_grad()
    x = x.clone().requires_grad_()
    y = act(layer, x)
    y.square().sum().backward()
    return [y.detach(), x.grad, *(p.grad.clone() for p in layer.parameters())]


@pytest.mark.parametrize("gradient", ["straight", "masked"])
@pytest.mark.parametrize("groups", ["dense", "packed"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_outputs_edited_in_place_have_the_derivatives_of_the_stock_layer(kind, groups, gradient):
    stock, x = KINDS[kind]
    layer = from_torch(stock, tree(), options=LayerOptions(groups=groups, gradient=gradient))
    got, want = derivatives(edited, layer, x), derivatives(edited_apart, stock, x)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


@needs_devices
@pytest.mark.parametrize("gradient", ["straight", "masked"])
@pytest.mark.parametrize("how", ["plainly", "autocast", "checkpoint", "literally", "arrays"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_of_converters_are_edited_in_place_as_apart(kind, how, gradient):
    stock, x = KINDS[kind]
    further = {"literally": {"simulation.literal": True}, "arrays": {"core.rows_max": 3}}
    params = tree(CONVERTERS, further.get(how, {}))
    layer = from_torch(stock, params, 1, options=LayerOptions(gradient=gradient))
    half = torch.autocast("cpu", torch.bfloat16) if how == "autocast" else nullcontext()

    def act(which):
        def run(layer, x):
            with half:
                if how == "checkpoint":
                    return checkpoint(which, layer, x, use_reentrant=False)
                return which(layer, x)

        return run

    got, want = (derivatives(act(which), layer, x) for which in (edited, edited_apart))
    assert all(map(torch.equal, got, want))


@pytest.mark.parametrize("kind", ["rows", "sequences", "images", "depthwise", "transposed"])
def test_an_output_made_without_derivatives_may_be_edited_where_they_are_recorded(kind):
    stock, x = KINDS[kind]
    layer = from_torch(stock, tree())
    more = torch.ones((), requires_grad=True)
    for _ in range(2):
        with torch.no_grad():
            y = layer(x)
        y.add_(more).sum().backward()
    assert more.grad == 2 * y.numel()


def test_a_residual_is_added_in_place():
    layer = from_torch(nn.Linear(4, 4), tree())
    x = ROWS.clone().requires_grad_()
    y = layer(x)
    y += x
    y.sum().backward()
    want = 1 + layer.weight.detach().sum(0).expand_as(x)
    torch.testing.assert_close(x.grad, want)
    assert torch.equal(x.detach(), ROWS)
