"""Networks become analog and stock again; what is not converted is said."""

import copy

import pytest
import torch
from analog_settings import ERRORS, needs_devices, tree
from torch import nn

from crosssim_core.errors import (
    ConversionError,
    ConversionWarning,
    CrossSimError,
    DeviceUnavailableError,
    ParameterError,
    UnsupportedError,
)
from crosssim_torch import (
    AnalogConv1d,
    AnalogConv2d,
    AnalogConv3d,
    AnalogLinear,
    AnalogModule,
    analog_modules,
    convertible_modules,
    from_torch,
    inconvertible_modules,
    to_torch,
)


class Recurrent(nn.Module):
    """A user's own module: convolutions in attributes, used several times by hand."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Conv1d(2, 2, 3, padding=1)
        self.absent = None
        self.register_module("none", None)
        self.outer = nn.Conv1d(2, 2, 3, padding=1)
        self.seen = 0

    def forward(self, x):
        self.seen += 1
        state = torch.zeros_like(x)
        for _ in range(3):
            state = (self.inner(x) + self.outer(state)).tanh()
        return state


class Deep(nn.Module):
    """Layers at several depths, registered in the order of their names."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Sequential(
            nn.ReLU(), nn.ModuleDict({"x": nn.Linear(2, 3), "y": nn.Linear(3, 2)})
        )
        self.c = nn.ModuleList([nn.Linear(2, 4)])
        self.d = nn.Linear(2, 5)


X = torch.linspace(-1, 1, 20).reshape(2, 2, 5)


@pytest.mark.parametrize(
    ("stock", "twin"),
    [
        (nn.Linear(3, 2), AnalogLinear),
        (nn.Conv1d(3, 2, 2), AnalogConv1d),
        (nn.Conv2d(3, 2, 2), AnalogConv2d),
        (nn.Conv3d(3, 2, 2), AnalogConv3d),
    ],
)
def test_each_layer_has_its_twin_and_keeps_being_of_its_stock_class(stock, twin):
    layer = from_torch(stock, tree())
    assert type(layer) is twin
    assert isinstance(layer, type(stock))
    assert isinstance(layer, AnalogModule)
    assert layer.extra_repr() == stock.extra_repr()
    assert type(to_torch(layer)) is type(stock)
    assert type(twin.to_torch(twin.from_torch(stock, tree()))) is type(stock)


def test_modules_are_listed_depth_first_in_the_order_of_registration():
    model = Deep()
    found = convertible_modules(model)
    assert [m.out_features for m in found] == [2, 3, 2, 4, 5]
    analog = from_torch(model, tree())
    assert [m.out_features for m in analog_modules(analog)] == [2, 3, 2, 4, 5]
    assert convertible_modules(analog) == []
    assert analog_modules(model) == []
    names = [type(m).__name__ for m in inconvertible_modules(model)]
    assert names == ["Deep", "Sequential", "ReLU", "ModuleDict", "ModuleList"]
    assert len(inconvertible_modules(analog)) == len(list(analog.modules()))


def test_layers_within_modules_of_users_are_found_and_run():
    stock = Recurrent()
    analog = from_torch(stock, tree(), 1)
    torch.testing.assert_close(analog(X), stock(X))
    assert analog.seen == 1
    assert [type(m) for m in analog_modules(analog)] == [AnalogConv1d, AnalogConv1d]


def test_the_network_that_is_converted_is_left_as_it_was():
    stock = Recurrent()
    before = {n: (id(t), t.clone()) for n, t in stock.state_dict(keep_vars=True).items()}
    analog = from_torch(stock, tree(), 1)
    with torch.no_grad():
        for parameter in analog.parameters():
            parameter.add_(1.0)
    for name, tensor in stock.state_dict(keep_vars=True).items():
        assert id(tensor) == before[name][0]
        assert torch.equal(tensor, before[name][1])
    assert analog_modules(stock) == []


