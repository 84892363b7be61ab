"""Numbered defects of CrossSim 3.2 that cores with wires and nonlinear cells do not share.

Those of the solvers alone are tested with the solvers.
"""

import numpy as np
import pytest
from analog_settings import needs_devices
from erring_models import STYLES, bench_installed, slot, tree

from crosssim_core import AnalogCore
from crosssim_core.errors import ParameterError
from crosssim_core.layers import AnalogLayer, ConvLayout

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

RANDOM = np.random.default_rng(0)
A = RANDOM.uniform(-1, 1, (4, 7))
X = RANDOM.uniform(-1, 1, (7, 3))
ROW = {"xbar.array.parasitics.Rp_row": 12.0, "xbar.array.parasitics.Rp_row_terminal": 30.0}
COL = {"xbar.array.parasitics.Rp_col": 7.0, "xbar.array.parasitics.Rp_col_terminal": 50.0}
ON = {"xbar.array.parasitics.enable": True}
WIRES = ON | ROW | COL
SWAPPED = ON | {
    name.replace("row", "other").replace("col", "row").replace("other", "col"): value
    for name, value in (ROW | COL).items()
}
SHARED = {"core.balanced.interleaved_posneg": True}
DIGITS = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 4,
    "xbar.dac.mvm.input_bitslicing": True,
}
SUPPLY = DIGITS | {"xbar.array.parasitics.current_from_input": False}
TOPOLOGIES = {
    "input lines": {},
    "pairs on input lines": SHARED,
    "supply lines": SUPPLY,
    "pairs on supply lines": SHARED | SUPPLY,
}
topologies = pytest.mark.parametrize(
    "topology", [pytest.param(t, id=n, marks=needs_devices) for n, t in TOPOLOGIES.items()]
)
LOPSIDED = slot("nonlinear_IV", "bench.lopsided", 0.3)
GROWING = slot("nonlinear_IV", "bench.growing")


@pytest.fixture(autouse=True)
def bench():
    with bench_installed():
        yield


