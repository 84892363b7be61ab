"""What a layer keeps ready for its next read is dropped whenever something about it changes."""

import copy

import pytest
import torch
from analog_settings import EIGHT_BITS, needs_devices, tree
from torch import nn

from crosssim_torch import AnalogConv2d, AnalogLinear, LayerOptions, from_torch
from crosssim_torch.forward import Operands

X = torch.rand(2, 4, 6, 6)


def convolution(**named):
    layer = AnalogConv2d(tree(), 4, 3, 3, **named)
    with torch.no_grad():
        layer(X)
    return layer


def stock_result(layer, x=X):
    with torch.no_grad():
        return type(layer).to_torch(layer)(x)


def edit_in_place(layer):
    layer.weight.mul_(2.0)


def replace_the_weight(layer):
    layer.weight = nn.Parameter(torch.rand_like(layer.weight))


def replace_the_data(layer):
    layer.weight.data = torch.rand_like(layer.weight)


def replace_the_digital_bias(layer):
    layer.bias = nn.Parameter(torch.rand(3))


def edit_the_digital_bias(layer):
    layer.bias.add_(1.0)


def edit_the_data_of_the_digital_bias(layer):
    layer.bias.data.add_(1.0)


def replace_the_data_of_the_digital_bias(layer):
    layer.bias.data = torch.rand(3)


def load_a_checkpoint(layer):
    layer.load_state_dict(nn.Conv2d(4, 3, 3).state_dict())


def load_a_chip(layer):
    layer.load_state_dict(AnalogConv2d(tree(), 4, 3, 3).state_dict())


def stride(layer):
    layer.stride = (2, 2)


def bias_rows(layer):
    layer.bias_rows = 2


def params(layer):
    layer.params = tree(core__rows_max=5)


def options(layer):
    layer.options = LayerOptions(synchronization="manual")


@pytest.mark.parametrize(
    "change",
    [
        edit_in_place,
        replace_the_weight,
        replace_the_data,
        replace_the_digital_bias,
        edit_the_digital_bias,
        edit_the_data_of_the_digital_bias,
        replace_the_data_of_the_digital_bias,
        load_a_checkpoint,
        load_a_chip,
        stride,
        bias_rows,
        params,
        options,
        lambda layer: layer.double().float(),
        lambda layer: layer.reinitialize(),
    ],
)
def test_a_change_counts_at_the_next_read(change):
    layer = convolution()
    with torch.no_grad():
        change(layer)
        got = layer(X)
    torch.testing.assert_close(got, stock_result(layer), rtol=0, atol=1e-5)


LAYERS = {
    "linear": (nn.Linear, (4, 3), torch.rand(2, 4)),
    "convolution": (nn.Conv2d, (4, 3, 3), X),
    "transposed convolution": (nn.ConvTranspose2d, (4, 3, 3), X),
}


def load_a_stock_checkpoint(layer):
    layer.load_state_dict(stock_of(layer).state_dict())


def load_weights_alone(layer):
    layer.load_state_dict({"weight": stock_of(layer).weight}, strict=False)


def load_with_assign(layer):
    layer.load_state_dict(stock_of(layer).state_dict(), assign=True)


def load_an_analog_checkpoint(layer):
    layer.load_state_dict(type(layer).from_torch(stock_of(layer), tree()).state_dict())


def stock_of(layer):
    kind, sizes, _ = next(of for of in LAYERS.values() if of[0] is layer.stock_class)
    return kind(*sizes)


def assign_the_digital_bias(layer):
    layer.bias = nn.Parameter(torch.rand_like(layer.bias))


