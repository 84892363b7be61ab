"""Outputs and derivatives of layers against the figures of ``tests/reference``."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from agreement import assert_agrees
from analog_settings import tree
from torch import nn

from crosssim_torch import from_torch

pytest.importorskip("crosssim_devices", reason="the reference cases name models of that package")

REFERENCE = Path(__file__).parents[1] / "reference"
CASES = json.loads((REFERENCE / "layers.json").read_text())

# CrossSim writes core.weight_bits where it has no effect too.
pytestmark = pytest.mark.filterwarnings("ignore:core.weight_bits")


@pytest.fixture(scope="module")
def arrays():
    with np.load(REFERENCE / "layers.npz") as file:
        return dict(file)


def named(case):
    return f"{case['id']}-{case['kind']}"


def flat(outputs):
    """All tensors of nested tuples, in order."""
    return [t for o in outputs for t in flat(o)] if isinstance(outputs, tuple) else [outputs]


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
@pytest.mark.parametrize("case", CASES, ids=named)
def test_outputs_and_derivatives_agree_with_the_reference(case, literal, arrays):
    # In float64 no rounding tie depends on the order of a sum, hence on the machine.
    own = {
        name.partition("/")[2]: torch.tensor(value, dtype=torch.float64)
        for name, value in arrays.items()
        if name.partition("/")[0] == str(case["id"])
    }
    stock = getattr(nn, case["kind"])(**case["kwargs"], dtype=torch.float64)
    stock.load_state_dict({n[6:]: v for n, v in own.items() if n.startswith("state/")})
    params = tree(dict(case["overrides"]), simulation__literal=literal)
    layer = from_torch(stock, params, case["bias_rows"])
    x = own["x"].requires_grad_()
    outputs = flat(layer(x))
    torch.autograd.backward(outputs, [own[f"g{i}"] for i in range(len(outputs))])
    got = {f"y{i}": y.detach() for i, y in enumerate(outputs)} | {"grad/x": x.grad}
    got |= {f"grad/{name}": p.grad for name, p in layer.named_parameters()}
    wanted = {name for name in own if name.startswith(("y", "grad/"))}
    assert {name for name in got if name.startswith("y")} <= wanted
    for name in wanted:
        assert_agrees(got[name], own[name])
