"""Quantities that follow from parameters."""

import pytest

from crosssim_core.errors import ParameterError
from crosssim_core.parameters import (
    CrossSimParameters,
    fast_balanced,
    fast_nonlinear_IV,
    wire_resistances,
)


def test_normalised_conductances_are_over_the_largest(params):
    device = params.xbar.device
    assert (device.Gmin_norm, device.Grange_norm, device.Gmax_norm) == (0.1, 0.9, 1.0)
    device.infinite_on_off_ratio = True
    assert (device.Gmin_norm, device.Grange_norm) == (0.0, 1.0)
    device.update({"infinite_on_off_ratio": False, "Rmin": 3.5e4, "Rmax": 6e12})
    assert device.Gmin_norm == pytest.approx(5.8333333e-9, rel=1e-8)


def test_wire_resistances_are_over_the_smallest_cell_resistance(params):
    params.update({"xbar.array.parasitics.Rp_row": 2, "xbar.array.parasitics.Rp_col_terminal": 5})
    wires = wire_resistances(params.xbar.array.parasitics, params.xbar.device)
    assert wires == (0.002, 0.0, 0.0, 0.005)
    assert (wires.row, wires.col_terminal) == (0.002, 0.005)


def test_the_range_of_a_mapping_is_the_distance_of_its_limits(params):
    assert params.core.mapping.inputs.mvm.range == 2.0
    with pytest.raises(ParameterError, match=r"^core\.mapping\.weights\.range: min \(None\)"):
        _ = params.core.mapping.weights.range


def test_fast_matmul_follows_its_switch_and_cannot_be_set(params):
    assert params.simulation.fast_matmul
    params.simulation.disable_fast_matmul = True
    assert not params.simulation.fast_matmul
    with pytest.raises(ParameterError, match=r"^simulation\.fast_matmul: is derived"):
        params.simulation.fast_matmul = True


@pytest.mark.parametrize(
    ("changes", "fast"),
    [
        ({}, True),
        ({"core.style": "BITSLICED"}, True),
        ({"simulation.disable_fast_balanced": True}, False),
        ({"core.style": "OFFSET"}, False),
        ({"core.style": "BITSLICED", "core.bit_sliced.style": "OFFSET"}, False),
        ({"xbar.device.read_noise.enable": True}, True),
        ({"xbar.device.read_noise": {"enable": True, "model": "acme.cell"}}, False),
        ({"xbar.array.parasitics.enable": True}, False),
        ({"xbar.device.nonlinear_IV.enable": True}, False),
        ({"core.balanced.subtract_current_in_xbar": False}, False),
        ({"core.balanced.interleaved_posneg": True}, False),
        ({"xbar.array.Icol_max": 1.0}, False),
    ],
)
def test_pairs_are_merged_only_where_nothing_stands_between(params, changes, fast):
    params.update(changes)
    assert fast_balanced(params) is fast


@pytest.mark.parametrize(
    "hindrance",
    [
        "simulation.disable_fast_nonlinear_IV",
        "xbar.array.parasitics.enable",
        "xbar.device.read_noise.enable",
    ],
)
def test_currents_of_nonlinear_cells_are_tabulated_only_where_nothing_hinders(params, hindrance):
    assert not fast_nonlinear_IV(params)
    params.xbar.device.nonlinear_IV.enable = True
    assert fast_nonlinear_IV(params)
    params.update({hindrance: True})
    assert not fast_nonlinear_IV(params)


def test_the_literal_chain_is_off_by_default():
    assert CrossSimParameters().simulation.literal is False
