"""Parameters of layers: given once or in lists, owned by the layer, exchanged in place."""

import pytest
import torch
from analog_settings import needs_devices, tree
from torch import nn

from crosssim_core import CrossSimParameters
from crosssim_core.errors import (
    CrossSimError,
    ParameterError,
    UnknownModelError,
    UnsupportedError,
)
from crosssim_torch import (
    AnalogConv2d,
    AnalogLinear,
    analog_modules,
    convertible_modules,
    from_torch,
    reinitialize,
)

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def network():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 6), nn.Linear(6, 2))


def bits(*cell_bits):
    return [tree(xbar__device__cell_bits=b) for b in cell_bits]


def levels(layer):
    """Number of different magnitudes in the programmed matrix."""
    return len(layer.get_matrix().abs().round(decimals=5).unique())


def test_one_tree_serves_all_layers_and_each_owns_a_copy():
    params = tree(xbar__device__cell_bits=3)
    model = from_torch(network(), params)
    trees = [m.params for m in analog_modules(model)]
    assert all(t == params for t in trees)
    assert len({id(t) for t in (params, *trees)}) == 4
    params.xbar.device.cell_bits = 1
    trees[0].xbar.device.cell_bits = 2
    assert [m.params.xbar.device.cell_bits for m in analog_modules(model)] == [2, 3, 3]


def test_a_change_of_the_parameters_that_were_given_has_no_effect():
    params = tree(xbar__device__cell_bits=3)
    model = from_torch(network(), params, 1)
    want = model(X)
    params.xbar.device.cell_bits = 1
    params.core.mapping.inputs.mvm.max = 0.1
    assert torch.equal(model(X), want)
    reinitialize(model)
    assert torch.equal(model(X), want)


def test_a_list_is_taken_in_the_order_of_convertible_modules():
    model = from_torch(network(), bits(1, 2, 3), [0, 1, 2])
    assert [m.params.xbar.device.cell_bits for m in analog_modules(model)] == [1, 2, 3]
    assert [m.bias_rows for m in analog_modules(model)] == [0, 1, 2]
    assert [m.get_matrix().shape for m in analog_modules(model)] == [(6, 4), (6, 7), (2, 8)]


def test_a_tuple_is_as_good_as_a_list_and_lists_are_left_as_they_are():
    trees, rows = bits(1, 2, 3), [0, 1, 2]
    before = list(trees), list(rows)
    from_torch(network(), trees, rows)
    assert (trees, rows) == before
    model = from_torch(network(), tuple(trees), tuple(rows))
    assert [m.bias_rows for m in analog_modules(model)] == rows


@pytest.mark.parametrize("count", [0, 1, 2, 4])
@pytest.mark.parametrize("name", ["params", "bias_rows"])
def test_a_list_of_the_wrong_length_is_refused_with_both_numbers(name, count):
    arguments = {"params": tree(), "bias_rows": 0}
    arguments[name] = bits(*[1] * count) if name == "params" else [0] * count
    with pytest.raises(CrossSimError, match=rf"{name}.*\b{count}\b.*\b3\b"):
        from_torch(network(), **arguments)


@pytest.mark.parametrize("params", [None, 3, "ideal", {}, [tree(), None, tree()], [[], [], []]])
def test_parameters_that_are_none_are_refused(params):
    with pytest.raises(CrossSimError):
        from_torch(network(), params)


@pytest.mark.parametrize("params", [None, 3, "ideal", {}, [], [tree(), None], [[tree()]]])
def test_parameters_that_are_none_are_refused_by_a_layer_and_change_nothing(params):
    with pytest.raises(CrossSimError):
        AnalogLinear(params, 4, 3)
    layer = AnalogLinear(tree(xbar__device__cell_bits=3), 4, 3)
    own, want = layer.params, layer(X)
    with pytest.raises(CrossSimError):
        layer.params = params
    assert layer.params is own
    assert torch.equal(layer(X), want)


@pytest.mark.parametrize("rows", [-1, 1.0, True, None, "1", [1, 2]])
def test_bias_rows_that_are_no_count_are_refused_and_change_nothing(rows):
    with pytest.raises(CrossSimError, match="bias_rows"):
        AnalogLinear(tree(), 4, 3, bias_rows=rows)
    with pytest.raises(CrossSimError, match="bias_rows"):
        from_torch(network(), tree(), rows)
    layer = AnalogLinear(tree(), 4, 3, bias_rows=2)
    with pytest.raises(CrossSimError, match="bias_rows"):
        layer.bias_rows = rows
    assert layer.bias_rows == 2
    assert layer.get_matrix().shape == (3, 6)


