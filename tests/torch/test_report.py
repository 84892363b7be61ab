"""What a conversion tells of the layers of a network, in a report and on the command line."""

import json

import pytest
import torch
from analog_settings import ERRORS, needs_devices, tree
from choices import Custom, Net
from torch import nn
from torch.nn.utils import parametrizations

from crosssim_core.errors import (
    CrossSimError,
    ParameterError,
)
from crosssim_torch import (
    AnalogLinear,
    ConversionReport,
    analog_modules,
    from_torch,
)


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


class WithLists(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.gains = nn.ParameterList([torch.ones(2), torch.ones(())])
        self.shifts = nn.ParameterDict({"a": torch.ones(2)})
        self.matrices = nn.ParameterList([torch.ones(2), torch.eye(2)])

    def forward(self, x):
        return (self.fc(x) * self.gains[0] + self.shifts["a"]) @ self.matrices[1]


def test_a_list_of_parameters_is_told_of_only_if_it_may_hold_a_matrix():
    _, report = from_torch(WithLists(), tree(), report=True)
    told = [(row.name, row.why) for row in report.layers]
    assert told[1:] == [("matrices", "no layer: what uses its matrices is digital")]


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
