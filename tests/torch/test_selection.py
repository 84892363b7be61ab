"""Which layers become analog, with which parameters, and what the report says of it."""

import json
import types

import pytest
import torch
from analog_settings import ERRORS, needs_devices, tree
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from crosssim_core.errors import (
    ConversionError,
    ConversionWarning,
    CrossSimError,
    ParameterError,
)
from crosssim_torch import (
    AnalogLinear,
    AnalogLinearLike,
    AnalogMultiheadAttention,
    ConversionReport,
    analog_modules,
    convertible_modules,
    from_torch,
    register,
    to_torch,
)
from crosssim_torch.registry import ANALOG_CLASSES


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3)
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.ModuleDict({"a": nn.Linear(4, 3), "b": nn.Linear(4, 2)})

    def forward(self, x):
        x = self.body(self.stem(x)).mean((2, 3))
        return self.head["a"](x), self.head["b"](x)


def analog_names(model):
    return [n for n, m in model.named_modules() if m in analog_modules(model)]


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


# Subclasses and parametrized layers


class Marked(nn.Linear):
    """A subclass with the forward of its base."""


class Custom(nn.Linear):
    def forward(self, input):
        return super().forward(input) * 3.0


def test_subclasses_are_left_digital_refused_or_converted():
    stock = nn.Sequential(nn.Linear(2, 2), Marked(2, 2))
    with pytest.warns(ConversionWarning, match=r"1 \(Marked\)"):
        assert len(analog_modules(from_torch(stock, tree()))) == 1
    with pytest.raises(ConversionError, match=r"1 \(Marked\)"):
        from_torch(stock, tree(), subclasses="raise")
    analog = from_torch(stock, tree(), subclasses="convert")
    assert len(analog_modules(analog)) == 2
    torch.testing.assert_close(analog(torch.ones(1, 2)), stock(torch.ones(1, 2)))


def test_a_subclass_with_a_forward_of_its_own_is_not_converted_blindly():
    with pytest.raises(ConversionError, match=r"Custom.*register"):
        from_torch(nn.Sequential(Custom(2, 2)), tree(), subclasses="convert")


class Called(nn.Linear):
    def __call__(self, x):
        return super().__call__(x) * 3.0


class Scaled(nn.Conv1d):
    def _conv_forward(self, input, weight, bias):
        return super()._conv_forward(input, 3.0 * weight, bias)


class Padded(nn.ConvTranspose1d):
    def _output_padding(self, *args, **named):
        return [0]


@pytest.mark.parametrize("layer", [Called(2, 2), Scaled(2, 2, 1), Padded(2, 2, 1)])
def test_a_subclass_that_computes_otherwise_is_not_converted_blindly(layer):
    with pytest.raises(ConversionError, match=r"0 \(\w+\).*of its own.*register"):
        from_torch(nn.Sequential(layer), tree(), subclasses="convert")
    twin = ANALOG_CLASSES[type(layer).__bases__[0]]
    with pytest.raises(ConversionError, match="of its own"):
        twin.from_torch(layer, tree())


def tripled(layer, name):
    """``layer``, one method of which is replaced by one with three times its result."""
    kept = getattr(type(layer), name)
    method = types.MethodType(lambda self, *args: 3.0 * kept(self, *args), layer)
    setattr(layer, name, method)
    return layer


