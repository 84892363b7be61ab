"""What a network holds past its modules never goes on digitally without a word, nor analog."""

import collections
import dataclasses
import functools
import types
import typing
import warnings
import weakref

import pytest
import torch
from analog_settings import tree
from choices import analog_names
from torch import nn

from crosssim_core.errors import ConversionError, ConversionWarning
from crosssim_torch import AnalogLinear, from_torch, to_torch
from crosssim_torch.reach import reached

# The compiler looks at derivatives of what is no leaf, and PyTorch warns of that.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute")

X = torch.linspace(-1, 1, 8).reshape(2, 4)
COARSE = {"xbar.device.cell_bits": 2}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.scale = 2.0

    def forward(self, x):
        return self.again(self.fc(x))

    def again(self, y):
        return self.scale * y


def lambda_of(forward):
    return lambda x: forward(x)


def bound_to_a_closure(forward):
    return types.MethodType(lambda self, x: forward(x), forward.__self__)


class Called:
    def __init__(self, forward):
        self.forward = lambda_of(forward)

    def __call__(self, x):
        return self.forward(x)


WRAPPERS = {
    "compile": lambda f: torch.compile(f, backend="eager"),
    "no_grad": lambda f: torch.no_grad()(f),
    "inference_mode": lambda f: torch.inference_mode()(f),
    "autocast": lambda f: torch.autocast("cpu", enabled=False)(f),
    "lambda": lambda_of,
    "bound": bound_to_a_closure,
    "partial": lambda f: functools.partial(lambda_of(f)),
    "object": Called,
    "cache": lambda f: functools.lru_cache(lambda_of(f)),
}


@pytest.mark.parametrize("place", ["", "0"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_container_with_a_replaced_forward_is_never_silently_digital(wrapper, place):
    stock = nn.Sequential(Net())
    module = stock.get_submodule(place)
    module.forward = WRAPPERS[wrapper](module.forward)
    where = rf"{place or 'the model'} \(\w+\).* forward .*after the conversion"
    with pytest.warns(ConversionWarning, match=where):
        analog, report = from_torch(stock, tree(COARSE), report=True)
    torch.testing.assert_close(analog(X), stock(X))
    assert [(row.name, row.why) for row in report.digital] == [
        (place, "forward held past the network")
    ]
    for policy in ("raise", "convert"):
        with pytest.raises(ConversionError, match=where):
            from_torch(stock, tree(), subclasses=policy)


NET = Net()
OLD = NET.forward


@pytest.mark.parametrize("forward", [lambda x: NET.fc(x), lambda x: [OLD(row) for row in x]])
def test_functions_that_find_the_network_among_globals_are_found_too(forward):
    NET.forward = forward
    with pytest.warns(ConversionWarning, match="forward"):
        _, report = from_torch(NET, tree(), report=True)
    assert [row.kind for row in report.digital] == ["Net"]


class Trainer:
    def __init__(self, network):
        self.network = network


def test_a_function_that_holds_nothing_visible_is_warned_of_because_it_is_not_given_the_module():
    stock = Net()
    trainer = Trainer(Net())
    stock.forward = lambda x: trainer.network(x)
    with pytest.warns(ConversionWarning, match="forward"):
        from_torch(stock, tree())


def test_other_attributes_that_hold_layers_are_found_too():
    stock = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    old = stock._ff_block
    stock._ff_block = lambda x: old(x)
    with pytest.warns(ConversionWarning, match="_ff_block"):
        _, report = from_torch(stock, tree(), report=True)
    assert report.digital[0].why == "_ff_block held past the network"


@pytest.mark.parametrize(
    "attribute",
    [
        lambda net: net.fc.forward,
        lambda net: [nn.Linear(4, 3)],
        lambda net: {"a": (net.fc,)},
        lambda net: weakref.ref(net.fc),
    ],
    ids=["bound", "list", "alias", "reference"],
)
def test_layers_that_are_held_as_no_modules_are_named(attribute):
    stock = nn.Sequential(Net(), nn.Linear(3, 3))
    stock[0].other = attribute(stock[0])
    with pytest.warns(ConversionWarning, match=r"0 \(Net\).* other .*ModuleList"):
        from_torch(stock, tree())
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConversionWarning)
        analog = from_torch(stock, tree(), exclude="0")
        assert analog_names(analog) == ["1"]
        from_torch(stock, tree(), include="1")


@pytest.mark.parametrize(
    ("place", "exclude"), [("", ""), ("", lambda n, m: n == ""), ("0", lambda n, m: n == "0")]
)
def test_a_container_can_be_left_out_by_itself_and_the_layers_within_become_analog(place, exclude):
    stock = nn.Sequential(Net())
    stock.get_submodule(place).teacher = [nn.Linear(4, 3)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConversionWarning)
        analog = from_torch(stock, tree(), exclude=exclude, subclasses="raise")
    assert analog_names(analog) == ["0.fc"]


def test_a_container_that_is_not_included_is_warned_of_if_it_runs_what_is():
    stock = nn.Sequential(Net())
    stock.forward = lambda_of(stock.forward)
    with pytest.warns(ConversionWarning, match="the model"):
        from_torch(stock, tree(), include="0.fc")


def own_forward(self, x):
    return self.again(self.fc(x)) + 1.0


def harmless(net):
    """What libraries do to modules without holding any but those that are copied."""
    net._old_forward = net.forward
    called = functools.partial(own_forward, net)
    net.forward = functools.update_wrapper(called, net._old_forward)
    net.again = types.MethodType(lambda self, y: 3.0 * y, net)
    net.activation = nn.functional.relu
    net.names = ["fc"]
    net.kinds = [nn.Linear, nn.ReLU()]
    net.parent = [net]
    net.train = lambda mode=True: net
    net.extra_repr = lambda: "own"
    net.fc.extra_repr = lambda: "own"
    net.fc.reset_parameters = lambda: None
    return net


def test_what_is_copied_with_the_network_or_holds_no_layer_needs_no_warning():
    stock = nn.Sequential(harmless(Net()))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConversionWarning)
        analog, report = from_torch(stock, tree(COARSE), report=True, subclasses="raise")
    assert not report.digital
    assert "own" in repr(analog)
    assert not torch.allclose(analog(X), stock(X))
    torch.testing.assert_close(analog(X), 3.0 * analog[0].fc(X) + 1.0)


