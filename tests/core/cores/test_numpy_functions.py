"""NumPy never computes with a read-back copy unless it is asked for one."""

import numpy as np
import pytest
from erring_models import tree

from crosssim_core import AnalogCore
from crosssim_core.errors import OperationError

A = np.random.default_rng(0).uniform(-1, 1, (3, 3))
X = np.array([1.0, -0.5, 0.75])


def coarse():
    """A core whose products are far from those of its own matrix."""
    return AnalogCore(A, tree(xbar__device__cell_bits=1, xbar__array__Icol_max=0.3))


@pytest.mark.parametrize("part", [lambda a: a, lambda a: a.T, lambda a: a[::-1]])
def test_b29_matmul_and_dot_go_through_the_arrays(part):
    matrix = part(coarse())
    batch = np.stack((X, X[::-1], -X))
    for x in (X, batch, np.stack((batch, 2 * batch))):
        for function in (np.matmul, np.dot):
            name = function.__name__
            np.testing.assert_array_equal(function(matrix, x), getattr(matrix, name)(x))
            np.testing.assert_array_equal(function(x, matrix), getattr(matrix, f"r{name}")(x))
    np.testing.assert_array_equal(np.dot(a=matrix, b=X), matrix @ X)
    assert np.max(np.abs(np.asarray(matrix) @ X - matrix @ X)) > 0.1


@pytest.mark.parametrize(
    "call",
    [
        lambda a: np.einsum("ij,j", a, X),
        lambda a: np.tensordot(a, X, 1),
        lambda a: np.inner(X, a),
        lambda a: np.vdot(a, a),
        lambda a: np.linalg.norm(a),
        lambda a: np.linalg.multi_dot([a, A, X]),
        lambda a: np.sum(a),
        lambda a: np.concatenate([a, A]),
        lambda a: np.transpose(a),
        lambda a: np.allclose(a, A),
        lambda a: np.kron(a, A),
        lambda a: np.add.reduce(a),
        lambda a: np.matmul.at(a, 0, X),
        lambda a: A + a,
        lambda a: a * A,
        lambda a: a + 1,
        lambda a: 2 * a,
        lambda a: np.float64(2) * a,
        lambda a: -a,
        lambda a: a**2,
        lambda a: np.equal(a, A),
        lambda a: a < A,
        lambda a: a == A,
        lambda a: a == a,
        lambda a: a != 0,
        lambda a: np.matmul(a, X, out=np.zeros(3)),
        lambda a: np.matmul(a, X, dtype=np.float32),
        lambda a: np.dot(a, X, np.zeros(3)),
        lambda a: bool(a),
        lambda a: X in a,
        lambda a: A.__imatmul__(a),
    ],
)
@pytest.mark.parametrize("part", [lambda a: a, lambda a: a.T[1:]])
def test_b29_everything_else_is_a_type_error(call, part):
    before = A.copy()
    with pytest.raises(TypeError):
        call(part(coarse()))
    np.testing.assert_array_equal(A, before)


def test_errors_say_how_to_compute_digitally():
    with pytest.raises(OperationError, match=r"numpy.einsum has no analog.*get_matrix\(\)"):
        np.einsum("ij,j", coarse(), X)


def test_errors_name_the_function_where_numpy_has_it():
    with pytest.raises(OperationError, match=r"numpy\.linalg\.norm has no analog"):
        np.linalg.norm(coarse())


def test_matrices_are_keys_by_identity():
    first, second = coarse(), coarse()
    assert {first: 1, second: 2}[first] == 1


def test_shape_functions_work():
    view = coarse()[1:]
    assert (np.shape(view), np.ndim(view), np.size(view), np.size(view, 1)) == ((2, 3), 2, 6, 3)


def test_b29_conversion_takes_type_and_copy():
    core = coarse()
    np.testing.assert_array_equal(np.asarray(core), core.get_matrix())
    np.testing.assert_array_equal(np.array(core.T, copy=True), core.get_matrix().T)
    assert np.asarray(core, dtype=np.float32).dtype == np.float32
    assert np.array(core[0], dtype=complex).dtype == complex
    assert np.asarray(AnalogCore([[1, 2], [3, 4]])).dtype == np.int64
    with pytest.raises(ValueError, match="makes a copy"):
        np.asarray(core, copy=False)


def test_a_converted_matrix_is_a_copy():
    core = coarse()
    before = core @ X
    for copied in (np.asarray(core), core.get_matrix(), core[1:].get_matrix(), np.asarray(core.T)):
        copied[...] = 0.0
    np.testing.assert_array_equal(core @ X, before)


def test_torch_functions_do_not_pass_the_arrays_by():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    core, x = AnalogCore(torch.from_numpy(A.copy())), torch.from_numpy(X.copy())
    for call in (
        lambda: torch.matmul(core, x),
        lambda: torch.matmul(x, core),
        lambda: torch.nn.functional.linear(x, core),
        lambda: x * core,
        lambda: core + x,
        lambda: torch.einsum("ij,j", core, x),
    ):
        with pytest.raises(TypeError):
            call()
    np.testing.assert_allclose(np.asarray(x[1:] @ core.T[1:]), X[1:] @ A.T[1:])
