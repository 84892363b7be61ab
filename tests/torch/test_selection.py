"""Which layers become analog, and with which parameters."""

import pytest
import torch
from analog_settings import tree
from choices import Net, analog_names
from torch import nn

from crosssim_core.errors import ConversionError, UnsupportedError
from crosssim_torch import (
    AnalogLinear,
    AnalogLinearLike,
    LayerOptions,
    analog_modules,
    convertible_modules,
    from_torch,
    register,
    to_torch,
)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"include": "head"}, ["head.a", "head.b"]),
        ({"include": ["stem", "*.a"]}, ["stem", "head.a"]),
        ({"exclude": "head.?"}, ["stem", "body.0"]),
        ({"exclude": ["stem", "head.b"]}, ["body.0", "head.a"]),
        ({"include": "head", "exclude": "*.b"}, ["head.a"]),
        ({"include": lambda name, m: isinstance(m, nn.Linear)}, ["head.a", "head.b"]),
        ({"exclude": lambda name, m: name.startswith("body")}, ["stem", "head.a", "head.b"]),
    ],
)
def test_layers_are_chosen_by_name_or_by_predicate(choice, names):
    stock = Net().eval()
    analog = from_torch(stock, tree(), **choice)
    assert analog_names(analog) == names
    assert len(convertible_modules(stock, **choice)) == len(names)
    x = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(analog(x), stock(x))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"exclude": "haed"}, r"exclude.*'haed'.*stem, body.0, head.a, head.b"),
        ({"include": ["head", "steam"]}, r"include.*Did you mean 'stem'"),
        ({"exclude": "*"}, "no layer to convert"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused(choice, message):
    with pytest.raises(ConversionError, match=message):
        from_torch(Net(), tree(), **choice)


@pytest.mark.parametrize("argument", ["include", "exclude"])
@pytest.mark.parametrize(
    "choice",
    [3, True, [3], ["head", None], nn.Linear, nn.ReLU(), iter(["head"])],
    ids=["number", "truth", "numbers", "none", "class", "module", "iterator"],
)
def test_what_is_no_choice_of_modules_is_refused(argument, choice):
    with pytest.raises(ConversionError, match=rf"{argument}: give a name pattern, a list of them"):
        from_torch(Net(), tree(), **{argument: choice})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"options": {"groups": "packed"}}, "options: .*LayerOptions.*'groups' to 'packed'"),
        ({"options": {"structural_errors": True}}, "options: .*LayerOptions.*True"),
        ({"options": {3: LayerOptions()}}, "options: .*patterns to LayerOptions.*3"),
        ({"params": {}}, "params has no pattern that fits .*a mapping .* CrossSimParameters"),
        ({"bias_rows": {"*": "2"}}, "bias_rows: .*to int.*'2'"),
        ({"options": {"fc": LayerOptions()}}, r"named 'fc'\. The model is a single layer"),
        ({"exclude": "fc"}, r"exclude: .*named 'fc'\. The model is a single layer"),
    ],
    ids=["groups", "errors", "number", "empty", "rows", "pattern", "exclude"],
)
@pytest.mark.parametrize("model", [lambda: nn.Linear(4, 3), Net], ids=["layer", "network"])
def test_a_mapping_that_is_none_from_patterns_is_told_what_one_is(given, message, model):
    stock = model()
    if isinstance(stock, Net):
        message = message.replace("The model is a single layer", "Layers: stem")
    with pytest.raises(ConversionError, match=message):
        from_torch(stock, **{"params": tree()} | given)


def test_a_pattern_in_a_network_without_layers_is_refused():
    with pytest.raises(ConversionError, match=r"named 'a'\. There is none\."):
        from_torch(nn.Sequential(nn.ReLU()), tree(), exclude="a")


class Own(nn.Linear):
    """A subclass without a twin."""


@pytest.mark.parametrize("subclasses", ["warn", "raise"])
@pytest.mark.parametrize("first", [lambda: nn.Bilinear(3, 3, 3), lambda: Own(3, 3)])
def test_what_conversion_refuses_or_warns_of_can_be_left_out_by_name(first, subclasses):
    stock = nn.Sequential(first(), nn.Linear(4, 3))
    for choice in ({"exclude": "0"}, {"include": "1"}):
        assert analog_names(from_torch(stock, tree(), subclasses=subclasses, **choice)) == ["1"]
    with pytest.raises(ConversionError, match=r"'2'.*Layers: 0, 1\."):
        from_torch(stock, tree(), exclude="2", subclasses=subclasses)


def test_a_layer_without_a_twin_that_is_included_is_refused_as_such():
    with pytest.raises(UnsupportedError, match=r"0 \(Bilinear\) has no analog twin"):
        from_torch(nn.Sequential(nn.Bilinear(3, 3, 3), nn.Linear(4, 3)), tree(), include="0")


def replaced():
    layer = nn.Linear(3, 3)
    layer.forward = lambda x: 3.0 * x
    return layer