def test_the_analog_network_is_left_as_it_was_by_to_torch():
    analog = from_torch(Recurrent(), tree(), 1)
    want = analog(X)
    for physical in (False, True):
        stock = to_torch(analog, physical)
        with torch.no_grad():
            for parameter in stock.parameters():
                parameter.add_(1.0)
    assert torch.equal(analog(X), want)
    assert len(analog_modules(analog)) == 2


@pytest.mark.parametrize("train", [True, False])
def test_training_flags_are_kept_both_ways(train):
    stock = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 2)).train(train)
    stock[2].train(not train)
    analog = from_torch(stock, tree())
    back = to_torch(analog)
    for model in (analog, back):
        assert [m.training for m in model.modules()] == [m.training for m in stock.modules()]


def test_frozen_parameters_stay_frozen_both_ways():
    stock = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    stock[0].weight.requires_grad_(False)
    stock[1].bias.requires_grad_(False)
    want = [p.requires_grad for p in stock.parameters()]
    analog = from_torch(stock, tree(), 1)
    assert [p.requires_grad for p in analog.parameters()] == want
    for physical in (False, True):
        assert [p.requires_grad for p in to_torch(analog, physical).parameters()] == want


def test_hooks_and_further_attributes_are_kept_both_ways():
    stock = nn.Linear(2, 2)
    stock.note = "mine"
    stock.register_forward_hook(lambda module, args, output: output + 1.0)
    stock.register_forward_pre_hook(lambda module, args: (args[0] * 2.0,))
    stock.register_buffer("extra", torch.ones(3))
    x = torch.ones(1, 2)
    analog = from_torch(stock, tree())
    back = to_torch(analog)
    for layer in (analog, back):
        assert layer.note == "mine"
        assert torch.equal(layer.extra, torch.ones(3))
        torch.testing.assert_close(layer(x), stock(x))
    analog.register_forward_hook(lambda module, args, output: output * 0.0)
    assert not analog(x).any()
    assert stock(x).any()


def test_parameters_and_buffers_of_users_may_stand_beside_the_chip():
    layer = AnalogLinear(tree(), 2, 2, bias_rows=1)
    layer.scale = nn.Parameter(torch.ones(2))
    layer.inner = nn.Linear(2, 2)
    layer.reinitialize()
    layer.bias_rows = 2
    assert "scale" in dict(layer.named_parameters())
    x = X[0, :, :2]
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias))


def test_a_module_that_occurs_twice_is_one_analog_module_at_both_places():
    shared = nn.Linear(2, 2)
    stock = nn.Sequential(shared, nn.ReLU(), shared, nn.Sequential(shared))
    assert convertible_modules(stock) == [shared]
    analog = from_torch(stock, [tree()], [1])
    assert analog[0] is analog[2] is analog[3][0]
    assert len(analog_modules(analog)) == 1
    back = to_torch(analog)
    assert back[0] is back[2] is back[3][0]
    x = torch.ones(1, 2)
    torch.testing.assert_close(analog(x), stock(x))


def test_lists_stay_aligned_where_a_container_is_shared():
    block = nn.Sequential(nn.Linear(2, 2))
    stock = nn.ModuleList([block, nn.Sequential(block), nn.Linear(2, 3)])
    assert [m.out_features for m in convertible_modules(stock)] == [2, 3]
    analog = from_torch(stock, tree(), [1, 2])
    assert [m.bias_rows for m in analog_modules(analog)] == [1, 2]
    assert analog[0][0] is analog[1][0][0]


def test_tied_parameters_stay_tied_both_ways():
    stock = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False), nn.Linear(3, 5))
    stock[1].weight = stock[0].weight
    stock[2].weight = stock[0].weight
    analog = from_torch(stock, tree())
    assert analog[0].weight is analog[1].weight is analog[2].weight
    with torch.no_grad():
        analog[0].weight.mul_(2.0)
    torch.testing.assert_close(analog[1].get_core_weights()[0], analog[0].weight.detach())
    back = to_torch(analog)
    assert back[0].weight is back[1].weight is back[2].weight


