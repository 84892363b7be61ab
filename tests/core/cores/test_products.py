"""Products under all their names, and the data types they come back in."""

import numpy as np
import pytest
from erring_models import bench_installed, slot, tree

from crosssim_core import AnalogCore
from crosssim_core.errors import OperationError, ShapeError

A = np.random.default_rng(0).uniform(-1, 1, (4, 5))
PARTS = {"core.rows_max": 2, "core.cols_max": 3}

settings = pytest.mark.parametrize("settings", [{}, PARTS], ids=["whole", "parts"])


@settings
@pytest.mark.parametrize(
    ("name", "shape", "result"),
    [
        ("matmul", (5,), (4,)),
        ("matmul", (5, 3), (4, 3)),
        ("matmul", (2, 3, 5, 4), (2, 3, 4, 4)),
        ("dot", (5,), (4,)),
        ("dot", (5, 3), (4, 3)),
        ("dot", (2, 5, 3), (4, 2, 3)),
        ("dot", (2, 3, 5, 4), (4, 2, 3, 4)),
        ("matvec", (5,), (4,)),
        ("matvec", (5, 1), (4, 1)),
        ("matmat", (5, 3), (4, 3)),
        ("matmat", (5, 0), (4, 0)),
        ("matmat", (2, 5, 3), (2, 4, 3)),
        ("rmatmul", (4,), (5,)),
        ("rmatmul", (2, 3, 3, 4), (2, 3, 3, 5)),
        ("rdot", (4,), (5,)),
        ("rdot", (2, 5, 3, 4), (2, 5, 3, 5)),
        ("vecmat", (4,), (5,)),
        ("vecmat", (1, 4), (1, 5)),
        ("rmatmat", (3, 4), (3, 5)),
        ("rmatmat", (0, 4), (0, 5)),
    ],
)
def test_b15_b16_products_have_the_shapes_of_numpy(settings, name, shape, result):
    x = np.random.default_rng(1).normal(size=shape)
    got = getattr(AnalogCore(A, tree(settings)), name)(x)
    right = name in ("rmatmul", "rdot", "vecmat", "rmatmat")
    numpy = np.dot if "dot" in name else np.matmul
    want = numpy(x, A) if right else numpy(A, x)
    assert got.shape == want.shape == result
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("style", ["BALANCED", "OFFSET"])
@pytest.mark.parametrize("literal", [False, True])
def test_b16_many_dimensions_work_in_every_style_transposed_or_complex(style, literal):
    params = tree(core__style=style, simulation__literal=literal)
    params.core.complex_matrix = params.core.complex_input = True
    matrix = A + 1j * A[::-1]
    x = np.random.default_rng(1).normal(size=(2, 3, 1, 5, 2)) * (1 - 2j)
    core = AnalogCore(matrix, params)
    np.testing.assert_allclose(core @ x, matrix @ x)
    y = np.swapaxes(x, -1, -2)
    np.testing.assert_allclose(y @ core.T, y @ matrix.T)


def test_b16_many_dimensions_work_with_noise_of_each_read(xp):
    """Each of 240 products has noise of its own: none is equal to another."""
    with bench_installed():
        core = AnalogCore(xp.asarray(A.copy()), tree(slot("read_noise", magnitude=1e-3)), seed=1)
    y = np.asarray(core @ xp.ones((2, 3, 2, 5, 5), dtype=xp.float64))
    assert y.shape == (2, 3, 2, 4, 5)
    np.testing.assert_allclose(y, np.broadcast_to(A.sum(axis=1)[:, None], y.shape), atol=0.1)
    assert len(np.unique(y)) == 240
    z = np.asarray(core.rmatmul(xp.ones((2, 3, 2, 5, 4), dtype=xp.float64)))
    np.testing.assert_allclose(z, np.broadcast_to(A.sum(axis=0), z.shape), atol=0.1)


def test_products_have_the_shapes_of_numpy_in_every_library(xp):
    core, x = AnalogCore(xp.asarray(A.copy())), np.ones((2, 5, 3))
    for name in ("matmul", "dot", "matmat"):
        got = getattr(core, name)(xp.asarray(x.copy()))
        want = np.dot(A, x) if name == "dot" else A @ x
        np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12)
    got = core.T.rdot(xp.asarray(x.swapaxes(1, 2).copy()))
    np.testing.assert_allclose(np.asarray(got), np.dot(x.swapaxes(1, 2), A.T), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("matvec", (5, 2)),
        ("matvec", (1, 5)),
        ("vecmat", (4, 1)),
        ("vecmat", (2, 4)),
        ("matmat", (5,)),
        ("rmatmat", (4,)),
        ("matmul", ()),
        ("rmatmul", ()),
        ("dot", ()),
        ("rdot", ()),
        ("matmul", (4,)),
        ("dot", (2, 4, 3)),
        ("rmatmul", (3, 5)),
    ],
)
def test_operands_of_another_shape_are_refused(name, shape):
    with pytest.raises(ShapeError):
        getattr(AnalogCore(A), name)(np.ones(shape))