def compiled_in_place(net):
    net.compile(backend="eager")
    net(X)
    return net


@pytest.mark.parametrize(
    "compiled", [compiled_in_place, lambda net: torch.compile(net, backend="eager")]
)
def test_a_compiled_network_is_converted_without_a_warning(compiled):
    stock = Net()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConversionWarning)
        analog, report = from_torch(compiled(stock), tree(COARSE), report=True)
    assert not report.digital
    torch.testing.assert_close(analog(X), from_torch(stock, tree(COARSE))(X))
    assert not torch.allclose(analog(X), stock(X))


def test_a_layer_that_was_compiled_alone_says_so():
    with pytest.warns(ConversionWarning, match="forward"):
        from_torch(torch.compile(nn.Linear(4, 3), backend="eager"), tree())


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_replacing_after_the_conversion_is_analog_and_refused_on_the_way_back(wrapper):
    for place in ("", "fc"):
        analog = from_torch(Net(), tree(COARSE), seed=0)
        want = analog(X)
        module = analog.get_submodule(place)
        module.forward = WRAPPERS[wrapper](module.forward)
        torch.testing.assert_close(analog(X), want)
        with pytest.raises(ConversionError, match=r"analog.* forward "):
            to_torch(analog, True)
        del module.forward
        torch.testing.assert_close(to_torch(analog, True)(X), want)


def test_a_layer_by_itself_with_a_replaced_method_does_not_become_stock():
    layer = AnalogLinear(tree(), 4, 3)
    layer.forward = functools.partial(AnalogLinear.forward, layer)
    with pytest.raises(ConversionError, match="forward replaced"):
        AnalogLinear.to_torch(layer)


# What methods of a class, and objects, hold


def made(layer):
    """A class whose forward closes over a layer."""

    class Closing(Net):
        def forward(self, x):
            return layer(x)

    return Closing()


BESIDE = nn.Linear(4, 3)
LISTED = [BESIDE]
BY_NAME = {"a": (BESIDE,)}


class ReadsGlobal(Net):
    def forward(self, x):
        return self.fc(x) + BESIDE(x)


class ReadsList(Net):
    def forward(self, x):
        return self.inner(x)

    def inner(self, x):
        return self.fc(x) + torch.stack([LISTED[0](row) for row in x])


def helper(x):
    return BY_NAME["a"][0](x)


class ReadsThroughAFunction(Net):
    @torch.no_grad()
    def forward(self, x):
        return self.fc(x) + helper(x)


