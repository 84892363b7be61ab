"""Products that were computed by hand or with CrossSim 3.2, of cores without converters."""

import numpy as np
import pytest
from analog_settings import tree

from crosssim_core import AnalogCore

pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])
V = np.array([0.6, -1])
EXACT = (1.4375, -0.85), (0.3, -1.1, 1.15)

THREE_LEVELS = (1.583333333, -0.75), (0.266666667, -1.066666667, 1.2)
"""Weights rounded to thirds."""
FOUR_BITS = (1.5, -0.892857143), (0.314285714, -1.2, 1.171428571)
"""Weights rounded to sevenths."""
SEVEN_BITS = (1.444444444, -0.845238095), (0.298412698, -1.098412698, 1.152380952)

OFFSET = {"core.style": "OFFSET"}
UNIT = {"core.offset.style": "UNIT_COLUMN_SUBTRACTION"}
TWO_SIDED = {"core.balanced.style": "TWO_SIDED"}


def sliced(style, bits, slices=2, **more):
    return {
        "core.style": "BITSLICED",
        "core.bit_sliced.style": style,
        "core.bit_sliced.num_slices": slices,
        "core.weight_bits": bits,
    } | more


def cells(bits):
    return {"xbar.device.cell_bits": bits}


def weights(**limits):
    return {f"core.mapping.weights.{name}": value for name, value in limits.items()}


PRODUCTS = {
    "percentile 0.8": (weights(percentile=0.8), (1.2375, -0.7), None),
    "percentile 0.9": (weights(percentile=0.9), (1.3375, -0.775), None),
    "percentile 1.5": (weights(percentile=1.5), *EXACT),
    "limits of 2": (weights(min=-2.0, max=2.0), *EXACT),
    "one-sided": ({}, *EXACT),
    "two-sided": (TWO_SIDED, *EXACT),
    "one-sided, c = 2": (cells(2), *THREE_LEVELS),
    "two-sided, c = 2": (TWO_SIDED | cells(2), *THREE_LEVELS),
    "offset": (OFFSET, *EXACT),
    "offset, c = 3": (OFFSET | cells(3), *THREE_LEVELS),
    "offset, unit line": (OFFSET | UNIT, *EXACT),
    "offset, unit line, c = 3": (OFFSET | UNIT | cells(3), *THREE_LEVELS),
    "slices of pairs, 4 bits": (sliced("BALANCED", 4), *FOUR_BITS),
    "slices of pairs, 7 bits": (sliced("BALANCED", 7), *SEVEN_BITS),
    "slices of pairs, 8 bits": (sliced("BALANCED", 8), (1.440944882, -0.852362205), None),
    "slices with offset, 4 bits": (sliced("OFFSET", 4), *FOUR_BITS),
    "slices with offset, 7 bits": (sliced("OFFSET", 7), *SEVEN_BITS),
    "slices with offset, 8 bits": (sliced("OFFSET", 8), (1.440944882, -0.852362205), None),
    "slices with unit line, 4 bits": (sliced("OFFSET", 4) | UNIT, *FOUR_BITS),
    "slices with unit line, 7 bits": (sliced("OFFSET", 7) | UNIT, *SEVEN_BITS),
    "slices with unit line, 8 bits in 3": (
        sliced("OFFSET", 8, 3) | UNIT,
        (1.440944882, -0.852362205),
        None,
    ),
    "slices in coarser cells": (
        sliced("BALANCED", 4) | cells(1),
        (0.75, -0.107142857),
        None,
    ),
    "a line saturates before subtraction": (
        {"xbar.array.Icol_max": 0.8},
        (1.0, -0.85),
        None,
    ),
    "an interleaved line saturates": (
        {"xbar.array.Icol_max": 0.5, "core.balanced.interleaved_posneg": True},
        (0.555555556, -0.555555556),
        None,
    ),
    "a line with offset saturates": (
        OFFSET | {"xbar.array.Icol_max": 1.2},
        (1.138888889, -0.85),
        None,
    ),
    "unmatched input limits alone": (
        {
            "core.mapping.inputs.match": False,
            "core.mapping.inputs.vmm.min": -4.0,
            "core.mapping.inputs.vmm.max": 4.0,
        },
        *EXACT,
    ),
}


