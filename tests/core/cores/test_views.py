"""Parts of a matrix: shapes, elements and products of NumPy, errors of the whole arrays."""

import copy
import pickle

import numpy as np
import pytest
from erring_models import SKEWED, STYLES, bench_installed, tree

from crosssim_core import AnalogCore
from crosssim_core.errors import CrossSimError, OperationError

A = np.random.default_rng(0).uniform(-1, 1, (4, 5))

INDICES = {
    "row": 1,
    "last row": -1,
    "numpy integer": np.int64(2),
    "rows": slice(1, 3),
    "steps": slice(None, None, 2),
    "no rows": slice(3, 1),
    "backwards": slice(None, None, -1),
    "B20 backwards with a stop": slice(3, 1, -1),
    "B20 columns backwards with a stop": (slice(None), slice(4, 1, -1)),
    "B20 column": (slice(None), 0),
    "B20 part of a row": (2, slice(1, 4)),
    "B20 part of a column": (slice(1, 4), 2),
    "dots": ...,
    "dots, column": (..., 1),
    "row, dots": (1, ...),
    "row, dots, columns": (1, ..., slice(2)),
    "nothing": (),
}
indices = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)


def assert_like(view, matrix):
    """``view`` has the shape, elements and products of the NumPy array ``matrix``."""
    assert (view.shape, view.ndim, view.size) == (matrix.shape, matrix.ndim, matrix.size)
    assert len(view) == len(matrix)
    np.testing.assert_allclose(np.asarray(view), matrix, atol=1e-14)
    random = np.random.default_rng(1)
    for batch in ((), (3,), (2, 3)):
        inner = (*batch[:-1], matrix.shape[-1], *batch[-1:])
        x, y = random.normal(size=inner), random.normal(size=(*batch, matrix.shape[0]))
        for got, want in (
            (view @ x, matrix @ x),
            (y @ view, y @ matrix),
            (view.dot(x), matrix.dot(x)),
            (view.rdot(y), np.dot(y, matrix)),
        ):
            assert np.shape(got) == np.shape(want)
            np.testing.assert_allclose(got, want, atol=1e-12)


@indices
def test_b20_views_are_those_of_numpy(index):
    assert_like(AnalogCore(A)[index], A[index])


@indices
def test_views_of_transposes_are_those_of_numpy(index):
    assert_like(AnalogCore(A).T[index], A.T[index])


@indices
def test_transposes_of_views_are_those_of_numpy(index):
    assert_like(AnalogCore(A)[index].T, A[index].T)


@pytest.mark.parametrize("first", [slice(None, None, -1), slice(1, 4), (slice(1), slice(4, 0, -2))])
@pytest.mark.parametrize("second", [0, slice(None, None, -1), (..., -1), (0, slice(1, 2))])
def test_views_of_views_are_those_of_numpy(first, second):
    core = AnalogCore(A, tree(core__rows_max=2, core__cols_max=3))
    assert_like(core[first][second], A[first][second])
    assert_like(core[first].T[second], A[first].T[second])


@indices
def test_views_of_every_library_are_those_of_numpy(xp, index):
    core, x = AnalogCore(xp.asarray(A.copy())), np.arange(A[index].shape[-1], dtype=float)
    np.testing.assert_allclose(np.asarray(core[index].get_matrix()), A[index], atol=1e-14)
    product = core[index] @ xp.asarray(x)
    np.testing.assert_allclose(np.asarray(product), A[index] @ x, atol=1e-14)


@pytest.mark.parametrize(
    "index", [(i, j) for i in (0, -1, np.int8(2)) for j in (3, -5)] + [(1, ..., 2)]
)
def test_one_element_is_read_back_as_a_number(index):
    element = AnalogCore(A)[index]
    assert np.shape(element) == ()
    np.testing.assert_allclose(element, A[index], atol=1e-14)


@pytest.mark.parametrize("index", [4, -5, (0, 5), (slice(None), -6), (0, 0, 0), (..., ...)])
def test_b20_indices_out_of_bounds_are_refused(index):
    core = AnalogCore(A)
    with pytest.raises(IndexError) as caught:
        core[index]
    assert isinstance(caught.value, CrossSimError)
    with pytest.raises(IndexError):
        core[index] = 0.0


@pytest.mark.parametrize(
    "index", [True, np.True_, None, [0, 1], A > 0, "a", 1.0, (0, np.array([1]))]
)
def test_b20_indices_of_other_kinds_are_refused(index):
    with pytest.raises(OperationError, match="integers, slices"):
        AnalogCore(A)[index]


