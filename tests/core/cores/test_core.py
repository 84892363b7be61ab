import copy
import pickle

import numpy as np
import pytest

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.errors import (
    ArrayLibraryError,
    CrossSimWarning,
    DeviceUnavailableError,
    NotProgrammedError,
    ParameterError,
    ShapeError,
)

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])
V = np.array([0.6, -1])
COMPLEX = np.array([[1 + 0.5j, -0.25j], [0.3, 0.8 - 1j]])
Z = np.array([0.5 - 0.25j, 0.75j])


def tree(**values):
    params = CrossSimParameters()
    params.update({path.replace("__", "."): value for path, value in values.items()})
    return params


def test_products_from_both_sides_are_those_of_the_matrix(xp):
    core = AnalogCore(xp.asarray(A.copy()))
    np.testing.assert_allclose(np.asarray(core @ xp.asarray(X.copy())), A @ X, rtol=1e-14)
    np.testing.assert_allclose(np.asarray(core.rmatmul(xp.asarray(V.copy()))), V @ A, rtol=1e-14)


def test_torch_tensors_multiply_from_the_left():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    core = AnalogCore(torch.from_numpy(A.copy()))
    np.testing.assert_allclose(np.asarray(torch.from_numpy(V.copy()) @ core), V @ A, rtol=1e-14)


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 0), (2, 3, 4), (5, 2, 3, 1)])
def test_shapes_on_the_right_are_those_of_matmul(shape):
    x = np.ones(shape)
    np.testing.assert_allclose(AnalogCore(A) @ x, A @ x, rtol=1e-14)


@pytest.mark.parametrize("shape", [(2,), (4, 2), (0, 2), (3, 4, 2), (5, 1, 3, 2)])
def test_shapes_on_the_left_are_those_of_matmul(shape):
    x = np.ones(shape)
    np.testing.assert_allclose(x @ AnalogCore(A), x @ A, rtol=1e-14)


@pytest.mark.parametrize(
    ("values", "mvm", "vmm"),
    [
        ({}, A @ X, V @ A),
        (
            {"xbar__device__cell_bits": 2},
            (1.5833333333, -0.75),
            (0.2666666667, -1.0666666667, 1.2),
        ),
        (
            {"core__mapping__weights": {"percentile": None, "min": -2.0, "max": 2.0}},
            A @ X,
            V @ A,
        ),
        (
            {"core__mapping__weights__percentile": 0.8},
            (1.2375, -0.7),
            None,
        ),
        ({"xbar__array__Icol_max": 0.8}, (1.0, -0.85), None),
        (
            {"xbar__array__Icol_max": 0.5, "core__balanced__interleaved_posneg": True},
            (0.5555555556, -0.5555555556),
            None,
        ),
    ],
)
@pytest.mark.parametrize("literal", [False, True])
def test_worked_examples_of_the_balanced_style(values, mvm, vmm, literal):
    core = AnalogCore(A, tree(simulation__literal=literal, **values))
    np.testing.assert_allclose(core @ X, mvm, rtol=0, atol=1e-9)
    if vmm is not None:
        np.testing.assert_allclose(V @ core, vmm, rtol=0, atol=1e-9)


@pytest.mark.parametrize("literal", [False, True])
def test_complex_products_from_both_sides(xp, literal):
    params = tree(core__complex_matrix=True, core__complex_input=True, simulation__literal=literal)
    core = AnalogCore(xp.asarray(COMPLEX.copy()), params)
    z = xp.asarray(Z.copy())
    np.testing.assert_allclose(np.asarray(core @ z), COMPLEX @ Z, rtol=1e-13)
    np.testing.assert_allclose(np.asarray(core.rmatmul(z)), Z @ COMPLEX, rtol=1e-13)
    batch = np.stack((Z, 1j * Z, Z - 1))
    np.testing.assert_allclose(
        np.asarray(core.rmatmul(xp.asarray(batch.copy()))), batch @ COMPLEX, rtol=1e-13
    )
    np.testing.assert_allclose(np.asarray(core.get_matrix()), COMPLEX, rtol=1e-14)


def test_b26_complex_values_need_the_flag():
    with pytest.raises(ParameterError, match="complex_matrix"):
        AnalogCore(COMPLEX)
    with pytest.raises(ParameterError, match="complex_input"):
        AnalogCore(A) @ (1j * X)


def test_v16_a_complex_core_needs_dimensions_above_one():
    with pytest.raises(ParameterError, match="above 1"):
        AnalogCore(np.ones((1, 3)), tree(core__complex_matrix=True))


@pytest.mark.parametrize("rows_max", [0, 1, 2])
@pytest.mark.parametrize("cols_max", [0, 1])
def test_partitions_hold_the_same_matrix(rows_max, cols_max):
    core = AnalogCore(A, tree(core__rows_max=rows_max, core__cols_max=cols_max))
    assert core.arrays == {0: 1, 1: 3, 2: 2}[rows_max] * {0: 1, 1: 2}[cols_max]
    np.testing.assert_allclose(core @ X, A @ X, rtol=1e-14)
    np.testing.assert_allclose(V @ core, V @ A, rtol=1e-14)
    np.testing.assert_allclose(core.get_matrix(), A, rtol=1e-14)


def test_v17_a_list_of_parameters_has_one_tree_for_each_array():
    params = tree(core__rows_max=2)
    np.testing.assert_allclose(AnalogCore(A, [params, params]) @ X, A @ X)
    with pytest.raises(ParameterError, match=r"3 parameter trees .* 2 array"):
        AnalogCore(A, [params] * 3)


def test_b31_a_list_of_one_tree_serves_a_single_array():
    np.testing.assert_allclose(AnalogCore(A, [CrossSimParameters()]) @ X, A @ X)


