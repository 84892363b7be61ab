"""Defects of CrossSim 3.2 in layers, and what PyTorch does to them, beside the other files."""

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from torch import nn
from torch.nn.utils import parametrizations, prune

from crosssim_core.errors import DeviceUnavailableError
from crosssim_torch import (
    AnalogConv2d,
    AnalogGRU,
    AnalogLinear,
    AnalogLSTM,
    AnalogRNNCell,
    analog_modules,
    from_torch,
    reinitialize,
    synchronize,
    to_torch,
)

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

X = torch.linspace(-1, 1, 12).reshape(3, 4)


@needs_devices
def test_s02_errors_do_not_pile_up_however_often_weights_are_assigned():
    """Mean spreads of 24 weights over 100 draws each; a false alarm needs 8 standard deviations."""
    params = tree(ERRORS, core__rows_max=3)
    cell, found = AnalogRNNCell(params, 2, 4, bias=False, seed=0), []
    for number in range(200):
        cell.weight_ih = nn.Parameter(torch.full((4, 2), 1.0 + number % 2 / 100))
        found.append(cell.get_matrix() - cell.form_matrix())
    errors = torch.stack(found)
    # What piles up is larger in the second half.
    early, late = errors[:100].std(0).mean(), errors[100:].std(0).mean()
    assert (late / early - 1).abs() < 0.2
    assert errors.abs().max() < 8 * 0.05 * cell.form_matrix().abs().max()


@needs_devices
@pytest.mark.parametrize("per_vector", [False, True])
@pytest.mark.parametrize("bias_rows", [0, 1])
def test_s09_ranges_that_follow_the_data_take_empty_batches_and_images(per_vector, bias_rows):
    params = tree(
        EIGHT_BITS,
        core__mapping__inputs__mvm__percentile=1.0,
        core__mapping__inputs__mvm__per_vector=per_vector,
    )
    linear = AnalogLinear(params, 4, 3, bias_rows=bias_rows)
    conv = AnalogConv2d(params, 3, 2, 3, bias_rows=bias_rows)
    assert linear(torch.zeros(0, 4)).shape == (0, 3)
    assert linear(torch.zeros(2, 0, 4)).shape == (2, 0, 3)
    assert conv(torch.zeros(0, 3, 5, 5)).shape == (0, 2, 3, 3)
    assert conv(torch.ones(2, 3, 5, 5)).isfinite().all()


@pytest.mark.parametrize(("x_par", "y_par"), [(1, 3), (2, 1), (5, 7)])
def test_s15_packing_of_windows_is_accepted_and_changes_nothing(x_par, y_par):
    stock, x = nn.Conv2d(2, 3, 3, stride=2, padding=1), torch.randn(2, 2, 7, 6)
    params = tree(
        simulation__convolution__x_par=x_par,
        simulation__convolution__y_par=y_par,
        simulation__disable_fast_matmul=True,
    )
    plain = from_torch(stock, tree(), 1)
    assert torch.equal(from_torch(stock, params, 1)(x), plain(x))


@pytest.mark.parametrize("shape", [(0, 4), (2, 0, 4), (0, 0, 4)])
def test_s27_empty_inputs_of_several_axes_have_outputs_and_derivatives(shape):
    layer, x = AnalogLinear(tree(), 4, 3), torch.zeros(shape, requires_grad=True)
    layer(x).sum().backward()
    assert layer(x).shape == (*shape[:-1], 3)
    assert x.grad.shape == shape
    assert not layer.weight.grad.any()


@pytest.mark.parametrize("make", [AnalogLSTM, AnalogGRU])
def test_s04_dropout_between_layers_acts_in_training_alone(make):
    stacked, x = make(tree(), 4, 3, 2, dropout=0.5), torch.randn(5, 2, 4)
    assert not torch.equal(stacked(x)[0], stacked(x)[0])
    stacked.eval()
    assert torch.equal(stacked(x)[0], stacked(x)[0])


def written(layer):
    """How often a layer was programmed."""
    return layer.chip_identity[3].item()


HOOKS = {
    "prune": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "weight_norm": nn.utils.weight_norm,
    "spectral_norm": nn.utils.spectral_norm,
    "parametrized weight_norm": parametrizations.weight_norm,
    "parametrized spectral_norm": parametrizations.spectral_norm,
    "parametrized orthogonal": parametrizations.orthogonal,
}


@needs_devices
@pytest.mark.parametrize("how", HOOKS)
def test_s22_computed_weights_of_an_analog_layer_are_programmed_when_they_change(how):
    torch.manual_seed(0)
    model = nn.Sequential(AnalogLinear(tree(ERRORS), 4, 3, seed=0)).eval()
    HOOKS[how](model[0])
    model(X)
    count = written(model[0])
    assert torch.equal(model(X), model(X))
    assert written(model[0]) == count
    assert analog_modules(model) == [model[0]]
    model(X).square().sum().backward()
    torch.optim.SGD(model.parameters(), lr=0.5).step()
    model(X)
    assert written(model[0]) == count + 1
    for renew in (synchronize, reinitialize):
        renew(model)
        physical = to_torch(model, physical_weights=True)
        torch.testing.assert_close(physical(X), model(X))
        assert not torch.equal(model[0].get_matrix(), model[0].form_matrix())


def test_layers_made_in_a_context_of_the_meta_device_say_what_they_need():
    with torch.device("meta"), pytest.raises(DeviceUnavailableError, match="to_empty"):
        AnalogLinear(tree(), 4, 3)
