"""Defects of CrossSim 3.2 that the chain does not have, by number: what needs no converter."""

import numpy as np
import pytest
from analog_settings import tree
from hypothesis import given
from hypothesis import strategies as st

from crosssim_core import AnalogCore
from crosssim_core.errors import ParameterError
from crosssim_core.layers import AnalogLayer, ConvLayout

pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])
V = np.array([0.6, -1])

OFFSET = {"core.style": "OFFSET"}
UNIT = {"core.offset.style": "UNIT_COLUMN_SUBTRACTION"}
PAIRS = {"core.style": "BITSLICED", "core.weight_bits": 40, "core.bit_sliced.num_slices": 3}
SLICES = PAIRS | {"core.bit_sliced.style": "OFFSET"}
STYLES = {
    "one-sided": {},
    "two-sided": {"core.balanced.style": "TWO_SIDED"},
    "offset": OFFSET,
    "offset, unit line": OFFSET | UNIT,
    "slices of pairs": PAIRS,
    "slices with offset": SLICES,
    "slices with unit line": SLICES | UNIT,
}
styles = st.sampled_from(list(STYLES.values()))


def affine(low, high, **more):
    values = {"min": low, "max": high} | more
    return {f"core.mapping.weights.{name}": value for name, value in values.items()}


def assert_multiplies(core, matrix, rtol=1e-12):
    """Products from both sides are those of ``matrix``."""
    random = np.random.default_rng(0)
    for left in (False, True):
        x = random.uniform(-1, 1, (4, matrix.shape[0]) if left else (matrix.shape[1], 4))
        got, want = (x @ core, x @ matrix) if left else (core @ x, matrix @ x)
        np.testing.assert_allclose(got, want, rtol=0, atol=rtol * np.abs(matrix).max() * 10)


@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("unit", [{}, UNIT])
def test_b01_products_of_offset_cells_with_levels_have_no_gain_error(bits, unit):
    """In CrossSim they were too small by (2^c - 2)/(2^c - 1)."""
    core = AnalogCore(A, tree(OFFSET, unit, xbar__device__cell_bits=bits))
    levels = 2 ** (bits - 1) - 1
    np.testing.assert_allclose(core.get_matrix(), np.round(A * levels) / levels, atol=1e-12)
    assert_multiplies(core, core.get_matrix())