REPLACED = {
    "forward": lambda: tripled(nn.Linear(2, 2), "forward"),
    "_conv_forward": lambda: tripled(nn.Conv1d(2, 2, 1), "_conv_forward"),
    "_call_impl": lambda: tripled(nn.Linear(2, 2), "_call_impl"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_layer_with_a_replaced_method_is_never_called_analog(name):
    stock = nn.Sequential(REPLACED[name](), nn.Linear(2, 2))
    x = torch.ones(2, 2)
    with pytest.warns(ConversionWarning, match=rf"0 \(.*{name} was replaced"):
        analog, report = from_torch(stock, tree(), report=True)
    assert analog_names(analog) == ["1"]
    assert f"{name} replaced" in report.digital[0].why
    torch.testing.assert_close(analog(x), stock(x))
    for policy in ("raise", "convert"):
        with pytest.raises(ConversionError, match=rf"0 \(.*{name}.*replaced"):
            from_torch(stock, tree(), subclasses=policy)
    twin = ANALOG_CLASSES[type(stock[0])]
    with pytest.raises(ConversionError, match=f"{name} replaced"):
        twin.from_torch(stock[0], tree())


def test_an_attention_whose_output_projection_has_a_replaced_method_is_refused():
    attention = nn.MultiheadAttention(4, 2)
    tripled(attention.out_proj, "forward")
    with pytest.raises(ConversionError, match="forward replaced"):
        AnalogMultiheadAttention.from_torch(attention, tree())


def test_what_is_left_out_by_name_needs_no_warning():
    stock = nn.Sequential(nn.Linear(2, 2), Custom(2, 2), nn.Bilinear(2, 2, 2))
    analog = from_torch(stock, tree(), include="0")
    assert analog_names(analog) == ["0"]


def test_an_unknown_policy_is_refused():
    with pytest.raises(ConversionError, match="sometimes"):
        from_torch(Net(), tree(), subclasses="sometimes")


@pytest.mark.parametrize("rows", [0, 1])
def test_a_parametrized_layer_goes_on_being_parametrized(rows):
    stock = nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 3)), nn.Linear(3, 2))
    analog = from_torch(stock, tree(), rows, subclasses="convert")
    assert len(analog_modules(analog)) == 2
    x = torch.randn(5, 4)
    torch.testing.assert_close(analog(x), stock(x))
    optimizer = torch.optim.SGD(analog.parameters(), lr=0.1)
    analog(x).square().sum().backward()
    assert analog[0].parametrizations.weight.original0.grad.any()
    optimizer.step()
    torch.testing.assert_close(analog(x), to_torch(analog)(x))
    assert parametrize.is_parametrized(to_torch(analog)[0])
    physical = to_torch(analog, physical_weights=True)
    assert type(physical[0]) is nn.Linear
    torch.testing.assert_close(physical(x), analog(x))
    analog[0].reinitialize()
    analog[0].bias_rows = 2
    torch.testing.assert_close(analog(x), to_torch(analog)(x))


def test_an_analog_layer_may_be_parametrized_afterwards():
    layer = AnalogLinear(tree(), 4, 3, bias_rows=1)
    parametrizations.weight_norm(layer)
    x = torch.randn(2, 4)
    assert analog_modules(nn.Sequential(layer)) == [layer]
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias))
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(2.0)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias))
    before = layer.chip_conductance_0
    layer(x)
    assert layer.chip_conductance_0 is before
    layer.reinitialize()


@pytest.mark.filterwarnings("ignore:.*is deprecated")
@pytest.mark.parametrize("how", ["prune", "weight_norm", "spectral_norm"])
def test_weights_that_hooks_compute_are_converted_with_their_hooks(how):
    layer = nn.Linear(4, 3)
    if how == "prune":
        prune.l1_unstructured(layer, "weight", amount=0.5)
    else:
        getattr(nn.utils, how)(layer)
    stock = nn.Sequential(layer).eval()
    x = torch.randn(2, 4)
    want = stock(x)
    analog = from_torch(stock, tree(), 1)
    torch.testing.assert_close(analog(x), want)
    before = analog[0].chip_conductance_0
    analog(x).sum().backward()
    assert analog[0].chip_conductance_0 is before
    grads = [p.grad for n, p in analog.named_parameters() if n.startswith("0.weight")]
    assert any(g is not None and g.any() for g in grads)
    physical = to_torch(analog, physical_weights=True)
    torch.testing.assert_close(physical(x), want)
    assert {n for n, _ in physical.named_parameters()} == {"0.weight", "0.bias"}


# The report


