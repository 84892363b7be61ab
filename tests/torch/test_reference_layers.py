"""Outputs and derivatives of layers against the figures of ``tests/reference``."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from agreement import assert_agrees, code_step
from analog_settings import tree
from torch import nn

from crosssim_torch import from_torch

pytest.importorskip("crosssim_devices", reason="the reference cases name models of that package")

REFERENCE = Path(__file__).parents[1] / "reference"
CASES = json.loads((REFERENCE / "layers.json").read_text())
KINDS = ("Linear", "Conv1d", "Conv2d", "Conv3d")

# CrossSim writes core.weight_bits where it has no effect too.
pytestmark = pytest.mark.filterwarnings("ignore:core.weight_bits")


@pytest.fixture(scope="module")
def arrays():
    with np.load(REFERENCE / "layers.npz") as file:
        return dict(file)


def built(case):
    return case["kind"] in KINDS and ["core.style", "BALANCED"] in case["overrides"]


def named(case):
    return f"{case['id']}-{case['kind']}"


def read(case, arrays, *, literal):
    """The analog layer of ``case`` and all that it gives: output and derivatives, by name."""
    own = {
        name.partition("/")[2]: torch.tensor(value)
        for name, value in arrays.items()
        if name.partition("/")[0] == str(case["id"])
    }
    stock = getattr(nn, case["kind"])(**case["kwargs"])
    stock.load_state_dict({n[6:]: v for n, v in own.items() if n.startswith("state/")})
    params = tree(dict(case["overrides"]), simulation__literal=literal)
    layer = from_torch(stock, params, case["bias_rows"])
    x = own["x"].requires_grad_()
    y = layer(x)
    y.backward(own["g0"])
    got = {"y0": y.detach(), "grad/x": x.grad}
    got |= {f"grad/{name}": p.grad for name, p in layer.named_parameters()}
    return layer, got, own


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
@pytest.mark.parametrize("case", list(filter(built, CASES)), ids=named)
def test_outputs_and_derivatives_agree_with_the_reference(case, literal, arrays):
    layer, got, own = read(case, arrays, literal=literal)
    assert {n for n in own if n.startswith(("y", "grad/"))} == got.keys()
    matrix = layer.form_matrix()
    inputs = min(layer.params.core.rows_max or matrix.shape[1], matrix.shape[1])
    step = code_step(layer.params, weight_limit=float(matrix.abs().max()), inputs=inputs)
    for name, value in got.items():
        assert_agrees(value, own[name], ties_step=step if name == "y0" else None)
