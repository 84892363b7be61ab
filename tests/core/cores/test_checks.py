"""What a core takes and what it refuses: numbers, parameters, seeds."""

import json

import numpy as np
import pytest
from analog_settings import needs_devices, tree

from crosssim_core import AnalogCore
from crosssim_core.errors import (
    CrossSimWarning,
    OperationError,
    ParameterError,
    ParameterWarning,
)

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])


STYLES = [
    {},
    {"core__balanced__style": "TWO_SIDED", "xbar__device__cell_bits": 3},
    {"core__style": "OFFSET", "xbar__device__cell_bits": 3},
    {"core__style": "BITSLICED", "core__weight_bits": 6},
    {"core__style": "BITSLICED", "core__weight_bits": 6, "core__bit_sliced__style": "OFFSET"},
]
LIMITS = [{"percentile": 1.0}, {"percentile": 0.8}, {"percentile": None, "min": -2.0, "max": 2.0}]


def with_one(value):
    matrix = A.copy()
    matrix[1, 2] = value
    return matrix


@pytest.mark.parametrize("settings", STYLES)
@pytest.mark.parametrize("limits", LIMITS)
def test_no_conductance_stands_for_what_is_not_a_number(xp, settings, limits):
    """Pairs took NaN for a zero, because it has no sign; limits below the end went past it."""
    params = tree(core__mapping__weights=limits, **settings)
    with pytest.raises(ParameterError, match=r"1 of the 6 values .* not numbers \(NaN\)"):
        AnalogCore(xp.asarray(with_one(np.nan)), params)
    core = AnalogCore(xp.asarray(A.copy()), params)
    before = np.asarray(core.get_matrix())
    for index in (1, 2), (..., 2), ...:
        with pytest.raises(ParameterError, match="NaN"):
            core[index] = xp.asarray(with_one(np.nan)[index])
    np.testing.assert_array_equal(np.asarray(core.get_matrix()), before)
    assert core.state().info["writes"] == 1


def test_no_conductance_stands_for_half_a_number():
    matrix = A.astype(complex)
    matrix[0, 1] = complex(1.0, np.nan)
    with pytest.raises(ParameterError, match=r"2 of the 24 values .* not numbers"):
        AnalogCore(matrix, tree(core__complex_matrix=True))


def test_an_input_that_is_not_a_number_gives_none(xp):
    x = np.stack((X, X * [np.nan, 1, 1]), axis=1)
    lost = np.isnan(np.asarray(AnalogCore(xp.asarray(A.copy())) @ xp.asarray(x)))
    np.testing.assert_array_equal(lost, [[False, True], [False, True]])


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values_are_clipped_to_limits_that_do_not_follow_from_them(limits, value):
    params = tree(core__mapping__weights=limits)
    if limits["percentile"] is not None:
        with pytest.raises(ParameterError, match="infinite values"):
            AnalogCore(with_one(value), params)
    else:
        read = AnalogCore(with_one(value), params).get_matrix()
        assert read[1, 2] == pytest.approx(np.sign(value) * 2.0)
        params.core.mapping.weights.clipping = False
        with pytest.raises(ParameterError, match="beyond the weight limits"):
            AnalogCore(with_one(value), params)


def test_an_infinite_value_that_is_assigned_is_clipped_with_a_warning():
    core = AnalogCore(A)
    with pytest.warns(CrossSimWarning, match="were set to these limits"):
        core[0, 1] = np.inf
    assert core[0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "values",
    [
        [["a", "b"]],
        [[1, 2], [3]],
        np.array([[None, 1.0]]),
        np.ones((2, 2), dtype="M8[s]"),
        np.ma.array(A, mask=A > 0),
    ],
)
def test_only_numbers_are_held_and_multiplied(values):
    with pytest.raises(OperationError, match=r"no numbers|no array|masked"):
        AnalogCore(values)
    core = AnalogCore(A)
    with pytest.raises(OperationError, match=r"no numbers|no array|masked"):
        core @ values
    with pytest.raises(OperationError, match=r"no numbers|no array|masked"):
        core[0] = values