@needs_devices
def test_physical_weights_are_those_that_the_arrays_hold():
    stock = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(), nn.Linear(36, 3))
    x = torch.randn(2, 4, 5, 5)
    for rows in (0, 2):
        analog = from_torch(stock, tree(ERRORS), rows, seed=1)
        physical = to_torch(analog, physical_weights=True)
        torch.testing.assert_close(physical(x), analog(x))
        torch.testing.assert_close(physical[0].weight, analog[0].get_core_weights()[0])
        assert not torch.equal(physical[2].weight, stock[2].weight)
        assert torch.equal(to_torch(analog)[2].weight, stock[2].weight)
        mixed = to_torch(analog, [True, False])
        assert torch.equal(mixed[0].weight, physical[0].weight)
        assert torch.equal(mixed[2].weight, stock[2].weight)


@needs_devices
def test_core_weights_are_copies_without_derivatives():
    layer = from_torch(nn.Linear(3, 2), tree(ERRORS), seed=1)
    x = torch.ones(1, 3)
    want = layer(x)
    weight, bias = layer.get_core_weights()
    assert not weight.requires_grad
    assert not bias.requires_grad
    weight.zero_(), bias.zero_(), layer.get_matrix().zero_()
    assert torch.equal(layer(x), want)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_of_physical_weights_of_the_wrong_length_is_refused(count):
    analog = from_torch(Recurrent(), tree())
    with pytest.raises(ConversionError, match=rf"physical_weights.*\b{count}\b.*\b2\b"):
        to_torch(analog, [True] * count)


def test_to_torch_of_a_stock_network_is_a_copy():
    stock = nn.Sequential(nn.Linear(2, 2))
    copied = to_torch(stock)
    assert copied is not stock
    assert torch.equal(copied[0].weight, stock[0].weight)


@pytest.mark.parametrize("model", [nn.Sequential(nn.ReLU()), nn.ReLU(), nn.Sequential()])
def test_a_network_without_a_layer_to_convert_is_refused(model):
    with pytest.raises(ConversionError, match="Linear, Conv1d"):
        from_torch(model, tree())


def test_a_network_that_is_analog_already_has_nothing_left_to_convert():
    with pytest.raises(ConversionError):
        from_torch(from_torch(Recurrent(), tree()), tree())


def test_a_network_that_is_partly_analog_gets_the_rest_converted():
    stock = nn.Sequential(from_torch(nn.Linear(2, 2), tree(), 1), nn.Linear(2, 2))
    analog = from_torch(stock, tree(), [2])
    assert [m.bias_rows for m in analog_modules(analog)] == [1, 2]


def test_a_layer_that_has_no_analog_twin_yet_is_named_with_its_place():
    stock = nn.Sequential(nn.Linear(2, 2), nn.ModuleDict({"tail": nn.Bilinear(2, 2, 2)}))
    with pytest.raises(UnsupportedError, match=r"1\.tail.*Bilinear"):
        from_torch(stock, tree())
    with pytest.raises(NotImplementedError, match="Bilinear"):
        from_torch(nn.Bilinear(2, 2, 2), tree())


class Custom(nn.Linear):
    def forward(self, input):
        return super().forward(input) * 2.0


def test_a_subclass_that_may_do_anything_stays_digital_and_is_named():
    stock = nn.Sequential(nn.Linear(2, 2), Custom(2, 2))
    with pytest.warns(ConversionWarning, match=r"1 \(Custom\)"):
        analog = from_torch(stock, tree())
    assert type(analog[1]) is Custom
    torch.testing.assert_close(analog(torch.ones(1, 2)), stock(torch.ones(1, 2)))


def test_a_parametrized_layer_stays_digital_and_is_named():
    stock = nn.Sequential(nn.Linear(2, 2), nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))
    why = r"1 \(ParametrizedLinear\).* it is parametrized.*'convert' it becomes analog"
    with pytest.warns(ConversionWarning, match=why):
        from_torch(stock, tree())
    with pytest.raises(ConversionError, match=why):
        from_torch(stock, tree(), subclasses="raise")
    assert len(analog_modules(from_torch(stock, tree(), subclasses="convert"))) == 2