def test_the_report_tells_every_layer_with_weights_and_what_holds_it():
    model, report = from_torch(
        Net(), tree(core__rows_max=16, core__cols_max=8), 0, exclude="head.b", report=True
    )
    rows = {layer.name: layer for layer in report.layers}
    assert list(rows) == ["stem", "body.0", "body.1", "head.a", "head.b"]
    assert [layer.analog for layer in report.layers] == [True, True, False, True, False]
    assert rows["body.1"].why == "no matrix product"
    assert rows["head.b"].why == "left out of the conversion"
    assert rows["stem"].why == "bias digital"
    stem = rows["stem"]
    assert (stem.kind, stem.arrays, stem.cells) == ("AnalogConv2d", 2, 2 * 4 * 9)
    assert stem.utilisation == 4 * 9 / (16 * 8)
    # 36 inputs take three arrays of 12, and half of the cells lie between the groups.
    assert (rows["body.0"].arrays, rows["body.0"].cells) == (2 * 3, 2 * 4 * 36)
    assert rows["body.0"].utilisation == 4 * 18 / (3 * 16 * 8)
    assert report == ConversionReport.of(model)
    assert json.loads(json.dumps(report.to_dict()))["layers"][0]["name"] == "stem"
    text = str(report).splitlines()
    assert len(text) == 6
    assert "28.1 %" in text[1]
    assert "left out of the conversion" in text[5]


def test_the_report_says_why_a_layer_stayed_digital():
    stock = nn.ModuleList(
        [Custom(2, 2), parametrizations.weight_norm(nn.Linear(2, 2)), nn.Linear(2, 2)]
    )
    stock.append(nn.Bilinear(2, 2, 2))
    report = ConversionReport.of(stock)
    assert [layer.why for layer in report.digital] == [
        "subclass of Linear without a twin of its own",
        "parametrized",
        "left out of the conversion",
        "no analog twin is registered for its class",
    ]


def test_a_single_layer_has_a_report_too():
    layer, report = from_torch(nn.Linear(4, 3), tree(), 1, report=True)
    assert isinstance(layer, AnalogLinear)
    assert [row.name for row in report.layers] == [""]
    assert report.layers[0].cells == 2 * 3 * 5


@needs_devices
def test_a_failing_conversion_with_patterns_leaves_the_network_as_it_was():
    stock = Net()
    with pytest.raises(ParameterError):
        from_torch(
            stock,
            {"stem": tree(ERRORS), "*": tree(core__style="OFFSET", xbar__device__cell_bits=1)},
        )
    assert analog_modules(stock) == []


# The command


@pytest.fixture
def crosssim(tmp_path, monkeypatch):
    """Run ``crosssim`` in a directory with a network."""
    testing = pytest.importorskip("typer.testing", reason="needs the extra crosssim-core[cli]")
    from crosssim_core.cli import build_app

    (tmp_path / "my_network.py").write_text(
        "from torch import nn\n\n\n"
        "def make():\n    return nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.LayerNorm(3))\n\n\n"
        "ready = make()\nnumber = int\nthree = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    runner = testing.CliRunner(env={"COLUMNS": "200"})
    return lambda *words: runner.invoke(build_app(), ["report", *words])


@pytest.mark.parametrize("place", ["my_network:make", "my_network:ready"])
def test_the_command_prints_the_report(crosssim, place):
    result = crosssim(place, "--groups", "packed", "--bias-rows", "1")
    assert result.exit_code == 0, result.output
    (conv,) = [line for line in result.output.splitlines() if "AnalogConv2d" in line]
    assert "analog" in conv
    # Four pairs of arrays with nine weights and a bias in each.
    assert " 8 " in conv
    assert " 80 " in conv
    assert "no matrix product" in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["my_network"], "module:name"),
        (["my_network:absent"], "absent"),
        (["my_network:number"], "int"),
        (["my_network:three"], "no network but int"),
        (["my_network:nn.Linear"], "in_features"),
        (["my_network:make", "absent.json"], "absent.json"),
        (["my_network:make", "--groups", "loose"], "loose"),
        (["my_network:make", "--exclude", "7"], "exclude"),
    ],
)
def test_the_command_says_what_is_wrong(crosssim, words, message):
    result = crosssim(*words)
    assert result.exit_code != 0
    assert isinstance(result.exception, CrossSimError)  # which the command prints in one line
    assert message in str(result.exception)
