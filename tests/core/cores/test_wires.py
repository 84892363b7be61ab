"""Cores whose wires have resistance or whose cells are not ohmic, to eight digits."""

import numpy as np
import pytest
from analog_settings import needs_devices, tree

from crosssim_core import AnalogCore
from crosssim_core.cores.state import ChipState

PLUS = np.array([[0.9, 0.2, 0.5], [0.1, 0.7, 0.4], [0.6, 0.3, 1.0]])
MINUS = np.array([[0.1, 0.8, 0.3], [0.5, 0.2, 0.6], [0.4, 0.9, 0.1]])
V = np.array([1.0, -0.5, 0.25])
EXACT = 1e-8
"""A unit of the last digit that is known."""

WIRES = {
    "core.mapping.weights.percentile": None,
    "core.mapping.weights.min": -1.0,
    "core.mapping.weights.max": 1.0,
    "xbar.device.infinite_on_off_ratio": True,
    "xbar.array.parasitics.enable": True,
    "xbar.array.parasitics.Rp_row": 10.0,
    "xbar.array.parasitics.Rp_col": 20.0,
}
ROW_END = {"xbar.array.parasitics.Rp_row_terminal": 30.0}
COL_END = {"xbar.array.parasitics.Rp_col_terminal": 50.0}
BOTH_ENDS = ROW_END | COL_END
SUPPLY = {
    "xbar.array.parasitics.current_from_input": False,
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 2,
    "xbar.dac.mvm.input_bitslicing": True,
    "xbar.dac.mvm.slice_size": 1,
}
CUBIC = {
    "xbar.device.nonlinear_IV.enable": True,
    "xbar.device.nonlinear_IV.model": "CubicDevice",
    "xbar.device.Vread": 1.0,
    "simulation.Verr_th_mvm": 1e-11,
}
TOP_OF_FIVE = {"core.rows_max": 5}
BOTTOM_OF_FIVE = TOP_OF_FIVE | {"xbar.array.parasitics.selected_rows": "bottom"}

literally = pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])


def core_of(case, *settings, literal, xp=np):
    """A balanced core of the golden cells: the positive ones alone, or pairs on shared lines."""
    pairs = case.startswith("i ")
    params = tree(
        WIRES,
        *settings,
        core__balanced__interleaved_posneg=pairs,
        simulation__literal=literal,
    )
    core = AnalogCore(PLUS, params)
    state = core.state()
    g = np.stack((PLUS, MINUS if pairs else np.zeros((3, 3))))[None]
    return AnalogCore.from_state(
        ChipState(dict(state.arrays) | {"conductance_0": g}, state.info),
        like=xp.zeros(1, dtype=xp.float64),
    )


def product(core, case, x, xp=np):
    x = xp.asarray(np.array(x, dtype=float))
    return np.asarray(core @ x if case.endswith("mvm") else core.rmatmul(x))


INPUT_SOURCE = [
    ("ni mvm", {}, [0.85179302, -0.14063835, 0.63893563]),
    ("ni mvm", COL_END, [0.79244852, -0.13252656, 0.58724311]),
    ("ni mvm", ROW_END, [0.81334233, -0.13810040, 0.60851538]),
    ("ni mvm", BOTH_ENDS, [0.75827172, -0.12941299, 0.56103233]),
    ("ni vmm", {}, [0.93812646, -0.07088893, 0.50052852]),
    ("ni vmm", BOTH_ENDS, [0.83372446, -0.06812443, 0.43901544]),
    ("i mvm", {}, [1.01891463, -0.63473707, 0.63142090]),
    ("i mvm", BOTH_ENDS, [0.86113253, -0.55464088, 0.51950010]),
    ("i vmm", {}, [0.96980464, -0.90866899, 0.47018424]),
    ("i vmm", BOTH_ENDS, [0.83898278, -0.79406195, 0.39925774]),
]


@literally
@pytest.mark.parametrize(("case", "ends", "currents"), INPUT_SOURCE)
def test_cells_on_input_lines_give_the_golden_products(xp, case, ends, currents, literal):
    core = core_of(case, ends, literal=literal, xp=xp)
    np.testing.assert_allclose(product(core, case, V, xp), currents, rtol=0, atol=EXACT)


@literally
def test_golden_arrays_need_not_be_square(literal):
    params = tree(WIRES, simulation__literal=literal)
    core = AnalogCore(PLUS[:2], params)
    got = np.concatenate((core @ V, np.array([1, -0.5]) @ core))
    want = [0.85728145, -0.13982758, 0.80801379, -0.14243954, 0.27896171]
    np.testing.assert_allclose(got, want, rtol=0, atol=EXACT)


