"""What a layer takes, what it gives, and how it answers to bad inputs."""

import re
import threading

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from torch import nn

from crosssim_core.errors import ArrayLibraryError, CrossSimError, ShapeError
from crosssim_torch import (
    AnalogConv1d,
    AnalogConv2d,
    AnalogConv3d,
    AnalogLinear,
    analog_modules,
    from_torch,
)

LAYERS = {
    "linear": (lambda **o: AnalogLinear(tree(), 3, 4, **o), (2, 3)),
    "conv1d": (lambda **o: AnalogConv1d(tree(), 3, 4, 2, **o), (2, 3, 5)),
    "conv2d": (lambda **o: AnalogConv2d(tree(), 3, 4, 2, **o), (2, 3, 5, 4)),
    "conv3d": (lambda **o: AnalogConv3d(tree(), 3, 4, 2, **o), (2, 3, 3, 5, 4)),
}
CONVOLUTIONS = {n: v for n, v in LAYERS.items() if n != "linear"}


def stock(layer, x):
    return type(layer).to_torch(layer)(x)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("bias_rows", [0, 1])
def test_outputs_are_contiguous_whatever_the_layout_of_the_input(kind, bias_rows):
    make, shape = LAYERS[kind]
    layer = make(bias_rows=bias_rows)
    x = torch.randn(shape)
    inputs = [x, x.mT.contiguous().mT, x[:1].expand(shape), torch.randn(*shape, 2)[..., 0]]
    if kind == "conv2d":
        inputs.append(x.to(memory_format=torch.channels_last))
    for given in inputs:
        y = layer(given)
        assert y.is_contiguous()
        y.view(-1)
        torch.testing.assert_close(y, stock(layer, given))
        assert layer(given[0]).is_contiguous()


@pytest.mark.parametrize("kind", LAYERS)
def test_the_input_may_be_given_by_its_stock_name(kind):
    make, shape = LAYERS[kind]
    layer, x = make(), torch.randn(shape)
    assert torch.equal(layer(input=x), layer(x))


@pytest.mark.parametrize("kind", LAYERS)
def test_the_input_is_left_as_it_is(kind):
    make, shape = LAYERS[kind]
    x = torch.randn(shape)
    before = x.clone()
    make()(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("kind", LAYERS)
def test_unbatched_inputs_give_unbatched_outputs(kind):
    make, shape = LAYERS[kind]
    layer, x = make(bias_rows=1), torch.randn(shape)
    torch.testing.assert_close(layer(x[0]), layer(x)[0])


@needs_devices
@pytest.mark.parametrize("kind", LAYERS)
def test_empty_batches_give_empty_outputs_with_quantizing_converters_too(kind):
    make, shape = LAYERS[kind]
    layer = make(bias_rows=1)
    layer.params = tree(EIGHT_BITS, core__rows_max=2)
    x = torch.zeros(0, *shape[1:], requires_grad=True)
    y = layer(x)
    assert y.shape == stock(layer, x).shape
    y.sum().backward()
    assert x.grad.shape == x.shape
    assert not layer.weight.grad.any()


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("bias_rows", [0, 1])
@pytest.mark.parametrize(("features", "outputs"), [(0, 3), (4, 0), (0, 0)])
def test_a_layer_without_features_or_outputs_is_the_stock_layer(features, outputs, bias_rows):
    stock = nn.Linear(features, outputs)
    layer, x = from_torch(stock, tree(), bias_rows), torch.ones(2, 3, features)
    torch.testing.assert_close(layer(x), stock(x))
    for module in (layer, stock):
        module(x).sum().backward()
    for mine, other in zip(layer.parameters(), stock.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_a_linear_layer_takes_any_number_of_leading_axes():
    layer = LAYERS["linear"][0](bias_rows=1)
    for leading in [(), (1,), (2, 0), (2, 0, 3), (2, 3, 4), (1, 1, 1, 1)]:
        x = torch.randn(*leading, 3)
        torch.testing.assert_close(layer(x), stock(layer, x))


@pytest.mark.parametrize("kind", LAYERS)
def test_inputs_of_wrong_shape_are_refused_with_both_shapes(kind):
    make, shape = LAYERS[kind]
    layer = make(bias_rows=1)
    wrong = [torch.ones(*shape[:1], 7, *shape[2:]), torch.ones(())]
    if kind != "linear":
        wrong += [torch.ones(2, *shape), torch.ones(shape[1:-1])]
    for x in wrong:
        with pytest.raises(ShapeError, match=rf"\b3\b.*{re.escape(str(tuple(x.shape)))}"):
            layer(x)


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_images_that_are_smaller_than_the_kernel_are_refused(kind):
    make, shape = LAYERS[kind]
    layer = make()
    for size in (1, 0):
        with pytest.raises(ShapeError, match="kernel"):
            layer(torch.ones(*shape[:2], *[size] * (len(shape) - 2)))


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_images_that_cannot_be_padded_that_far_are_refused(mode):
    layer = AnalogConv1d(tree(), 1, 1, 2, padding=5, padding_mode=mode)
    with pytest.raises((CrossSimError, RuntimeError)):
        layer(torch.ones(1, 1, 3))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64])
