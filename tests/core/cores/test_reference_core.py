"""Products against the figures of ``tests/reference``."""

import json
from pathlib import Path

import numpy as np
import pytest
from agreement import assert_agrees

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.chain.mapping import decode

pytest.importorskip("crosssim_devices", reason="the reference cases name models of that package")

# Some cases set parameters that their style ignores.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

REFERENCE = Path(__file__).parents[2] / "reference"
ARRAYS = np.load(REFERENCE / "core.npz")
CASES = json.loads((REFERENCE / "core.json").read_text())


FAMILIES = ("core", "partition", "complex", "parasitics", "separate_source", "nonlinear")


def one_code(core):
    """Effect of one ADC code of the most significant slice and digit, in user units."""
    codes = []
    for part in core._plan.arrays:
        for plan in part.reads.values():
            if not plan.converts:
                continue
            shares = [np.zeros((2, 1)) for _ in plan.adcs]
            shares[-1][1] = plan.adcs[-1].model.uniform.step
            if plan.adc_per_digit:
                shares[-1] *= plan.path.digits.weight(plan.path.digits.count - 1)
            effect = decode(plan.mapping, shares, np.zeros((1, 1)), axis=0)
            codes.append(
                core._programmed.state.weights.half * effect[-1, 0] / plan.path.scale.factor
            )
    return max(codes, default=None)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["family"] in FAMILIES], ids=lambda c: f"{c['id']}-{c['family']}"
)
@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
def test_products_and_readback_agree_with_the_reference(xp, case, literal):
    params = CrossSimParameters()
    for path, value in case["overrides"]:
        params.update({path: value})
    params.simulation.literal = literal
    a, x, y = (xp.asarray(ARRAYS[f"{case['id']}/{name}"]) for name in "AXY")
    core = AnalogCore(a, params)
    products = {
        "matvec": lambda: core.matvec(x[:, 0]),
        "matmat": lambda: core.matmat(x),
        "vecmat": lambda: core.vecmat(y[0, :]),
        "rmatmat": lambda: core.rmatmat(y),
        "read": core.get_matrix,
    }
    for name in case["outputs"]:
        ties_step = None if name == "read" else one_code(core)
        assert_agrees(products[name](), ARRAYS[f"{case['id']}/{name}"], ties_step=ties_step)