def test_a_core_can_be_made_of_another_where_that_lives(xp):
    first = AnalogCore(xp.asarray(A.copy()))
    second = AnalogCore(first[:, :2])
    assert type(second.get_matrix()) is type(first.get_matrix())
    np.testing.assert_allclose(np.asarray(second.get_matrix()), A[:, :2], rtol=1e-14)


@pytest.mark.parametrize("params", [5, [], {}, "text", [None], [tree(), {}]])
def test_parameters_of_another_kind_are_refused(params):
    with pytest.raises(ParameterError, match="one CrossSimParameters for all arrays"):
        AnalogCore(A, params)


@pytest.mark.parametrize("seed", [-1, 1.5, "text", [1]])
def test_a_seed_is_a_natural_number(seed):
    with pytest.raises(ParameterError, match="from 0 upwards"):
        AnalogCore(A, seed=seed)


def test_a_seed_may_be_a_number_of_numpys():
    assert json.loads(json.dumps(AnalogCore(A, seed=np.int64(3)).state().info))["seed"] == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("core__rows_max", 1),
        ("core__output_dtype", "INT8"),
        ("core__mapping__weights__percentile", 0.8),
        ("simulation__literal", True),
    ],
)
def test_a_tree_of_a_list_that_is_not_heeded_gives_a_warning(name, value):
    first, second = tree(core__rows_max=2), tree(**{"core__rows_max": 2, name: value})
    with pytest.warns(ParameterWarning, match=rf"{name.split('__')[0]}.*tree 1 .*first"):
        AnalogCore(A, [first, second])


def test_programming_again_heeds_the_tree_of_each_array():
    fine, coarse = tree(core__rows_max=2), tree(core__rows_max=2, xbar__device__cell_bits=1)
    core = AnalogCore(np.zeros((2, 3)), [fine, coarse])
    core.set_matrix(A)
    np.testing.assert_allclose(core.get_matrix(), [[1, -0.5, 0], [0.3, 0.8, -1]], atol=1e-14)
    core[1] = [0.4, 0.3, 0.6]
    np.testing.assert_allclose(core.get_matrix(), [[1, -0.5, 0], [0.4, 0.3, 1]], atol=1e-14)
    core[:] = -A
    np.testing.assert_allclose(core.get_matrix(), [[-1, 0.5, 0], [-0.3, -0.8, 1]], atol=1e-14)


@needs_devices
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("xbar.dac.mvm", {"model": "SignMagnitudeDAC", "bits": 1}),
        ("xbar.adc.mvm", {"model": "SignMagnitudeADC", "bits": 1, "adc_range_option": "MAX"}),
        ("xbar.dac.mvm.slice_size", 0),
        ("core.bit_sliced.num_slices", 0),
        ("xbar.adc.mvm.calibrated_range", [1.0, -1.0]),
        ("xbar.adc.mvm.calibrated_range", [1.0, 1.0]),
        ("xbar.adc.mvm.bits", -1),
        ("core.rows_max", -1),
    ],
)
def test_b30_numbers_that_make_no_sense_are_refused(path, value):
    """In CrossSim most divided by zero; a reversed range made every output the same."""
    with pytest.raises(ParameterError):
        AnalogCore(A, tree({path: value}))


@needs_devices
def test_b30_what_looks_strange_and_works_is_accepted():
    sliced = {"core__style": "BITSLICED", "core__weight_bits": 3, "core__bit_sliced__num_slices": 5}
    wide = {"model": "SignMagnitudeDAC", "bits": 3, "input_bitslicing": True, "slice_size": 7}
    third = np.round(3 * A) / 3
    core = AnalogCore(A, tree(xbar__dac__mvm=wide, **sliced))
    np.testing.assert_allclose(core @ np.array([1, -1, 0]), third @ [1, -1, 0], atol=1e-12)
