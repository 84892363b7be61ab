"""Products against the figures of ``tests/reference``."""

import json
from pathlib import Path

import numpy as np
import pytest

from crosssim_core import AnalogCore, CrossSimParameters

pytest.importorskip("crosssim_devices", reason="the reference cases name models of that package")

REFERENCE = Path(__file__).parents[2] / "reference"
ARRAYS = np.load(REFERENCE / "core.npz")
CASES = json.loads((REFERENCE / "core.json").read_text())


def built(case):
    overrides = dict(map(tuple, case["overrides"]))
    return (
        case["family"] in ("core", "partition", "complex")
        and overrides.get("core.style") == "BALANCED"
        and not overrides.get("xbar.dac.mvm.input_bitslicing")
    )


def one_code(core, params):
    """The effect of one ADC code on a product, in user units; 0 without an ADC."""
    plan = core._plan
    limit = core._programmed.state.weight_limit
    codes = [
        limit / (part.reads[side].input_scale * part.mapping.g_range) * adc.uniform.step
        for part in plan.arrays
        for side in ("mvm", "vmm")
        for adc in part.reads[side].adcs
        if adc is not None
    ]
    return max(codes, default=0.0)


@pytest.mark.parametrize("case", filter(built, CASES), ids=lambda c: f"{c['id']}-{c['family']}")
@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
def test_products_and_readback_agree_with_the_reference(case, literal, agrees):
    params = CrossSimParameters()
    for path, value in case["overrides"]:
        params.update({path: value})
    params.simulation.literal = literal
    a, x, y = (ARRAYS[f"{case['id']}/{name}"] for name in "AXY")
    core = AnalogCore(a, params)
    products = {
        "matvec": lambda: core @ x[:, 0],
        "matmat": lambda: core @ x,
        "vecmat": lambda: y[0] @ core,
        "rmatmat": lambda: y @ core,
        "read": core.get_matrix,
    }
    for name in case["outputs"]:
        ties_step = None if name == "read" else one_code(core, params)
        agrees(products[name](), ARRAYS[f"{case['id']}/{name}"], ties_step=ties_step)