def test_a_subclass_of_an_analog_layer_is_an_analog_module():
    class Mine(AnalogLinear):
        pass

    model = nn.Sequential(Mine(tree(), 2, 2), nn.ReLU())
    assert analog_modules(model) == [model[0]]


def test_a_pruned_analog_layer_is_read_with_its_pruned_weights():
    from torch.nn.utils import prune

    layer = AnalogLinear(tree(), 4, 3, bias_rows=1, seed=0)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    x = torch.ones(2, 4)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias))
    assert (layer.get_core_weights()[0] == 0).sum() == 6
    before = dict(layer.named_buffers())["chip_conductance_0"]
    layer(x)
    assert dict(layer.named_buffers())["chip_conductance_0"] is before
    layer.reinitialize()
    layer(x).sum().backward()
    assert layer.weight_orig.grad is not None
    prune.remove(layer, "weight")
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias))


def test_conversion_of_a_failing_layer_changes_nothing():
    stock = Recurrent()
    state = copy.deepcopy(stock.state_dict())
    with pytest.raises(CrossSimError):
        from_torch(stock, [tree(), tree(core__style="OFFSET", xbar__device__cell_bits=1)])
    assert all(torch.equal(v, state[k]) for k, v in stock.state_dict().items())
    assert [type(m) for m in convertible_modules(stock)] == [nn.Conv1d, nn.Conv1d]


def test_a_lazy_layer_is_converted_once_it_has_a_shape():
    lazy = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2))
    with pytest.warns(ConversionWarning, match="LazyLinear"):
        from_torch(lazy, tree())
    lazy(torch.ones(1, 4))
    assert len(analog_modules(from_torch(lazy, tree()))) == 2


def test_an_error_names_the_layer_that_it_is_about():
    bad = tree(core__mapping__weights={"percentile": None, "min": 1.0, "max": -1.0})
    with pytest.raises(ParameterError, match=r"^b\.1\.x \(Linear\): core\.mapping\.weights: min"):
        from_torch(Deep(), [tree(), bad, tree(), tree(), tree()])
    with pytest.raises(ParameterError, match=r"^c\.0 \(Linear\): bias_rows: an integer") as caught:
        from_torch(Deep(), tree(), [0, 0, 0, -1, 0])
    assert caught.value.path == "bias_rows"


@pytest.mark.parametrize(
    ("twin", "layer"),
    [
        (AnalogLinear, nn.Conv2d(1, 1, 1)),
        (AnalogConv2d, nn.Conv1d(1, 1, 1)),
        (AnalogLinear, from_torch(nn.Linear(1, 1), tree())),
        (AnalogLinear, 3),
    ],
)
def test_a_twin_is_made_of_its_own_stock_class_only(twin, layer):
    with pytest.raises(ConversionError, match=f"{twin.__name__} is made of a"):
        twin.from_torch(layer, tree())


@pytest.mark.parametrize("layer", [nn.Linear(1, 1), 3])
def test_a_stock_layer_is_made_of_an_analog_one_only(layer):
    with pytest.raises(ConversionError, match=r"AnalogLinear\.to_torch takes analog layers, got"):
        AnalogLinear.to_torch(layer)


@pytest.mark.parametrize("convert", [lambda m: from_torch(m, tree()), to_torch])
def test_what_is_no_module_is_not_converted(convert):
    with pytest.raises(ConversionError, match=r"torch\.nn\.Module is needed, got <class 'int'>"):
        convert(3)


def test_weights_without_values_are_not_programmed():
    with pytest.raises(DeviceUnavailableError, match=r"1 \(Linear\): .*'meta'"):
        from_torch(nn.Sequential(nn.ReLU(), nn.Linear(2, 2, device="meta")), tree())
    with pytest.raises(DeviceUnavailableError, match="'meta'"):
        AnalogLinear(tree(), 2, 2, device="meta")
