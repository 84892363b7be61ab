"""Attributes that are assigned to a layer later act as in stock layers, or are refused."""

import copy

import pytest
import torch
from analog_settings import ERRORS, needs_devices, tree
from torch import nn

from crosssim_core.errors import ArrayLibraryError, CrossSimError, ParameterError, ShapeError
from crosssim_torch import AnalogConv2d, AnalogLinear, LayerOptions, from_torch, to_torch

X = torch.linspace(-1, 1, 2 * 4 * 5 * 5).reshape(2, 4, 5, 5)
LAYOUTS = [LayerOptions(), LayerOptions(groups="packed")]
KINDS = [nn.Conv2d, nn.ConvTranspose2d]


def derivatives(layer):
    layer.zero_grad()
    x = X.clone().requires_grad_()
    y = layer(x)
    y.square().sum().backward()
    return [y.detach(), x.grad, *(p.grad for p in layer.parameters())]


def assert_stock(layer, stock):
    torch.testing.assert_close(derivatives(layer), derivatives(stock), rtol=1e-4, atol=1e-5)


def surgery(layer, groups):
    """Other groups, as stock layers take them: the attribute, and weights that fit it."""
    layer.groups = groups
    shape = (4, 4 // groups, 3, 3)
    values = torch.linspace(-1, 1, torch.Size(shape).numel()).reshape(shape)
    layer.weight = nn.Parameter(values.sin())


@pytest.mark.parametrize("options", LAYOUTS, ids=["dense", "packed"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("before", "after"), [(2, 4), (4, 2), (1, 4), (2, 1)])
@pytest.mark.parametrize("read", [False, True])
def test_other_groups_with_weights_that_fit_them_act(kind, before, after, options, read):
    stock = kind(4, 4, 3, groups=before)
    layer = from_torch(stock, tree(), 1, options=options)
    if read:
        layer(X)
    for module in (layer, stock):
        surgery(module, after)
    assert_stock(layer, stock)
    assert_stock(copy.deepcopy(layer), stock)
    assert_stock(to_torch(layer), stock)
    other = from_torch(stock, tree(), 1, options=options)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(X), layer(X))


@pytest.mark.parametrize("then", ["synchronize", "reinitialize", "options", "copy", "state_dict"])
def test_other_groups_act_whatever_is_done_first(then):
    stock = nn.Conv2d(4, 4, 3, groups=2)
    layer = from_torch(stock, tree())
    for module in (layer, stock):
        surgery(module, 4)
    if then == "options":
        layer.options = LayerOptions(synchronization="manual")
    elif then == "copy":
        layer = copy.deepcopy(layer)
    else:
        getattr(layer, then)()
    assert_stock(layer, stock)


def test_another_kernel_with_weights_that_fit_it_acts():
    stock = nn.Conv2d(4, 4, 3)
    layer = from_torch(stock, tree())
    for module in (layer, stock):
        module.kernel_size = (1, 2)
        module.weight = nn.Parameter(torch.linspace(-1, 1, 32).reshape(4, 4, 1, 2))
    assert_stock(layer, stock)


@pytest.mark.parametrize("options", LAYOUTS, ids=["dense", "packed"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize(
    "change",
    [{"groups": 4}, {"groups": 1}, {"kernel_size": (1, 1)}, {"kernel_size": 1}, {"groups": 3}],
    ids=str,
)
def test_attributes_that_the_weights_do_not_fit_are_refused(kind, change, read, options):
    layer = from_torch(kind(4, 4, 3, groups=2), tree(), options=options)
    want = layer(X) if read else None
    old = {name: getattr(layer, name) for name in change}
    for name, value in change.items():
        setattr(layer, name, value)
    acts = [
        lambda: layer(X),
        layer.synchronize,
        layer.get_matrix,
        layer.state_dict,
        lambda: copy.deepcopy(layer)(X),
        lambda: to_torch(layer, physical_weights=True),
    ]
    for act in acts:
        with pytest.raises(CrossSimError, match=r"weight of shape|groups"):
            act()
    for name, value in old.items():
        setattr(layer, name, value)
    assert want is None or torch.equal(layer(X), want)
    assert_stock(layer, to_torch(layer))


def test_a_kernel_of_the_same_size_but_another_form_is_refused():
    layer = from_torch(nn.Conv2d(4, 4, (1, 4)), tree())
    layer(X)
    layer.kernel_size = (2, 2)
    with pytest.raises(ShapeError, match="weight of shape"):
        layer(X)


@needs_devices
def test_geometry_leaves_the_chip_alone():
    layer = from_torch(nn.Conv2d(4, 4, 3, groups=2), tree(ERRORS), seed=0)
    before = layer.get_matrix()
    layer.stride, layer.padding, layer.dilation = 2, 1, 2
    layer(X)
    assert torch.equal(layer.get_matrix(), before)


@pytest.mark.parametrize("padding", [0, "same"])
@pytest.mark.parametrize("name", ["stride", "dilation"])
def test_steps_that_are_no_numbers_are_refused(name, padding):
    layer = AnalogConv2d(tree(), 4, 4, 3, padding=padding)
    setattr(layer, name, torch.tensor([2, 2]))
    with pytest.raises(ParameterError, match=name):
        layer(X)


# Recurrent layers

TIMES = torch.linspace(-1, 1, 24).reshape(3, 2, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"bidirectional": True},
        {"num_layers": 2},
        {"num_layers": 0},
        {"proj_size": 2},
        {"bias": False},
        {"hidden_size": 5},
    ],
    ids=str,
)
def test_attributes_that_ask_a_recurrent_layer_for_other_parameters_are_refused(change):
    layer = from_torch(nn.LSTM(4, 3), tree())
    want = layer(TIMES)[0]
    for name, value in change.items():
        old = getattr(layer, name)
        setattr(layer, name, value)
        for act in (lambda: layer(TIMES), layer.synchronize, layer.get_matrix):
            with pytest.raises(CrossSimError, match=rf"{name}|shape"):
                act()
        setattr(layer, name, old)
    assert torch.equal(layer(TIMES)[0], want)


@pytest.mark.parametrize(
    "change", [{"mode": "RNN_RELU"}, {"nonlinearity": "relu"}, {"batch_first": True}], ids=str
)
def test_a_recurrent_layer_heeds_the_attributes_that_the_stock_layer_heeds(change):
    stock = nn.RNN(4, 3)
    layer = from_torch(stock, tree())
    for module in (layer, stock):
        for name, value in change.items():
            setattr(module, name, value)
    torch.testing.assert_close(layer(TIMES)[0], stock(TIMES)[0])


def test_an_unknown_mode_is_refused():
    layer = from_torch(nn.RNN(4, 3), tree())
    layer.mode = "RNN_SIN"
    with pytest.raises(ParameterError, match="RNN_SIN"):
        layer(TIMES)


@pytest.mark.parametrize(
    ("stock", "size", "name", "shape"),
    [
        (lambda: nn.Linear(4, 3), "in_features", "weight", (3, 5)),
        (lambda: nn.GRUCell(4, 3), "input_size", "weight_ih", (9, 5)),
    ],
)
@pytest.mark.parametrize("assigned", [True, False])
def test_weights_of_another_size_are_refused_because_the_size_of_a_layer_stays(
    stock, size, name, shape, assigned
):
    layer = from_torch(stock(), tree())
    before = getattr(layer, name)
    if assigned:
        setattr(layer, size, 5)
    with pytest.raises(ShapeError, match=rf"{name} takes.*keeps the sizes.*{size}.*convert"):
        setattr(layer, name, nn.Parameter(torch.ones(shape)))
    assert getattr(layer, name) is before


def test_a_kernel_that_the_attributes_do_not_tell_is_refused_with_their_names():
    layer = from_torch(nn.Conv2d(4, 4, 3), tree())
    with pytest.raises(ShapeError, match=r"weight takes.*its groups, channels and kernel_size"):
        layer.weight = nn.Parameter(torch.ones(4, 4, 1, 1))


# Options, and where data live


@pytest.mark.parametrize("options", [5, 0, "manual", {"groups": "packed"}, LayerOptions])
def test_what_are_no_options_is_refused(options):
    layer = AnalogLinear(tree(), 4, 3)
    acts = [
        lambda: AnalogLinear(tree(), 4, 3, options=options),
        lambda: AnalogLinear.from_torch(nn.Linear(4, 3), tree(), options=options),
        lambda: setattr(layer, "options", options),
    ]
    for act in acts:
        with pytest.raises(ParameterError, match=r"LayerOptions"):
            act()
    assert layer.options == LayerOptions()


def test_no_options_are_the_defaults():
    layer = AnalogLinear(tree(), 4, 3, options=LayerOptions(gradient="masked"))
    layer.options = None
    assert layer.options == LayerOptions()


ELSEWHERE = {
    "linear": (nn.Linear(4, 3), TIMES),
    "conv": (nn.Conv2d(4, 4, 3), X),
    "transposed": (nn.ConvTranspose2d(4, 4, 3), X),
    "cell": (nn.LSTMCell(4, 3), TIMES[0]),
    "recurrent": (nn.GRU(4, 3), TIMES),
    "attention": (nn.MultiheadAttention(4, 2), TIMES),
}


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("kind", ELSEWHERE)
def test_data_of_another_device_are_refused_with_both_devices(kind, recorded):
    stock, x = ELSEWHERE[kind]
    layer = from_torch(stock, tree())
    given = 3 if kind == "attention" else 1
    with torch.set_grad_enabled(recorded):
        layer(*[x] * given)
        with pytest.raises(ArrayLibraryError, match=r"cpu.*meta"):
            layer(*[x.to("meta")] * given)