def test_every_array_of_a_list_follows_its_own_tree():
    fine, coarse = tree(core__rows_max=2), tree(core__rows_max=2, xbar__device__cell_bits=1)
    read = AnalogCore(A, [fine, coarse]).get_matrix()
    np.testing.assert_allclose(read, [[1, -0.5, 0], [0.3, 0.8, -1]], atol=1e-14)


def test_b35_integers_are_held_exactly():
    matrix = np.array([[2**40 + 1, 3], [0, -5]])
    np.testing.assert_array_equal(AnalogCore(matrix).get_matrix(), matrix)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("NATIVE", np.float32),
        ("MATRIX", np.float32),
        ("INPUT", np.int8),
        ("FLOAT16", np.float16),
        ("INT64", np.int64),
    ],
)
def test_products_come_back_in_the_type_that_is_asked_for(rule, expected):
    core = AnalogCore(A.astype(np.float32), tree(core__output_dtype=rule))
    assert (core @ np.array([4, -2, 3], dtype=np.int8)).dtype == expected


def test_b27_integer_products_do_not_wrap_around():
    core = AnalogCore(A, tree(core__output_dtype="INT8"))
    with pytest.warns(CrossSimWarning, match="exceed the range"):
        product = core @ (200 * X)
    np.testing.assert_array_equal(product, [127, -128])


def test_p21_a_core_keeps_its_own_copy_of_the_parameters():
    params = tree(xbar__device__cell_bits=2)
    core = AnalogCore(A, params)
    before = core @ X
    params.xbar.device.cell_bits = 1
    params.core.mapping.inputs.mvm.max = 5.0
    core.set_matrix(A)
    np.testing.assert_array_equal(core @ X, before)


def test_p04_a_core_checks_its_parameters():
    params = CrossSimParameters()
    params.xbar.adc.mvm.adc_per_ibit = True
    with pytest.raises(ParameterError, match="adc_per_ibit"):
        AnalogCore(A, params)


def test_p30_cores_of_different_libraries_work_side_by_side(xp):
    first, second = AnalogCore(A), AnalogCore(xp.asarray(A.copy()))
    np.testing.assert_allclose(np.asarray(second @ xp.asarray(X.copy())), first @ X)


def test_operands_of_another_library_are_refused(xp):
    if xp is np or "numpy" in xp.__name__.split("."):
        pytest.skip("needs two libraries")
    with pytest.raises(ArrayLibraryError, match="move one of them"):
        AnalogCore(xp.asarray(A.copy())) @ X


def test_b37_an_unprogrammed_core_says_so():
    core = AnalogCore(A, empty_matrix=True)
    with pytest.raises(NotProgrammedError, match="set_matrix"):
        core @ X
    core.set_matrix(A)
    np.testing.assert_allclose(core @ X, A @ X)


@pytest.mark.parametrize("matrix", [np.ones(3), np.ones((2, 2, 2)), 1.0])
def test_b37_only_matrices_can_be_held(matrix):
    with pytest.raises(ShapeError, match="holds a matrix"):
        AnalogCore(matrix)


def test_a_matrix_of_another_shape_is_refused_and_changes_nothing():
    core = AnalogCore(A)
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(3, 2\)"):
        core.set_matrix(A.T)
    np.testing.assert_allclose(core @ X, A @ X)


@pytest.mark.parametrize("x", [np.ones(2), np.ones((2, 3)), 1.0])
def test_operands_of_the_wrong_length_are_refused(x):
    with pytest.raises(ShapeError, match="Dimension mismatch"):
        AnalogCore(A) @ x


def test_b36_values_beyond_the_limits_need_clipping():
    limits = {"percentile": None, "min": -0.5, "max": 0.5, "clipping": False}
    with pytest.raises(ParameterError, match="clipping"):
        AnalogCore(A, tree(core__mapping__weights=limits))
    limits["clipping"] = True
    read = AnalogCore(A, tree(core__mapping__weights=limits)).get_matrix()
    np.testing.assert_allclose(read, np.clip(A, -0.5, 0.5))


def test_b29_numpy_functions_never_pass_the_arrays_by():
    core = AnalogCore(A, tree(xbar__device__cell_bits=1))
    np.testing.assert_array_equal(np.matmul(core, X), core @ X)
    np.testing.assert_array_equal(np.matmul(V, core), V @ core)
    for function in (np.add, np.multiply, np.exp):
        with pytest.raises(TypeError, match="no analog counterpart"):
            function(core, *[1.0] * (function.nin - 1))
    np.testing.assert_array_equal(np.asarray(core), core.get_matrix())
    assert np.asarray(core, dtype=np.float32).dtype == np.float32


def test_a_gpu_that_is_not_there_is_named():
    try:
        import cupy  # noqa: F401
    except ImportError:
        with pytest.raises(DeviceUnavailableError, match="CuPy is not installed"):
            AnalogCore(A, tree(simulation__useGPU=True))
    else:
        with pytest.raises(DeviceUnavailableError, match="GPU 999"):
            AnalogCore(A, tree(simulation__useGPU=True, simulation__gpu_id=999))


def test_copies_and_pickles_hold_the_same_chip():
    core = AnalogCore(A, tree(xbar__device__cell_bits=3), seed=1)
    for twin in (copy.deepcopy(core), pickle.loads(pickle.dumps(core))):
        np.testing.assert_array_equal(twin @ X, core @ X)
        np.testing.assert_array_equal(twin.get_matrix(), core.get_matrix())


def test_the_text_form_tells_shape_style_and_arrays():
    text = repr(AnalogCore(A, tree(core__rows_max=2)))
    assert text == "AnalogCore(shape=(2, 3), dtype=float64, BALANCED, 2 arrays)"