class TestOneTreeForEachArray:
    """A layer of 4 outputs and 6 inputs over four arrays of 2 by 3."""

    def stock(self):
        return nn.Linear(6, 4, bias=False)

    def trees(self, *cell_bits):
        divided = {"core.rows_max": 3, "core.cols_max": 2}
        return [tree(divided, xbar__device__cell_bits=b) for b in cell_bits]

    def blocks(self, layer):
        matrix = layer.get_matrix()
        limit = float(layer.weight.detach().abs().max())
        return [matrix[i : i + 2, j : j + 3] / limit for i in (0, 2) for j in (0, 3)]

    def check(self, layer, *cell_bits):
        for block, bits in zip(self.blocks(layer), cell_bits, strict=True):
            if bits:
                steps = block * (2**bits - 1)
                torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-4)

    def test_arrays_are_programmed_row_by_row(self):
        layer = from_torch(self.stock(), self.trees(1, 2, 3, 4))
        self.check(layer, 1, 2, 3, 4)
        assert self.blocks(layer)[3].abs().round(decimals=4).unique().numel() > 2
        assert [p.xbar.device.cell_bits for p in layer.params] == [1, 2, 3, 4]

    def test_the_list_survives_reinitialize(self):
        layer = from_torch(self.stock(), self.trees(1, 2, 3, 4))
        before = layer.get_matrix()
        layer.reinitialize()
        assert torch.equal(layer.get_matrix(), before)

    def test_a_list_can_be_assigned(self):
        layer = from_torch(self.stock(), self.trees(0, 0, 0, 0))
        layer.params = self.trees(4, 3, 2, 1)
        self.check(layer, 4, 3, 2, 1)

    def test_a_network_takes_lists_within_its_list(self):
        model = nn.Sequential(nn.Linear(6, 6), self.stock())
        analog = from_torch(model, [tree(), self.trees(1, 2, 3, 4)])
        self.check(analog[1], 1, 2, 3, 4)

    def test_arrays_may_be_read_differently(self):
        trees = self.trees(0, 0, 0, 0)
        trees[1].core.mapping.inputs.mvm.max = 3.0
        trees[1].core.mapping.inputs.mvm.min = -3.0
        layer = from_torch(self.stock(), trees)
        x = torch.linspace(-1, 1, 12).reshape(2, 6)
        torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight))

    @pytest.mark.parametrize("count", [2, 3, 5])
    def test_a_list_of_the_wrong_length_is_refused_with_both_numbers(self, count):
        layer = from_torch(self.stock(), self.trees(1, 2, 3, 4))
        before = layer.get_matrix()
        for attempt in (
            lambda: from_torch(self.stock(), self.trees(*[1] * count)),
            lambda: setattr(layer, "params", self.trees(*[1] * count)),
        ):
            with pytest.raises(CrossSimError, match=rf"\b{count}\b.*\b4\b"):
                attempt()
        assert torch.equal(layer.get_matrix(), before)
        assert len(layer.params) == 4