SEPARATE = [
    ("ni mvm", [1, 0, 1], {}, [1.31017197, 0.48914229, 1.49603131]),
    ("ni mvm", [1, 0, 1], BOTH_ENDS, [1.18587586, 0.47072227, 1.33612100]),
    ("ni mvm", [1, 0, 1], TOP_OF_FIVE, [1.24492912, 0.47975554, 1.41156169]),
    ("ni mvm", [1, 0, 1], BOTTOM_OF_FIVE, [1.27671757, 0.48440344, 1.45256952]),
    ("ni mvm", [1, 0, 1], BOTTOM_OF_FIVE | BOTH_ENDS, [1.15840145, 0.46633202, 1.30134589]),
    ("ni mvm", [1, 1, 1], {}, [1.48461514, 1.13398182, 1.75364042]),
    ("ni mvm", [1, -1, 0], {}, [0.64930355, -0.57257566, 0.28123957]),
    ("ni vmm", [1, 0, 1], {}, [1.40793308, 0.48838391, 1.39560339]),
    ("ni vmm", [1, 1, 1], {}, [1.49542993, 1.13078678, 1.73747966]),
    ("ni vmm", [1, -1, 0], {}, [0.76194481, -0.47386609, 0.09720952]),
    ("i mvm", [1, 0, 1], {}, [0.91745848, -0.56003977, 1.01043139]),
    ("i mvm", [1, 0, 1], BOTH_ENDS, [0.80693315, -0.49831019, 0.87164091]),
    ("i mvm", [1, 0, 1], TOP_OF_FIVE, [0.85979042, -0.52805339, 0.93775819]),
    ("i mvm", [1, 0, 1], BOTTOM_OF_FIVE, [0.88704529, -0.54321237, 0.97159671]),
    ("i mvm", [1, 0, 1], BOTTOM_OF_FIVE | BOTH_ENDS, [0.78221075, -0.48425490, 0.84095449]),
    ("i mvm", [1, 1, 1], {}, [0.35362130, -0.09476572, 0.45267622]),
    ("i mvm", [1, -1, 0], {}, [1.26594573, -0.83476238, 0.71839768]),
    ("i vmm", [1, 0, 1], {}, [0.92175063, -1.08953625, 1.00260343]),
    ("i vmm", [1, 1, 1], {}, [0.54600284, -0.61773505, 0.78442856]),
    ("i vmm", [1, -1, 0], {}, [1.13199831, -1.02716576, 0.37444400]),
]


@needs_devices
@literally
@pytest.mark.parametrize(("case", "x", "settings", "currents"), SEPARATE)
def test_cells_on_supply_lines_give_the_golden_products(xp, case, x, settings, currents, literal):
    core = core_of(case, SUPPLY, settings, literal=literal, xp=xp)
    np.testing.assert_allclose(product(core, case, x, xp), currents, rtol=0, atol=EXACT)


IDEAL_WIRES = {"xbar.array.parasitics.enable": False}
BENT = [
    ("ni mvm", V, IDEAL_WIRES, [0.70429688, -0.15468750, 0.55546875]),
    ("i mvm", V, IDEAL_WIRES, [0.93046875, -0.58359375, 0.65273437]),
    ("ni mvm", V, {}, [0.67970088, -0.14645388, 0.52675233]),
    ("i mvm", V, {}, [0.86723759, -0.54841093, 0.59372593]),
    ("ni mvm", [1, 0, 1], SUPPLY, [1.02961010, 0.37282816, 1.17647645]),
    ("i mvm", [1, 0, 1], SUPPLY, [0.73180135, -0.44159169, 0.80546042]),
]


@needs_devices
@literally
@pytest.mark.parametrize(("case", "x", "settings", "currents"), BENT)
def test_cells_that_saturate_give_the_golden_products(xp, case, x, settings, currents, literal):
    core = core_of(case, CUBIC, settings, literal=literal, xp=xp)
    np.testing.assert_allclose(product(core, case, x, xp), currents, rtol=0, atol=EXACT)


@needs_devices
def test_voltages_of_cells_that_are_off_may_exceed_all_sources():
    """Digits of both signs on shared lines lift one another: 3.3 times the largest here."""
    wires = {"Rp_row": 1e3, "Rp_col": 5e3, "Rp_row_terminal": 7e3, "Rp_col_terminal": 4e3}
    params = tree(
        SUPPLY,
        CUBIC | {"xbar.device.Vread": 0.1},
        {f"xbar.array.parasitics.{name}": value for name, value in wires.items()},
        core__balanced__interleaved_posneg=True,
        core__balanced__style="TWO_SIDED",
        xbar__device__infinite_on_off_ratio=True,
        xbar__array__parasitics__enable=True,
    )
    core = AnalogCore([[1.0, -0.5, 1.0, 1.0, 0.5, 0.5]], params)
    assert core @ [-1.0, -1.0, -1.0, 1.0, -1.0, -1.0] == pytest.approx([-0.00167459], abs=EXACT)