class ReadsInAProperty(Net):
    @property
    def beside(self):
        return BESIDE

    def forward(self, x):
        return self.fc(x) + self.beside(x)


class WithAList(Net):
    L = (nn.ReLU(), [nn.Linear(4, 3)])


class WithADefault(Net):
    def forward(self, x, *, layer=BESIDE):
        return layer(x)


class Inherits(ReadsGlobal):
    """The method is that of a base."""


class Hides(ReadsGlobal):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("stock", "name"),
    [
        (lambda: made(nn.Linear(4, 3)), "forward"),
        (ReadsGlobal, "forward"),
        (ReadsList, "inner"),
        (ReadsThroughAFunction, "forward"),
        (ReadsInAProperty, "beside"),
        (WithAList, "L"),
        (WithADefault, "forward"),
        (Inherits, "forward"),
        (Hides, "forward"),
    ],
)
def test_layers_that_a_class_holds_or_its_methods_find_are_never_silently_digital(stock, name):
    network = nn.Sequential(stock())
    where = rf"0 \(\w+\) computes digitally: its {name} may hold"
    with pytest.warns(ConversionWarning, match=where):
        _, report = from_torch(network, tree(), report=True)
    assert [row.why for row in report.digital] == [f"{name} held past the network"]
    with pytest.raises(ConversionError, match=where):
        from_torch(network, tree(), subclasses="raise")


@dataclasses.dataclass
class Data:
    layer: nn.Module


@dataclasses.dataclass(slots=True)
class Slots:
    layer: nn.Module
    more: object = None


class Unfilled:
    __slots__ = ("first", "layers")

    def __init__(self, layer):
        self.layers = [layer]


class Listed(list):
    """A class of a user's."""


HOLDERS = {
    "deque": lambda fc: collections.deque([fc]),
    "values": lambda fc: {"a": fc}.values(),
    "items": lambda fc: {"a": fc}.items(),
    "keys": lambda fc: {fc: "a"},
    "proxy": lambda fc: types.MappingProxyType({"a": fc}),
    "chain": lambda fc: collections.ChainMap({"a": fc}),
    "user list": lambda fc: collections.UserList([fc]),
    "weak": lambda fc: weakref.WeakSet([fc]),
    "subclass": lambda fc: Listed([fc]),
    "namespace": lambda fc: types.SimpleNamespace(a=fc),
    "dataclass": Data,
    "slots": lambda fc: Slots(None, Data(fc)),
    "some slots": Unfilled,
    "list of a global": lambda fc: lambda x: LISTED[0](x),
    "function in a list": lambda fc: [lambda x: BY_NAME["a"][0](x)],
    "object of a function": lambda fc: lambda_of(Data(fc)),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_layers_that_containers_and_objects_hold_are_named(holder):
    stock = Net()
    stock.other = HOLDERS[holder](stock.fc)
    if holder in ("values", "items", "weak", "proxy"):
        # Such are not copied with a network, and so no network with them is converted.
        assert reached(stock) == {"other": [stock.fc]}
        return
    with pytest.warns(ConversionWarning, match=r"the model \(Net\).* its other may hold"):
        from_torch(stock, tree())


class Settings:
    """An object without layers, that refers to the network and to what a network is given."""

    def __init__(self, network):
        self.network, self.sizes, self.names = network, {"a": 1}, ["a", "b"]
        self.kind, self.activation, self.itself = nn.Linear, nn.ReLU(), self


SHARED = nn.Linear(4, 3)
KINDS = {"linear": nn.Linear, "relu": nn.ReLU()}


class Ordinary(Net):
    kinds = KINDS
    sizes: typing.ClassVar = [1, 2]

    def __init__(self):
        super().__init__()
        self.fc = SHARED
        self.settings = Settings(self)
        self.settings.sizes = collections.deque([1, "a", torch.ones(2)])
        self.optimizer = torch.optim.SGD(self.parameters(), 0.1)

    @torch.no_grad()
    def forward(self, x):
        return KINDS["relu"](super().forward(x)) * len(WRAPPERS) * (self.sizes[0] == 1)

    @staticmethod
    def size(x):
        return len(COARSE) + x.numel()


def test_ordinary_classes_and_objects_need_no_warning():
    stock = nn.Sequential(Ordinary(), *(nn.Linear(3, 3) for _ in range(2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConversionWarning)
        _, report = from_torch(stock, tree(COARSE), report=True, subclasses="raise")
    assert not report.digital