def test_convolutions_honour_lists_for_each_array():
    trees = [tree(core__rows_max=9, xbar__device__cell_bits=b) for b in (1, 0)]
    layer = AnalogConv2d(trees, 2, 3, 3, bias=False)
    limit = layer.weight.detach().abs().max()
    first, second = layer.get_matrix().abs().split(9, dim=1)
    assert set((first / limit).round(decimals=5).unique().tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(second, layer.form_matrix().abs()[:, 9:])


def test_assigned_parameters_act_at_once_and_are_copied():
    layer = AnalogLinear(tree(), 8, 8, bias=False)
    params = tree(xbar__device__cell_bits=1)
    layer.params = params
    assert levels(layer) <= 2
    assert layer.params == params
    assert layer.params is not params
    params.xbar.device.cell_bits = 0
    layer.reinitialize()
    assert levels(layer) <= 2


def test_edits_in_place_act_at_reinitialize():
    layer = AnalogLinear(tree(), 8, 8, bias=False)
    held = layer.params
    for bits in (1, 2, 1):
        before = layer.get_matrix()
        held.xbar.device.cell_bits = bits
        assert torch.equal(layer.get_matrix(), before)
        layer.reinitialize()
        assert levels(layer) <= 2**bits
        assert layer.params is held


def test_assigned_bias_rows_act_at_once_and_keep_the_output():
    layer = AnalogLinear(tree(), 4, 3)
    want = nn.functional.linear(X, layer.weight, layer.bias)
    for rows in (3, 0, 1):
        layer.bias_rows = rows
        assert layer.bias_rows == rows
        assert layer.get_matrix().shape == (3, 4 + rows)
        torch.testing.assert_close(layer(X), want)
        torch.testing.assert_close(layer.get_core_weights()[1], layer.bias.detach())


def test_bias_rows_of_a_layer_without_bias_hold_zeros():
    layer = AnalogLinear(tree(), 4, 3, bias=False, bias_rows=2)
    assert not layer.get_matrix()[:, 4:].any()
    assert layer.get_core_weights()[1] is None
    torch.testing.assert_close(layer(X), nn.functional.linear(X, layer.weight))


def test_each_bias_row_holds_an_equal_part():
    layer = AnalogLinear(tree(), 4, 3, bias_rows=4)
    want = (layer.bias.detach() / 4)[:, None].expand(3, 4)
    torch.testing.assert_close(layer.form_matrix()[:, 4:], want)


@pytest.mark.parametrize(
    "settings",
    [
        {"core.style": "BALANCED", "xbar.adc.mvm.model": "NoSuchADC"},
        {"xbar.device.programming_error.enable": True, "xbar.device.programming_error.model": "No"},
    ],
)
def test_a_model_that_is_not_installed_is_named(settings):
    with pytest.raises(UnknownModelError):
        from_torch(network(), tree(settings))


def test_a_gpu_that_the_layer_does_not_live_on_is_refused():
    with pytest.raises(ParameterError, match="useGPU"):
        from_torch(network(), tree(simulation__useGPU=True))
    layer = AnalogLinear(tree(), 4, 3)
    with pytest.raises(ParameterError, match="cpu"):
        layer.params = tree(simulation__useGPU=True)
    assert layer.params == CrossSimParameters()


@needs_devices
@pytest.mark.parametrize(
    "settings",
    [
        {"xbar.adc.mvm.model": "SignMagnitudeADC", "xbar.adc.mvm.bits": 8},
        {"core.mapping.weights.max": 0.1, "core.mapping.weights.min": -0.1},
    ],
    ids=["range missing", "weights beyond the limits"],
)
def test_parameters_that_do_not_fit_are_refused_and_the_layer_is_unchanged(settings):
    layer = AnalogLinear(tree(), 4, 3)
    nn.init.ones_(layer.weight)
    layer.synchronize()
    own, want = layer.params, layer(X)
    broken = tree(settings)
    if "core.mapping.weights.max" in settings:
        broken.core.mapping.weights.clipping = False
    with pytest.raises(CrossSimError):
        layer.params = broken
    assert layer.params is own
    assert torch.equal(layer(X), want)


def test_weights_that_no_longer_fit_are_reported_at_the_next_read():
    fixed = {"core.mapping.weights.max": 2.0, "core.mapping.weights.min": -2.0}
    params = tree(fixed)
    params.core.mapping.weights.clipping = False
    layer = AnalogLinear(params, 4, 3)
    with torch.no_grad():
        layer.weight.fill_(5.0)
    for _ in range(2):
        with pytest.raises(ParameterError, match="clipping"):
            layer(X)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    torch.testing.assert_close(layer(X), nn.functional.linear(X, layer.weight, layer.bias))


def test_one_element_lists_fit_one_layer():
    model = nn.Sequential(nn.Linear(4, 3))
    assert len(convertible_modules(model)) == 1
    assert from_torch(model, bits(2), [1])[0].bias_rows == 1


@pytest.mark.parametrize("flag", ["complex_matrix", "complex_input"])
@pytest.mark.parametrize(
    "module", [nn.Linear(4, 2), nn.Conv1d(2, 2, 1), nn.LSTM(2, 3), nn.GRUCell(2, 3)]
)
def test_s28_layers_refuse_to_be_complex(module, flag):
    """In CrossSim some failed, and some dropped imaginary parts."""
    with pytest.raises(UnsupportedError, match="complex_input is True"):
        from_torch(module, tree({f"core.{flag}": True}))
    model = from_torch(nn.Linear(4, 2), tree())
    with pytest.raises(UnsupportedError):
        model.params = tree({f"core.{flag}": True})
    assert not model.params.core.holds_complex


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(4, 2, dtype=torch.complex64),
        lambda: nn.Conv1d(2, 2, 1, dtype=torch.complex128),
        lambda: nn.GRUCell(2, 3, dtype=torch.complex64),
    ],
)
def test_s28_layers_with_complex_weights_are_refused(make):
    with pytest.raises(UnsupportedError, match=r"holds real weights .*complex128"):
        from_torch(make(), tree())
