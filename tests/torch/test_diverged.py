"""A network that has diverged says so; it never goes on with finite outputs."""

import pytest
import torch
from analog_settings import tree
from torch import nn

from crosssim_core.errors import ParameterError
from crosssim_torch import from_torch

LIMITS = [
    {"percentile": 1.0},
    {"percentile": 0.9},
    {"percentile": None, "min": -1.0, "max": 1.0},
]
STYLES = [
    {},
    {"core__style": "OFFSET"},
    {"core__style": "BITSLICED", "core__weight_bits": 8},
]


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", [lambda: nn.Linear(3, 2), lambda: nn.Conv1d(3, 2, 1)])
def test_a_weight_that_is_not_a_number_ends_the_forward_and_leaves_the_chip(make, style, limits):
    stock = make()
    layer = from_torch(stock, tree(core__mapping__weights=limits, **style))
    x = torch.ones(3, 1) if isinstance(stock, nn.Conv1d) else torch.ones(3)
    before, chip = layer(x), {k: v.clone() for k, v in layer.named_buffers()}
    with torch.no_grad():
        layer.weight.view(-1)[1] = torch.nan
    with pytest.raises(ParameterError, match=r"1 of the 6 values .*NaN.* diverged"):
        layer(x)
    with pytest.raises(ParameterError, match=r"NaN"):
        layer.reinitialize()
    assert all(torch.equal(v, chip[k]) for k, v in layer.named_buffers())
    layer.load_state_dict(stock.state_dict())
    torch.testing.assert_close(layer(x), before)


def test_a_network_with_weights_that_are_not_numbers_is_not_converted():
    stock = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    nn.init.constant_(stock[1].weight, torch.nan)
    with pytest.raises(ParameterError, match=r"^1 \(Linear\): core.mapping.weights: 4 of the 4"):
        from_torch(stock, tree())


def test_a_bias_that_is_not_a_number_counts_where_it_is_held():
    stock = nn.Linear(3, 2)
    nn.init.constant_(stock.bias, torch.nan)
    with pytest.raises(ParameterError, match=r"4 of the 10 values"):
        from_torch(stock, tree(), 2)
    assert from_torch(stock, tree())(torch.ones(3)).isnan().all()