@pytest.mark.filterwarnings("ignore:.*stays digital")
@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (replaced, r"0 \(Linear\): forward replaced in the very layer"),
        (lambda: AnalogLinear(tree(), 3, 3), r"0 \(AnalogLinear\): analog already"),
        (lambda: nn.LazyLinear(3), r"0 \(LazyLinear\): no weights yet: run the network once"),
        (lambda: Own(3, 3), r"0 \(Own\): subclass of Linear without a twin"),
        (nn.ReLU, "Layers with an analog twin: Linear, Conv1d"),
    ],
)
def test_a_network_with_nothing_to_convert_says_why_of_each_layer(layer, why):
    with pytest.raises(ConversionError, match=why):
        from_torch(nn.Sequential(layer()), tree())


def test_parameters_and_rows_are_given_by_patterns_of_which_the_first_counts():
    coarse, fine = tree(xbar__device__cell_bits=2), tree(xbar__device__cell_bits=8)
    analog = from_torch(
        Net(), {"stem": fine, "head.b": fine, "*": coarse}, {"head": 2, "body": 1, "*": 0}
    )
    bits = [m.params.xbar.device.cell_bits for m in analog_modules(analog)]
    assert bits == [8, 2, 2, 8]
    assert [m.bias_rows for m in analog_modules(analog)] == [0, 1, 2, 2]


def test_a_pattern_may_give_one_tree_for_each_array():
    divided = [tree(core__rows_max=2, xbar__device__cell_bits=b) for b in (3, 4)]
    analog = from_torch(Net(), {"head.a": divided, "*": tree()})
    assert [p.xbar.device.cell_bits for p in analog.head["a"].params] == [3, 4]


@pytest.mark.parametrize("argument", ["params", "bias_rows"])
def test_a_layer_that_no_pattern_fits_is_named(argument):
    given = {"params": tree(), "bias_rows": 0}
    given[argument] = {"head": given[argument], "stem": given[argument]}
    with pytest.raises(ConversionError, match=rf"{argument}.*'body\.0'.*exclude"):
        from_torch(Net(), **given)


def test_physical_weights_may_be_chosen_by_name():
    analog = from_torch(Net(), tree(xbar__device__cell_bits=2))
    stock = to_torch(analog, {"head.a": True, "*": False})
    assert not torch.equal(stock.head["a"].weight, analog.head["a"].weight)
    assert torch.equal(stock.head["b"].weight, analog.head["b"].weight)


def test_an_attention_that_is_left_out_keeps_its_digital_output_projection():
    stock = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    analog = from_torch(stock, tree(), exclude="self_attn")
    assert analog_names(analog) == ["linear1", "linear2"]


# Users' own layers


class Conv1D(nn.Module):
    """Laid out as the layer of that name in Hugging Face's GPT-2."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = nn.Parameter(torch.randn(nx, nf))
        self.bias = nn.Parameter(torch.randn(nf))

    def forward(self, x):
        return torch.addmm(self.bias, x.reshape(-1, self.nx), self.weight).reshape(
            *x.shape[:-1], self.nf
        )


@register
class AnalogConv1D(AnalogLinearLike, Conv1D):
    stock_class = Conv1D
    transposed = True


class Doubled(nn.Linear):
    def forward(self, input):
        return 2.0 * super().forward(input)


@register
class AnalogDoubled(AnalogLinear, Doubled):
    stock_class = Doubled

    def forward(self, input):
        return 2.0 * self.product(input)


@pytest.mark.parametrize("bias_rows", [0, 2])
def test_registered_layers_are_converted_with_their_derivatives_and_back(bias_rows):
    stock = nn.Sequential(Conv1D(5, 4), nn.Tanh(), Doubled(5, 3))
    analog = from_torch(stock, tree(), bias_rows)
    assert [type(m) for m in analog_modules(analog)] == [AnalogConv1D, AnalogDoubled]
    x = torch.randn(2, 3, 4)
    for model in (stock, analog):
        model(x).square().sum().backward()
    torch.testing.assert_close(analog(x), stock(x))
    for one, other in zip(analog.parameters(), stock.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    back = to_torch(analog, physical_weights=True)
    assert [type(m) for m in back] == [Conv1D, nn.Tanh, Doubled]
    torch.testing.assert_close(back(x), stock(x))


def test_a_registered_layer_can_be_built_by_itself():
    layer = AnalogConv1D(tree(), 5, 4, bias_rows=1, seed=0)
    assert layer(torch.randn(2, 4)).shape == (2, 5)
    assert layer.bias_rows == 1


def test_what_cannot_be_registered_is_refused():
    with pytest.raises(ConversionError, match="stock_class"):
        register(type("Bare", (AnalogLinear,), {}))
    with pytest.raises(ConversionError, match="subclass"):
        register(type("Other", (AnalogLinear,), {"stock_class": nn.Bilinear}))
    with pytest.raises(ConversionError, match="already"):
        register(type("Second", (AnalogLinear,), {"stock_class": nn.Linear}))