@given(
    style=styles,
    limits=st.sampled_from(((0.0, 1.0), (-1.0, 3.0), (-2.0, 0.0), (0.5, 1.5), (-9.0, -1.0))),
    literal=st.booleans(),
    rows_max=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_b02_asymmetric_weight_limits_are_mapped_affinely(style, limits, literal, rows_max, seed):
    """In CrossSim products of limits [0, 1] were halved, and those of [-2, 0] not numbers."""
    matrix = np.random.default_rng(seed).uniform(*limits, (3, 4))
    core = AnalogCore(
        matrix, tree(style, affine(*limits), core__rows_max=rows_max, simulation__literal=literal)
    )
    np.testing.assert_allclose(core.get_matrix(), matrix, rtol=0, atol=1e-10)
    assert_multiplies(core, matrix, 1e-10)


def test_b02_asymmetric_limits_use_all_levels_of_the_cells():
    params = tree(affine(0.0, 1.0), xbar__device__cell_bits=2)
    read = AnalogCore(np.array([[0.0, 0.1, 0.45, 0.9, 1.0]]), params).get_matrix()
    sevenths = np.array([[0, 1 / 6, 1 / 2, 5 / 6, 1]])
    np.testing.assert_allclose(read, sevenths, rtol=0, atol=1e-12)


@given(low=st.floats(-5, 5), width=st.floats(0.01, 5))
def test_b02_values_on_the_limits_need_no_clipping(low, width):
    ends = np.array([[low, low + width]])
    core = AnalogCore(ends, tree(affine(*ends[0].tolist(), clipping=False)))
    np.testing.assert_allclose(core.get_matrix(), ends, rtol=0, atol=1e-13)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("limits", [(-1.0, 3.0), (-0.5, 2.0), (0.0, 1.0)])
def test_b02_asymmetric_limits_hold_complex_matrices(style, limits):
    random = np.random.default_rng(3)
    matrix = random.uniform(*limits, (2, 3)) + 1j * random.uniform(-1, 1, (2, 3)) * -limits[0]
    flags = {"core.complex_matrix": True, "core.complex_input": True}
    core = AnalogCore(matrix, tree(STYLES[style], flags, affine(*limits)))
    np.testing.assert_allclose(core.get_matrix(), matrix, rtol=0, atol=1e-10)
    z = random.normal(size=3) + 1j * random.normal(size=3)
    np.testing.assert_allclose(core @ z, matrix @ z, rtol=0, atol=1e-10)
    np.testing.assert_allclose(z[:2] @ core, z[:2] @ matrix, rtol=0, atol=1e-10)


def test_b02_clipping_keeps_both_signs_of_an_imaginary_part():
    matrix = np.array([[4 + 2j, -3 - 2j], [0.5j, 0.25]])
    flags = {"core.complex_matrix": True, "core.complex_input": True}
    core = AnalogCore(matrix, tree(flags, affine(-1.0, 3.0)))
    clipped = np.array([[3 + 1j, -1 - 1j], [0.5j, 0.25]])
    np.testing.assert_allclose(core.get_matrix(), clipped, rtol=0, atol=1e-12)
    np.testing.assert_allclose(core @ Z, clipped @ Z, rtol=0, atol=1e-12)
    np.testing.assert_allclose(Z @ core, Z @ clipped, rtol=0, atol=1e-12)


Z = np.array([0.5 - 0.25j, 0.75j])


def test_b02_structural_zeros_of_a_layer_must_lie_within_the_limits():
    layout = ConvLayout(2, 2, (1,), stride=(1,), padding=((0, 0),), dilation=(1,), groups=2)
    weight = np.array([[[0.75]], [[1.0]]])
    for low, high in ((0.0, 1.0), (-0.5, 1.5)):
        layer = AnalogLayer.program(layout, weight, params=tree(affine(low, high)))
        np.testing.assert_allclose(layer.get_matrix(), [[0.75, 0], [0, 1]], rtol=0, atol=1e-12)
    with pytest.raises(ParameterError, match="do not enclose 0"):
        AnalogLayer.program(layout, weight, params=tree(affine(0.5, 1.0)))


@pytest.mark.parametrize("bits", [0, 3])
@pytest.mark.parametrize("literal", [False, True])
def test_b05_unit_lines_serve_products_from_the_left(bits, literal):
    for style in (OFFSET, SLICES):
        params = tree(style, UNIT, xbar__device__cell_bits=bits, simulation__literal=literal)
        core = AnalogCore(A, params)
        assert_multiplies(core, core.get_matrix())


@pytest.mark.parametrize(("bits", "slices"), [(7, 2), (8, 3), (5, 4), (3, 5)])
def test_b06_unit_lines_of_slices_add_nothing_to_products(bits, slices):
    numbers = {"core.weight_bits": bits, "core.bit_sliced.num_slices": slices}
    core = AnalogCore(A, tree(SLICES, UNIT, numbers))
    levels = 2 ** (bits - 1) - 1
    assert_multiplies(core, np.round(A * levels) / levels)


@pytest.mark.parametrize("style", [OFFSET, OFFSET | UNIT, SLICES, SLICES | UNIT])
@pytest.mark.parametrize("icol", [0.0, 0.7])
def test_b09_arrays_without_pairs_ignore_what_concerns_pairs(style, icol):
    """CrossSim stopped with an error of its own."""
    params = tree(style, xbar__array__Icol_max=icol)
    want = AnalogCore(A, params) @ X
    for interleaved in (False, True):
        for subtract in (False, True):
            params.core.balanced.interleaved_posneg = interleaved
            params.core.balanced.subtract_current_in_xbar = subtract
            np.testing.assert_array_equal(AnalogCore(A, params) @ X, want)


@pytest.mark.parametrize("style", [{}, PAIRS])
def test_b09_interleaved_pairs_cannot_be_subtracted_digitally(style):
    pairs = {"interleaved_posneg": True, "subtract_current_in_xbar": False}
    with pytest.raises(ParameterError, match="interleaved_posneg is True"):
        AnalogCore(A, tree(style, core__balanced=pairs))


@pytest.mark.parametrize("bits", [0, 1])
@pytest.mark.parametrize("style", [PAIRS, SLICES])
def test_b11_slices_need_two_bits_of_weight(style, bits):
    with pytest.raises(ParameterError, match=f"weight_bits is {bits}"):
        AnalogCore(A, tree(style, core__weight_bits=bits))


def test_b12_offset_cells_need_more_than_two_levels():
    with pytest.raises(ParameterError, match="cell_bits is 1"):
        AnalogCore(A, tree(OFFSET, xbar__device__cell_bits=1))


@pytest.mark.parametrize("style", STYLES)
def test_b35_conductances_are_held_in_double_precision(style):
    matrix = np.random.default_rng(1).uniform(-1, 1, (5, 6))
    for scale, dtype in ((1.0, np.float64), (1e6, np.int64)):
        scaled = (scale * matrix).astype(dtype)
        core = AnalogCore(scaled, tree(STYLES[style]))
        assert_multiplies(core, scaled, 1e-10)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("limits", [(-1.0, 1.0), (-0.25, 1.0)])
def test_b36_no_conductance_leaves_its_range(style, limits):
    """In CrossSim the top digit of a slice could exceed its cell more than twice."""
    params = tree(STYLES[style], affine(*limits, clipping=True))
    core = AnalogCore(4 * A, params)
    for g in core._programmed.state.conductance:
        assert g.min() >= 0.1 - 1e-12
        assert g.max() <= 1 + 1e-12
    np.testing.assert_allclose(core.get_matrix(), np.clip(4 * A, *limits), rtol=0, atol=1e-10)
    params.core.mapping.weights.clipping = False
    with pytest.raises(ParameterError, match="beyond the weight limits"):
        AnalogCore(4 * A, params)
