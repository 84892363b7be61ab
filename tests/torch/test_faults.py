"""Faults of a chip stay with an analog layer while its weights change."""

import torch
from analog_settings import needs_devices, tree

from crosssim_torch import AnalogLinear

pytestmark = needs_devices

STUCK = {
    "xbar.device.infinite_on_off_ratio": True,
    "xbar.device.programming_error": {
        "enable": True,
        "model": "Chain",
        "models": [
            {"model": "NormalProportionalDevice", "magnitude": 0.01},
            {"model": "StuckCells", "cell_yield": 0.8, "share_at_gmax": 0.0},
        ],
    },
}


def stuck(layer):
    """Which cells hold nothing, though every weight is positive."""
    return layer.get_matrix() == 0


def layer(seed):
    torch.manual_seed(0)
    stock = torch.nn.Linear(20, 10, bias=False)
    torch.nn.init.uniform_(stock.weight, 0.2, 1.0)
    return AnalogLinear.from_torch(stock, tree(STUCK), seed=seed)


def test_new_weights_meet_the_same_stuck_cells():
    analog = layer(seed=1)
    before, matrix = stuck(analog), analog.get_matrix()
    assert 0 < before.sum() < before.numel()
    with torch.no_grad():
        analog.weight.mul_(0.5)
    assert torch.equal(stuck(analog), before)
    analog.synchronize()
    assert torch.equal(stuck(analog), before)
    assert not torch.equal(analog.get_matrix(), 0.5 * matrix)


def test_another_chip_has_others():
    analog = layer(seed=1)
    before = stuck(analog)
    assert not torch.equal(stuck(layer(seed=2)), before)
    analog.reinitialize()
    assert not torch.equal(stuck(analog), before)


def test_a_saved_chip_keeps_its_faults_when_it_is_programmed_again():
    analog = layer(seed=1)
    other = layer(seed=2)
    other.load_state_dict(analog.state_dict())
    other.synchronize()
    assert torch.equal(stuck(other), stuck(analog))