def test_b20_iteration_ends():
    core = AnalogCore(A)
    rows = list(core)
    assert [row.shape for row in rows] == [(5,)] * 4
    np.testing.assert_allclose([list(row) for row in rows], A, atol=1e-14)
    np.testing.assert_allclose([np.asarray(row) for row in core.T[::-1]], A.T[::-1], atol=1e-14)
    assert len(list(core[:0])) == 0


def test_the_transpose_of_the_transpose_is_the_core():
    core = AnalogCore(A)
    assert core.T.T is core
    assert core[...] is core
    assert core[:, :].T.T is core
    assert core.T[::-1][::-1].T is core


def test_b20_views_have_the_attributes_of_their_core():
    core = AnalogCore(A.astype(np.float32), tree(core__rows_max=2))
    view = core.T[1:3]
    assert view.core is core
    assert (view.dtype, view.arrays, view.limits) == (core.dtype, core.arrays, core.limits)
    assert view.params == core.params
    assert core.partition_sizes == ((4,), (2, 2, 1))


def test_views_show_what_the_arrays_hold_at_that_time():
    core = AnalogCore(A)
    view = core[1:3, ::-1]
    core.set_matrix(2 * A)
    assert_like(view, 2 * A[1:3, ::-1])


@pytest.mark.parametrize("settings", STYLES.values(), ids=STYLES)
def test_products_of_views_are_parts_of_products_of_the_whole_arrays(settings):
    """Every line has an offset of its own, so any line but the right one would show."""
    with bench_installed():
        core = AnalogCore(A, tree(settings, SKEWED), seed=1)
    x, y = np.zeros(5), np.zeros(4)
    x[4:1:-1], y[::2] = (1.0, -0.5, 0.25), (1.0, -1.0)
    view = core[::2, 4:1:-1]
    np.testing.assert_array_equal(view @ x[4:1:-1], (core @ x)[::2])
    np.testing.assert_array_equal(y[::2] @ view, (y @ core)[4:1:-1])
    np.testing.assert_array_equal(view.T @ y[::2], (y @ core)[4:1:-1])
    np.testing.assert_array_equal(x[4:1:-1] @ view.T, (core @ x)[::2])
    np.testing.assert_array_equal(core[2] @ x, (core @ x)[2])
    np.testing.assert_array_equal(x @ core[2], (core @ x)[2])
    np.testing.assert_array_equal(y @ core[:, 3], (y @ core)[3])
    np.testing.assert_array_equal(core.T[3] @ y, (y @ core)[3])


def test_views_of_complex_matrices_are_those_of_numpy():
    matrix = A + 1j * A[::-1]
    core = AnalogCore(matrix, tree(core__complex_matrix=True, core__complex_input=True))
    assert_like(core[::-1, 1:4].T, matrix[::-1, 1:4].T)
    np.testing.assert_allclose(core[1] @ (1j * A[0]), matrix[1] @ (1j * A[0]))
    np.testing.assert_allclose(core[1, 2], matrix[1, 2])


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (lambda a: a.T, "(5, 4), dtype=float64, [:, :].T"),
        (lambda a: a[1], "(5,), dtype=float64, [1, :]"),
        (lambda a: a[::-1, 1:3], "(4, 2), dtype=float64, [3::-1, 1:3]"),
        (lambda a: a.T[4:1:-2, 3:], "(2, 1), dtype=float64, [3:4, 4:1:-2].T"),
        (lambda a: a[3:0:-1, :0], "(3, 0), dtype=float64, [3:0:-1, 0:0]"),
    ],
)
def test_the_text_form_of_a_view_tells_which_part_it_is(view, text):
    core = AnalogCore(A)
    assert repr(view(core)) == f"AnalogView(shape={text} of {core!r})"


def test_printing_shows_the_matrix():
    core = AnalogCore(np.eye(2))
    assert str(core) == "[[1. 0.]\n [0. 1.]]"
    assert str(core[0]) == "[1. 0.]"
    assert str(AnalogCore(np.eye(2), empty_matrix=True)).startswith("AnalogCore(")


def test_copies_of_views_have_a_core_of_their_own():
    core = AnalogCore(A)
    for twin in (copy.deepcopy(core[1:, ::-1]), pickle.loads(pickle.dumps(core[1:, ::-1]))):
        twin[0] = 0.0
        assert_like(core, A)
        np.testing.assert_array_equal(twin.get_matrix()[0], 0.0)


def test_operands_that_do_not_fit_a_view_are_refused():
    core = AnalogCore(A)
    with pytest.raises(ValueError, match=r"Dimension mismatch.*\(3,\).*length 3.*got 5"):
        core[0, 1:4] @ A[0]
    with pytest.raises(ValueError, match="Dimension mismatch"):
        A[0] @ core[:, 0]
