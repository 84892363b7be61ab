"""Products through circuit ADCs against the figures of ``tests/reference``."""

import json
from pathlib import Path

import numpy as np
import pytest
from agreement import assert_agrees

from crosssim_core import AnalogCore, CrossSimParameters

REFERENCE = Path(__file__).parents[2] / "reference"
ARRAYS = np.load(REFERENCE / "core.npz")
CASES = [
    case
    for case in json.loads((REFERENCE / "core.json").read_text())
    if case["family"] == "circuit_adc"
]


def one_code(params, a):
    """Upper bound of the effect of one code of one conversion on a product, in user units."""
    adc, limits = params.xbar.adc.mvm, params.core.mapping.inputs.mvm
    if not adc.converts:
        return None
    span = limits.max - limits.min
    volts = np.max(np.abs(adc.calibrated_range))
    return 4 * volts / 2**adc.bits / params.xbar.device.Grange_norm * np.max(np.abs(a)) * span


@pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
def test_products_agree_with_the_reference(case, literal):
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
        step = None if name == "read" else one_code(params, a)
        assert_agrees(products[name](), ARRAYS[f"{case['id']}/{name}"], ties_step=step)