@pytest.mark.parametrize("bias_rows", [0, 1])
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    "change",
    [
        replace_the_weight,
        assign_the_digital_bias,
        load_a_stock_checkpoint,
        load_weights_alone,
        load_with_assign,
        load_an_analog_checkpoint,
        params,
        lambda layer: layer.double().float(),
        lambda layer: layer.reinitialize(),
        lambda layer: (edit_in_place(layer), layer.synchronize()),
        lambda layer: (replace_the_data(layer), layer.synchronize()),
    ],
)
def test_with_manual_synchronization_all_but_edits_in_place_count_at_the_next_read(
    layer, change, bias_rows
):
    kind, sizes, x = LAYERS[layer]
    manual = LayerOptions(synchronization="manual")
    analog = from_torch(kind(*sizes), tree(), bias_rows, options=manual)
    with torch.no_grad():
        analog(x)
        change(analog)
        got = analog(x)
        want = kind(*sizes)
        want.load_state_dict(dict(analog.named_parameters()))
        torch.testing.assert_close(got, want(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
def test_with_manual_synchronization_edits_in_place_wait(layer):
    kind, sizes, x = LAYERS[layer]
    analog = from_torch(kind(*sizes), tree(), 1, options=LayerOptions(synchronization="manual"))
    with torch.no_grad():
        before = analog(x)
        edit_in_place(analog)
        assert torch.equal(analog(x), before)


@pytest.mark.parametrize(
    "x",
    [X[:1], X[0], X[..., :4], X.double(), X.contiguous(memory_format=torch.channels_last), X[:0]],
    ids=["shorter", "unbatched", "narrower", "exact", "channels last", "empty"],
)
def test_what_a_layer_has_learned_of_some_data_does_not_harm_others(x):
    layer = convolution(bias=True)
    with torch.no_grad():
        for _ in range(3):
            got = layer(x)
            want = stock_result(layer, x.to(layer.weight.dtype))
            torch.testing.assert_close(got, want, rtol=0, atol=1e-5, check_dtype=False)
            assert got.is_contiguous()
            torch.testing.assert_close(layer(X), stock_result(layer), rtol=0, atol=1e-5)


def test_copies_and_pickled_layers_get_nothing_ready_from_the_original():
    layer = convolution()
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        twin.weight.zero_()
        got = twin(X)
        torch.testing.assert_close(got, stock_result(twin), rtol=0, atol=1e-5)
        torch.testing.assert_close(layer(X), stock_result(layer), rtol=0, atol=1e-5)


def test_a_read_without_derivatives_leaves_nothing_behind_for_one_with_them():
    layer, x = AnalogLinear(tree(), 4, 3), torch.rand(2, 4, requires_grad=True)
    with torch.no_grad():
        layer(x)
    with torch.inference_mode():
        layer(x)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, layer.weight.detach().sum(0).expand(2, 4))
    torch.testing.assert_close(layer.weight.grad, x.detach().sum(0).expand(3, 4))


def test_shapes_that_do_not_fit_are_refused_again_and_again():
    layer = convolution()
    for _ in range(2):
        with pytest.raises(ValueError, match="4 channels"):
            layer(torch.rand(2, 5, 6, 6))


@needs_devices
@pytest.mark.parametrize("draws", ["noise", "stochastic rounding", "both"])
@pytest.mark.parametrize("converts", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_what_reads_draw_does_not_depend_on_how_they_go(draws, converts, groups, monkeypatch):
    settings = dict(EIGHT_BITS) if converts else {}
    settings["xbar.device.read_noise.enable"] = draws != "stochastic rounding"
    settings["xbar.device.read_noise.model"] = "NormalProportionalDevice"
    settings["xbar.adc.mvm.stochastic_rounding"] = converts and draws != "noise"
    stock = nn.Conv2d(4, 6, 3, groups=groups)
    short, general = (from_torch(stock, tree(settings), seed=3) for _ in range(2))
    with torch.no_grad():
        first = short(X), short(X), short(X)
        monkeypatch.setattr(Operands, "learn", lambda *_: None)
        for y in first:
            assert torch.equal(y, general(X))
    assert short._operands().straight
    assert not general._operands().straight