@pytest.mark.parametrize("kind", LAYERS)
def test_inputs_that_are_no_real_floating_point_numbers_are_refused(kind, dtype):
    make, shape = LAYERS[kind]
    with pytest.raises(ArrayLibraryError, match=str(dtype)):
        make()(torch.ones(shape, dtype=dtype))


@pytest.mark.parametrize("given", [None, 1.0, [1.0, 2.0, 3.0], "x"])
@pytest.mark.parametrize("kind", LAYERS)
def test_inputs_that_are_no_tensors_are_refused(kind, given):
    make, _ = LAYERS[kind]
    with pytest.raises(CrossSimError, match=type(given).__name__):
        make()(given)


def test_a_failed_read_changes_nothing():
    layer = AnalogLinear(tree(), 3, 4, bias_rows=1)
    x = torch.ones(2, 3)
    want = layer(x)
    for bad in (torch.ones(2, 5), torch.ones(2, 3, dtype=torch.int64)):
        with pytest.raises(CrossSimError):
            layer(bad)
    assert torch.equal(layer(x), want)


@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": "same", "stride": 2},
        {"groups": 2},
        {"padding_mode": "mirror"},
        {"padding": "full"},
    ],
)
def test_what_the_stock_constructor_refuses_is_refused(arguments):
    with pytest.raises(ValueError, match=r"padding|groups") as stock_error:
        nn.Conv2d(3, 4, 2, **arguments)
    with pytest.raises(ValueError, match=re.escape(str(stock_error.value))):
        AnalogConv2d(tree(), 3, 4, 2, **arguments)


def test_constructors_take_the_stock_arguments_by_position_too():
    assert AnalogLinear(tree(), 3, 4, False, "cpu", torch.float64, 2).bias_rows == 2
    layer = AnalogConv2d(tree(), 4, 6, 3, 2, 1, 2, 2, False, "replicate", "cpu", torch.float64, 1)
    same = nn.Conv2d(4, 6, 3, 2, 1, 2, 2, False, "replicate", "cpu", torch.float64)
    assert layer.extra_repr() == same.extra_repr()
    assert layer.bias_rows == 1
    assert layer.weight.dtype is torch.float64


@needs_devices
def test_structural_zeros_of_groups_carry_no_error():
    layer = from_torch(nn.Conv1d(4, 8, 3, groups=4), tree(ERRORS), 1, seed=0)
    ideal, held = layer.form_matrix(), layer.get_matrix()
    assert torch.equal(held[ideal == 0], ideal[ideal == 0])
    assert (held[ideal != 0] != ideal[ideal != 0]).all()


@needs_devices
def test_a_partition_may_put_bias_rows_into_an_array_of_their_own():
    divided = EIGHT_BITS | {
        "core.rows_max": 4,
        "core.mapping.weights.col_partition_strategy": "MAX",
        "xbar.adc.mvm.bits": 0,
        "xbar.dac.mvm.bits": 0,
        "xbar.device.cell_bits": 0,
        "xbar.array.Icol_max": 100.0,
    }
    for kind, x in (
        (nn.Linear(4, 3), torch.randn(2, 4)),
        (nn.Conv1d(4, 3, 1), torch.randn(2, 4, 5)),
        (nn.Conv2d(1, 3, 2), torch.randn(2, 1, 4, 5)),
    ):
        layer = from_torch(kind, tree(divided), 9)
        torch.testing.assert_close(layer(x), kind(x), rtol=1e-4, atol=1e-5)


def test_two_threads_may_read_one_layer():
    layer = AnalogLinear(tree(), 3, 4, bias_rows=1)
    inputs = [torch.randn(50, 3) for _ in range(8)]
    want = [layer(x) for x in inputs]
    layer.synchronize()
    wrong = []

    def read(x, y):
        wrong.extend(n for n in range(50) if not torch.equal(layer(x), y))

    threads = [threading.Thread(target=read, args=pair) for pair in zip(inputs, want, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_core_of_a_layer_computes_without_torch_modules():
    layer = from_torch(nn.Conv2d(3, 4, 2, padding=1), tree(), 1)
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(layer.core(x), layer(x).detach())
    torch.testing.assert_close(layer.core.get_matrix(), layer.get_matrix())


def test_attributes_that_do_not_exist_are_plainly_absent():
    layer = AnalogLinear(tree(), 3, 4)
    assert not hasattr(layer, "analog_foo")
    assert not hasattr(layer, "x_rows")


def test_a_printed_layer_shows_its_analog_class_and_its_stock_arguments():
    layer = AnalogLinear(tree(), 3, 4)
    assert repr(layer).startswith("AnalogLinear(in_features=3, out_features=4, bias=True")
    assert analog_modules(layer) == [layer]