@pytest.fixture(params=[False, True], ids=["simplified", "literal"])
def literal(request):
    return request.param


@pytest.mark.parametrize("example", PRODUCTS)
def test_products_are_those_of_the_examples(xp, example, literal):
    chosen, mvm, vmm = PRODUCTS[example]
    core = AnalogCore(xp.asarray(A.copy()), tree(chosen, simulation__literal=literal))
    np.testing.assert_allclose(np.asarray(core @ xp.asarray(X.copy())), mvm, rtol=0, atol=1e-8)
    if vmm is not None:
        product = np.asarray(core.rmatmul(xp.asarray(V.copy())))
        np.testing.assert_allclose(product, vmm, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("chosen", "read"),
    [
        (weights(percentile=0.8), [[0.8, -0.5, 0.25], [0.3, 0.8, -0.8]]),
        (cells(2), [[1, -2 / 3, 1 / 3], [1 / 3, 2 / 3, -1]]),
        (OFFSET | cells(3), [[1, -2 / 3, 1 / 3], [1 / 3, 2 / 3, -1]]),
        (OFFSET | UNIT | cells(3), [[1, -2 / 3, 1 / 3], [1 / 3, 2 / 3, -1]]),
        (sliced("BALANCED", 4), [[1, -4 / 7, 2 / 7], [2 / 7, 6 / 7, -1]]),
        (sliced("OFFSET", 4), [[1, -4 / 7, 2 / 7], [2 / 7, 6 / 7, -1]]),
        (sliced("OFFSET", 4) | UNIT, [[1, -4 / 7, 2 / 7], [2 / 7, 6 / 7, -1]]),
    ],
)
def test_reading_back_gives_the_matrix_of_the_example(xp, chosen, read):
    core = AnalogCore(xp.asarray(A.copy()), tree(chosen))
    np.testing.assert_allclose(np.asarray(core.get_matrix()), read, rtol=0, atol=1e-12)


def test_a_matrix_of_zeros_has_products_of_exactly_zero(literal):
    core = AnalogCore(np.zeros((2, 3)), tree(simulation__literal=literal))
    np.testing.assert_array_equal(core @ X, [0, 0])
    np.testing.assert_array_equal(V @ core, [0, 0, 0])


def test_complex_products_are_those_of_the_example(xp, literal):
    matrix = np.array([[1 + 0.5j, -0.25j], [0.3, 0.8 - 1j]])
    z = xp.asarray(np.array([0.5 - 0.25j, 0.75j]))
    params = tree(core__complex_matrix=True, core__complex_input=True, simulation__literal=literal)
    core = AnalogCore(xp.asarray(matrix), params)
    want = {"mvm": (0.8125, 0.9 + 0.525j), "vmm": (0.625 + 0.225j, 0.6875 + 0.475j)}
    np.testing.assert_allclose(np.asarray(core.matmul(z)), want["mvm"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.asarray(core.rmatmul(z)), want["vmm"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("chosen", "want"),
    [
        (weights(percentile=1.5), 0.7),
        (weights(percentile=1.0), 1.0),
        (weights(min=-2.0, max=2.0), [[0.55, 0.1, 0.2125], [0.235, 0.46, 0.1]]),
    ],
)
def test_wider_limits_use_less_of_the_conductances_as_in_the_examples(chosen, want):
    (array,) = AnalogCore(A, tree(chosen)).conductances()
    positive = array.relative[0, 0]
    held = positive if np.ndim(want) else positive[0, 0]
    np.testing.assert_allclose(held, want, rtol=0, atol=1e-12)


def test_integer_cores_return_the_integers_of_the_example(xp):
    matrix = xp.asarray([[4, -2, 1], [1, 3, -4]], dtype=xp.int8)
    product = AnalogCore(matrix) @ xp.asarray([4, -2, 3], dtype=xp.int8)
    assert product.dtype == xp.int8
    np.testing.assert_array_equal(np.asarray(product), [23, -14])
    product = AnalogCore(matrix) @ xp.asarray([4.0, -2.0, 3.0], dtype=xp.float64)
    assert product.dtype == xp.float64
    np.testing.assert_allclose(np.asarray(product), [23, -14], rtol=1e-14)