def test_scalars_are_no_vectors_of_length_one(xp):
    with pytest.raises(ShapeError, match="scalar"):
        AnalogCore(xp.asarray([[1.0], [2.0]])) @ 2.0


def test_lists_and_analog_matrices_are_operands():
    core = AnalogCore(A)
    x = [[1, 2, 3, 4]]
    np.testing.assert_allclose(x @ core, x @ A)
    np.testing.assert_allclose(core @ core.T, A @ A.T, rtol=1e-12)
    np.testing.assert_allclose(core.T.dot(core[:, 1]), A.T @ A[:, 1], rtol=1e-12)


@pytest.mark.parametrize("x", ["text", None, {1: 2}, object()])
def test_operands_without_numbers_are_refused(x):
    with pytest.raises(OperationError, match="no numbers"):
        AnalogCore(A) @ x


@pytest.mark.parametrize("matrix", ["float32", "int8", "int64", "bool"])
@pytest.mark.parametrize("vector", ["float64", "float32", "int64", "bool"])
def test_every_library_promotes_all_kinds_of_numbers(xp, matrix, vector):
    core = AnalogCore(xp.asarray([[True, False], [True, True]], dtype=getattr(xp, matrix)))
    y = core @ xp.asarray([True, True], dtype=getattr(xp, vector))
    both_bool = matrix == vector == "bool"
    np.testing.assert_array_equal(np.asarray(y), [1, 1] if both_bool else [1, 2])
    if xp is np:
        assert y.dtype == np.result_type(matrix, vector)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "int64"])
def test_b27_integers_end_at_the_ends_of_their_type(xp, dtype):
    params = tree(core__output_dtype="MATRIX")
    core = AnalogCore(xp.asarray([[1, 0], [0, 1]], dtype=getattr(xp, dtype)), params)
    with pytest.warns(UserWarning, match="exceed the range"):
        y = core @ xp.asarray([3e19, -3e19], dtype=xp.float64)
    ends = np.iinfo(dtype)
    assert int(y[0]) == pytest.approx(ends.max)
    assert int(y[1]) == ends.min


def test_b27_integers_cannot_say_that_there_is_no_number(xp):
    core = AnalogCore(xp.asarray(A.copy()), tree(core__output_dtype="INT32"))
    with pytest.raises(OperationError, match="NaN"):
        core @ xp.asarray([np.nan] * 5)
    core = AnalogCore(xp.asarray([[1, 2], [3, 4]]))
    with pytest.raises(OperationError, match="NaN"):
        core[0] = float("nan")
    np.testing.assert_array_equal(np.asarray(core.get_matrix()), [[1, 2], [3, 4]])


def test_b26_integer_matrices_take_complex_inputs():
    matrix, x = np.array([[1, -2], [3, 0]]), np.array([0.5 + 1j, 1 - 0.25j])
    core = AnalogCore(matrix, tree(core__complex_input=True))
    np.testing.assert_allclose(core @ x, matrix @ x)
    np.testing.assert_allclose(x @ core, x @ matrix)


def test_b26_a_complex_core_returns_complex_numbers_whatever_it_is_given():
    core = AnalogCore(A.astype(np.float32), tree(core__complex_matrix=True))
    assert (core @ np.ones(5, dtype=np.float32)).dtype == np.complex64
    assert (core @ np.ones(5)).dtype == np.complex128
    assert core.get_matrix().dtype == np.complex64


@pytest.mark.parametrize("name", ["matvec", "dot", "get_matrix", "T"])
def test_b37_a_core_without_matrix_says_so_whatever_is_asked(name):
    core = AnalogCore(A, empty_matrix=True)
    with pytest.raises(RuntimeError, match="set_matrix"):
        core.T.get_matrix() if name == "T" else getattr(core, name)(*[A[0]][: name != "get_matrix"])


def test_b32_cores_share_no_parameters():
    params = tree()
    first, second = AnalogCore(A, params), AnalogCore(A, [params])
    first.params[0].xbar.device.cell_bits = 1
    second.T.params[0].xbar.device.cell_bits = 2
    assert [core.params[0].xbar.device.cell_bits for core in (first, second)] == [0, 0]
    assert first.params[0] is not first.params[0]
    assert params == tree()
