"""Convolutions heed the geometry that they have now, as stock ones do."""

import pytest
import torch
from analog_settings import EIGHT_BITS, needs_devices, tree
from torch import nn

from crosssim_core.errors import ParameterError
from crosssim_torch import LayerOptions, from_torch, to_torch

X = torch.linspace(-1, 1, 2 * 2 * 9 * 8).reshape(2, 2, 9, 8)
CHANGES = [
    {"padding": (1, 2)},
    {"padding": 1},
    {"stride": 2},
    {"stride": (2, 1), "padding": (0, 1)},
    {"dilation": 2},
    {"dilation": (2, 1), "padding": (2, 1)},
]
PAIRS = [change for change in CHANGES if change != {"padding": 1}]
NAMED = [
    {"padding": "same"},
    {"padding": "same", "dilation": 2},
    {"padding": "valid"},
    {"padding": [2]},
    {"stride": (2,)},
]


def changed(layer, change):
    for name, value in change.items():
        setattr(layer, name, value)
    return layer


def check(stock, change, x, **how):
    """The change counts before conversion, after it, and after reads; and on the way back."""
    analog = from_torch(stock, tree(), **how)
    with torch.no_grad():
        analog(x)
        changed(analog, change)
        changed(stock, change)
        want = stock(x)
        for layer in (analog, from_torch(stock, tree(), **how), to_torch(analog)):
            torch.testing.assert_close(layer(x), want, rtol=1e-5, atol=1e-5)
    leaf = x.clone().requires_grad_()
    analog(leaf).sum().backward()
    got, leaf.grad = leaf.grad, None
    stock(leaf).sum().backward()
    torch.testing.assert_close(got, leaf.grad, rtol=1e-5, atol=1e-5)


CASES = [
    (change, mode, before)
    for change in CHANGES + NAMED
    for mode in ("zeros", "circular", "reflect")
    for before in (0, (2, 1), "same")
    # Stock refuses this one.
    if mode != "zeros" or before != "same" or "stride" not in change or "padding" in change
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("change", "mode", "before"), CASES, ids=str)
def test_a_convolution_heeds_the_geometry_it_has_now(change, mode, before):
    check(nn.Conv2d(2, 4, (3, 2), padding=before, padding_mode=mode), change, X)


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("groups", ["dense", "packed"])
def test_a_grouped_convolution_heeds_the_geometry_it_has_now(change, groups):
    stock = nn.Conv2d(2, 4, 3, groups=2)
    check(stock, change, X, bias_rows=1, options=LayerOptions(groups=groups))


@pytest.mark.parametrize("change", [*PAIRS, {"output_padding": 1, "stride": 2}], ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_heeds_the_geometry_it_has_now(change, groups):
    check(nn.ConvTranspose2d(2, 4, 3, groups=groups), change, X)


@needs_devices
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_literal_chain_heeds_the_geometry_too(change):
    stock = nn.Conv2d(2, 4, 3)
    outputs = []
    for literal in (False, True):
        params = tree(EIGHT_BITS, {"simulation.literal": literal})
        analog = from_torch(stock, params, 1)
        with torch.no_grad():
            outputs.append(changed(analog, change)(X))
    torch.testing.assert_close(*outputs)


@pytest.mark.parametrize("change", [{"padding": "same", "stride": 2}, {"padding": "some"}])
def test_padding_that_stock_refuses_is_refused(change):
    analog = from_torch(nn.Conv2d(2, 4, 3), tree())
    changed(analog, change)
    with pytest.raises(ParameterError, match="padding"):
        analog(X)
    with pytest.raises(ParameterError, match="padding"):
        from_torch(changed(nn.Conv2d(2, 4, 3), change), tree())