@topologies
@pytest.mark.parametrize("law", [{}, LOPSIDED, GROWING], ids=["ohmic", "polynomial", "other"])
@pytest.mark.parametrize("wires", [True, False])
def test_defect_1_b04_products_from_the_left_see_the_transpose(topology, law, wires):
    """Not square, and one vector or many: with lines and columns exchanged nothing changes."""
    there, back = (WIRES, SWAPPED) if wires else ({}, {})
    left = AnalogCore(A, tree(topology, law, there, core__balanced__style="TWO_SIDED"))
    right = AnalogCore(A.T, tree(topology, law, back, core__balanced__style="TWO_SIDED"))
    x = X[:4, :]
    np.testing.assert_allclose(x.T @ left, (right @ x).T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(x[:, 0] @ left, right @ x[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("style", [{}, SHARED], ids=["apart", "shared"])
def test_defect_2_the_driver_of_every_input_line_has_its_terminal_resistance(style):
    """Without segments each driver is a divider, loaded by all cells of its line."""
    params = tree(ON, style, xbar__array__parasitics__Rp_row_terminal=50.0)
    core = AnalogCore(A, params)
    g = core.conductances()[0].relative[0]
    want = g / (1 + 0.05 * g.sum(axis=1, keepdims=True))
    limit = np.abs(A).max()
    np.testing.assert_allclose(core @ X, (want[0] - want[1]) @ X * limit / 0.9, rtol=1e-12)


@topologies
def test_defect_3_windows_that_are_packed_together_change_nothing(topology):
    layout = ConvLayout(
        2, 3, (2, 2), stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), bias=False
    )
    weight = RANDOM.uniform(-1, 1, (3, 2, 2, 2))
    images = RANDOM.uniform(-1, 1, (2, 2, 4, 5))
    outputs = [
        AnalogLayer.program(layout, weight, params=tree(WIRES, topology, packing))(images)
        for packing in ({}, {f"simulation.convolution.{axis}_par": 2 for axis in "xy"})
    ]
    np.testing.assert_array_equal(*outputs)
    windows = images[:, :, 1:3, 2:4].reshape(2, 8)
    alone = AnalogCore(weight.reshape(3, 8), tree(WIRES, topology)) @ windows.T
    np.testing.assert_allclose(outputs[0][:, :, 1, 2].T, alone, rtol=0, atol=1e-12)


@topologies
@pytest.mark.parametrize("style", ["slices", "slices, unit line"])
def test_defect_4_b08_slices_have_wires_and_each_can_go_without(topology, style):
    """Only the enabled slices differ from those of ideal wires."""
    ideal = AnalogCore(A, tree(STYLES[style], topology)) @ X
    disabled = {"xbar.array.parasitics.disable_slices": [0, 1]}
    none = AnalogCore(A, tree(STYLES[style], topology, WIRES, disabled)) @ X
    np.testing.assert_allclose(none, ideal, rtol=0, atol=1e-12)
    significant, other, both = (
        AnalogCore(
            A, tree(STYLES[style], topology, WIRES, {"xbar.array.parasitics.disable_slices": off})
        )
        @ X
        for off in ([0], [1], [])
    )
    np.testing.assert_allclose(significant + other, both + ideal, rtol=0, atol=1e-12)
    assert np.abs(significant - ideal).max() > 3 * np.abs(other - ideal).max() > 0


def test_defect_5_small_inputs_and_small_resistances_have_their_effect():
    core = AnalogCore(A, tree(WIRES))
    np.testing.assert_allclose(core @ (1e-9 * X), 1e-9 * (core @ X), rtol=1e-12)
    slight = tree(ON, xbar__array__parasitics__Rp_row=1e-6, xbar__array__parasitics__Rp_col=1e-6)
    assert 1e-9 < np.abs(AnalogCore(A, slight) @ X - A @ X).max() < 1e-6


@topologies
@pytest.mark.parametrize("law", [{}, LOPSIDED], ids=["ohmic", "lopsided"])
def test_defect_6_a_product_does_not_depend_on_its_batch_mates(topology, law):
    core = AnalogCore(A, tree(WIRES, topology, law, simulation__Verr_th_mvm=1e-12))
    x = np.stack((X[:, 0], np.zeros(7), 1e-3 * X[:, 1], X[:, 2]), axis=1)
    alone = np.stack([core @ vector for vector in x.T], axis=1)
    np.testing.assert_allclose(core @ x, alone, rtol=0, atol=1e-11)


@topologies
def test_defect_7_matrices_and_inputs_in_single_precision_are_solved(topology):
    params = tree(WIRES, topology, LOPSIDED, simulation__Verr_th_mvm=1e-10)
    single = AnalogCore(A.astype(np.float32), params)
    double = AnalogCore(A.astype(np.float32).astype(float), params)
    got = single @ X.astype(np.float32)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, double @ X.astype(np.float32), rtol=0, atol=1e-6)


@topologies
def test_defects_8_and_11_a_product_does_not_depend_on_earlier_ones(topology):
    core, fresh = (AnalogCore(A, tree(WIRES, topology)) for _ in range(2))
    X[:4, 0] @ core
    core @ (1e3 * X)
    np.testing.assert_array_equal(core @ X, fresh @ X)


@pytest.mark.parametrize("ohms", [10.0, 1e7])
@topologies
def test_defect_9_no_resistance_is_too_much(topology, ohms):
    params = tree(ON, topology, xbar__device__infinite_on_off_ratio=True)
    params.xbar.array.parasitics.Rp_row = params.xbar.array.parasitics.Rp_col = ohms
    core = AnalogCore(np.random.default_rng(1).uniform(-1, 1, (64, 128)), params)
    y = core @ np.ones(128)
    assert np.all(np.isfinite(y))
    assert 0 < np.abs(y).max() < 100


@pytest.mark.parametrize("style", [{}, SHARED], ids=["apart", "shared"])
def test_defect_12_wires_without_resistance_are_ideal_wires(style):
    enabled, plain = AnalogCore(A, tree(ON, style)), AnalogCore(A, tree(style))
    np.testing.assert_array_equal(enabled @ X, plain @ X)
    np.testing.assert_array_equal(X.T @ enabled.T, X.T @ plain.T)


@needs_devices
@pytest.mark.parametrize("side", ["mvm", "vmm"])
@pytest.mark.parametrize("change", [{"input_bitslicing": False}, {"slice_size": 2}], ids=str)
def test_defect_13_supply_lines_need_binary_inputs_on_the_side_that_is_used(side, change):
    apart = {f"xbar.dac.{side}.{name}": value for name, value in change.items()}
    params = tree(WIRES, SUPPLY, {"xbar.dac.match": False})
    params.xbar.dac.vmm = params.xbar.dac.mvm.model_copy(deep=True)
    params.update(apart)

    def read_both_sides():
        core = AnalogCore(A, params)
        assert (core @ X).shape == (4, 3)
        return X[:4, 0] @ core

    with pytest.raises(ParameterError, match=rf"needs binary inputs: dac\.{side}\.input_bitsl"):
        read_both_sides()


def test_defect_14_input_lines_heed_no_unused_rows_and_wrong_rows_are_refused():
    want = AnalogCore(A, tree(WIRES)) @ X
    for rows in ("top", "bottom"):
        larger = tree(WIRES, core__rows_max=20, xbar__array__parasitics__selected_rows=rows)
        np.testing.assert_array_equal(AnalogCore(A, larger) @ X, want)
    with pytest.raises(ParameterError, match="selected_rows"):
        tree(xbar__array__parasitics__selected_rows="middle")


def test_defect_15_cells_on_one_line_see_one_voltage_or_with_wires_opposite_ones():
    ideal = AnalogCore(A, tree(SHARED, LOPSIDED, core__balanced__style="TWO_SIDED"))
    plus, minus = ideal.conductances()[0].relative[0]
    scale = np.abs(A).max() / 0.9
    one = (plus - minus) @ (X + 0.3 * X**2)
    np.testing.assert_allclose(ideal @ X, scale * one, rtol=0, atol=1e-12)
    barely = {"xbar.array.parasitics.Rp_row": 1e-9, "simulation.Verr_th_mvm": 1e-12}
    wired = AnalogCore(A, tree(SHARED, LOPSIDED, ON, barely, core__balanced__style="TWO_SIDED"))
    opposite = plus @ (X + 0.3 * X**2) - minus @ (X - 0.3 * X**2)
    np.testing.assert_allclose(wired @ X, scale * opposite, rtol=0, atol=1e-9)


def test_defect_17_single_cells_never_share_lines_and_sides_differ():
    offset = {"core.style": "OFFSET"}
    core, shared = AnalogCore(A, tree(WIRES, offset)), AnalogCore(A, tree(WIRES, offset, SHARED))
    np.testing.assert_array_equal(core @ X, shared @ X)
    balanced = AnalogCore(A, tree(ON | ROW))
    assert np.abs(balanced @ np.eye(7) - (np.eye(4) @ balanced)).max() > 1e-3
