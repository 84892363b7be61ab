"""An analog network is copied, pickled, saved and loaded with the chip it sits on."""

import copy
import io
import pickle

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, tree
from torch import nn

from crosssim_torch import analog_modules, from_torch

pytest.importorskip("crosssim_devices", reason="chips differ by the errors of that package")

X = torch.linspace(-1, 1, 2 * 3 * 6 * 6).reshape(2, 3, 6, 6)


def network():
    """A stock network with random weights and two layers to convert."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)
    ).eval()


def analog(stock=None, *, seed=1, bias_rows=1, **settings):
    params = tree(EIGHT_BITS, ERRORS, core__rows_max=20, **settings)
    return from_torch(stock or network(), params, bias_rows, seed=seed)


def chip(model):
    return {n: b.clone() for n, b in model.named_buffers() if "chip_" in n}


def assert_same_chip(one, other):
    assert one.keys() == other.keys()
    for name, buffer in one.items():
        assert torch.equal(buffer, other[name]), name


def by_pickle(model):
    return pickle.loads(pickle.dumps(model))


def by_torch_save(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = {"deepcopy": copy.deepcopy, "pickle": by_pickle, "torch.save": by_torch_save}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_the_same_chip_with_arrays_of_its_own(how):
    model = analog()
    want, before = model(X), chip(model)
    twin = COPIES[how](model)
    assert torch.equal(twin(X), want)
    assert_same_chip(chip(twin), before)
    with torch.no_grad():
        twin[0].weight.add_(1.0)
    assert not torch.equal(twin(X), want)
    assert torch.equal(model(X), want)
    assert_same_chip(chip(model), before)


@pytest.mark.parametrize("how", COPIES)
def test_the_next_chip_of_a_copy_is_the_next_chip_of_the_original(how):
    model = analog()
    twin = COPIES[how](model)
    for module in (*analog_modules(model), *analog_modules(twin)):
        module.reinitialize()
    assert_same_chip(chip(model), chip(twin))


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_a_layer_whose_weights_were_just_edited_is_programmed_before_it_is_read(how):
    model = analog()
    with torch.no_grad():
        model[4].weight.mul_(2.0)
    twin = COPIES[how](model)
    assert torch.equal(twin(X), model(X))
    torch.testing.assert_close(
        twin[4].get_core_weights()[0], twin[4].weight.detach(), rtol=0.3, atol=0.05
    )


def test_a_fresh_copy_programs_nothing():
    model = analog()
    twin = copy.deepcopy(model)
    buffers = [b for n, b in twin.named_buffers() if "chip_" in n]
    twin(X)
    assert all(
        one is other
        for one, other in zip(
            buffers, (b for n, b in twin.named_buffers() if "chip_" in n), strict=True
        )
    )


def test_a_checkpoint_brings_back_the_very_chip():
    model = analog(seed=1)
    want = model(X)
    other = analog(network(), seed=2)
    assert not torch.equal(other(X), want)
    result = other.load_state_dict(model.state_dict())
    assert not result.missing_keys
    assert not result.unexpected_keys
    assert_same_chip(chip(other), chip(model))
    assert torch.equal(other(X), want)
    assert_same_chip(chip(other), chip(model))


def test_a_checkpoint_travels_through_a_file_without_loss():
    model = analog(seed=1)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = analog(network(), seed=2)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(X), model(X))


def test_a_restored_chip_goes_on_as_the_saved_one_would():
    model, other = analog(seed=1), analog(network(), seed=2)
    other.load_state_dict(model.state_dict())
    for module in (*analog_modules(model), *analog_modules(other)):
        module.synchronize()
    assert_same_chip(chip(other), chip(model))
    for module in (*analog_modules(model), *analog_modules(other)):
        module.reinitialize()
    assert_same_chip(chip(other), chip(model))


def test_a_checkpoint_taken_after_an_edit_holds_the_edited_weights():
    model = analog()
    with torch.no_grad():
        model[4].weight.zero_()
    state = model.state_dict()
    other = analog(network(), seed=2)
    other.load_state_dict(state)
    assert torch.equal(other(X), model(X))
    assert other[4].get_core_weights()[0].abs().max() < 0.01


@pytest.mark.parametrize("assign", [False, True])
def test_a_stock_checkpoint_loads_strictly_and_is_programmed(assign):
    model, stock = analog(seed=1), network()
    before = chip(model)
    result = model.load_state_dict(stock.state_dict(), strict=True, assign=assign)
    assert not result.missing_keys
    assert not result.unexpected_keys
    for module, source in ((model[0], stock[0]), (model[4], stock[4])):
        weight, bias = module.get_core_weights()
        torch.testing.assert_close(weight, source.weight.detach(), rtol=0.4, atol=0.05)
        torch.testing.assert_close(bias, source.bias.detach(), rtol=0.4, atol=0.05)
    assert not torch.equal(chip(model)["0.chip_conductance_0"], before["0.chip_conductance_0"])


def test_a_stock_checkpoint_gives_the_same_chip_as_conversion_of_its_network():
    stock = network()
    ideal = from_torch(network(), tree(EIGHT_BITS), 1)
    ideal.load_state_dict(stock.state_dict())
    assert torch.equal(ideal(X), from_torch(stock, tree(EIGHT_BITS), 1)(X))


def test_a_checkpoint_of_one_layer_has_the_stock_names_and_the_chip():
    layer = analog()[4]
    names = layer.state_dict().keys()
    assert {"weight", "bias"} <= names
    assert all(n.startswith("chip_") for n in names - {"weight", "bias"})
    assert list(dict(layer.named_parameters())) == ["weight", "bias"]


def test_a_checkpoint_of_other_shapes_is_refused():
    model = analog()
    with pytest.raises(RuntimeError, match="size mismatch"):
        model.load_state_dict(nn.Sequential(nn.Conv2d(3, 5, 3)).state_dict(), strict=False)


def test_chips_move_with_the_module():
    model = analog().to("meta")
    assert all(b.device.type == "meta" for _, b in model.named_buffers())


def test_shared_memory_and_evaluation_flags_leave_the_chip_alone():
    model = analog()
    want = model(X)
    model.share_memory()
    assert torch.equal(model.train()[4](torch.ones(64)), model.eval()[4](torch.ones(64)))
    assert torch.equal(model(X), want)


def test_a_chip_drawn_from_the_torch_generator_is_restored_with_its_seed():
    torch.manual_seed(7)
    model = analog(seed=None)
    other = analog(seed=None)
    assert not torch.equal(model(X), other(X))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(X), model(X))
    for module in (*analog_modules(model), *analog_modules(other)):
        module.synchronize()
    assert_same_chip(chip(other), chip(model))
