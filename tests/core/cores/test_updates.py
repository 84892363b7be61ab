"""Assignments program the addressed cells again, and touch no other."""

import numpy as np
import pytest
from erring_models import STYLES, bench_installed, slot, tree

from crosssim_core import AnalogCore
from crosssim_core._array import as_host
from crosssim_core.errors import (
    ArrayLibraryError,
    CrossSimWarning,
    NotProgrammedError,
    ParameterError,
    ShapeError,
)

A = np.random.default_rng(0).uniform(-1, 1, (4, 5))
COMPLEX = A + 1j * A[::-1]
LIMITS = {"percentile": None, "min": -1.0, "max": 1.0}
FAR = {"core.mapping.weights": LIMITS}

INDICES = {
    "element": (2, 3),
    "row": 1,
    "column": (slice(None), -1),
    "steps": (slice(None, None, 2), slice(1, None, 2)),
    "backwards": (slice(2, 0, -1), slice(None, None, -1)),
    "across parts": (slice(2, 4), slice(1, 3)),
}
indices = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
styles = pytest.mark.parametrize("settings", STYLES.values(), ids=STYLES)


def erring(settings, matrix=A, **further):
    """A core with programming errors of 10 %."""
    with bench_installed():
        return AnalogCore(matrix, tree(settings, FAR, slot("programming_error"), **further), seed=1)


def addressed(index, shape=A.shape):
    """Which elements of a matrix an index picks."""
    mask = np.zeros(shape, dtype=bool)
    mask[index] = True
    return mask


def changed(before, after):
    """Which conductances differ, for each array: (array, slices, signs, lines, drives)."""
    return [as_host(a.relative) != as_host(b.relative) for a, b in zip(before, after, strict=True)]


def assert_only(before, after, mask):
    """Exactly the cells of ``mask`` differ, in every slice and sign, and no unit line."""
    for part, difference in zip(before, changed(before, after), strict=True):
        unit = int(part.unit_line)
        assert not difference[..., :unit, :].any()
        assert not difference[..., :unit].any()
        cells = difference[..., unit:, unit:].any(axis=(0, 1))
        np.testing.assert_array_equal(cells, mask[part.rows, part.cols])


@styles
@indices
def test_b17_b19_exactly_the_addressed_cells_change(settings, index):
    core = erring(settings)
    before = core.conductances()
    for value in (0.7, -0.4, 0.7):
        core[index] = value
    assert_only(before, core.conductances(), addressed(index))


@indices
def test_b18_all_four_blocks_of_a_complex_matrix_change_there_and_nowhere_else(index):
    params = {"core.complex_matrix": True, "core.rows_max": 3, "core.cols_max": 3}
    core = erring(params, COMPLEX)
    before = core.conductances()
    core[index] = 0.3 - 0.6j
    assert_only(before, core.conductances(), np.tile(addressed(index), (2, 2)))


@styles
def test_errors_of_other_cells_survive_any_number_of_updates(settings):
    core = erring(settings)
    kept = ~addressed(1)
    before = core.get_matrix()
    for _ in range(20):
        core[1] = A[1]
    after = core.get_matrix()
    np.testing.assert_array_equal(after[kept], before[kept])
    assert np.all(np.abs(after - A) > 1e-6, where=~kept)


def test_b17_errors_beyond_the_limits_are_not_clipped_by_updates():
    """At full scale an error of 10 % takes many devices beyond it."""
    core = erring({}, np.sign(A))
    before = core.get_matrix()
    assert np.max(np.abs(before)) > 1.1
    core[0, 0] = 0.5
    after = core.get_matrix()
    np.testing.assert_array_equal(after[1:], before[1:])
    np.testing.assert_array_equal(after[0, 1:], before[0, 1:])


@styles
@indices
def test_updates_hold_what_a_whole_programming_would_hold(settings, index):
    matrix = A.copy()
    matrix[index] = np.linspace(-0.9, 0.9, matrix[index].size).reshape(matrix[index].shape)
    core = AnalogCore(A, tree(settings, FAR))
    core[index] = matrix[index]
    whole = AnalogCore(matrix, tree(settings, FAR))
    for got, want in zip(core.conductances(), whole.conductances(), strict=True):
        np.testing.assert_array_equal(got.relative, want.relative)
    np.testing.assert_array_equal(core @ A[0], whole @ A[0])
    np.testing.assert_array_equal(A[:, 0] @ core, A[:, 0] @ whole)


@indices
def test_b19_assignments_through_views_address_the_same_cells(index):
    plain, turned, viewed = (erring({}) for _ in range(3))
    plain[index] = 0.25
    turned.T[index[::-1] if isinstance(index, tuple) else (slice(None), index)] = 0.25
    np.testing.assert_array_equal(turned.get_matrix(), plain.get_matrix())
    if np.ndim(A[index]):
        viewed[index][...] = 0.25
        np.testing.assert_array_equal(viewed.get_matrix(), plain.get_matrix())


def test_b19_views_of_views_write_to_the_right_places(xp):
    core, matrix = AnalogCore(xp.asarray(A.copy())), A.copy()
    value = np.arange(4.0).reshape(2, 2) / 10
    core[::-1].T[1:4:2, 1:3][::-1] = xp.asarray(value.copy())
    matrix[::-1].T[1:4:2, 1:3][::-1] = value
    np.testing.assert_allclose(np.asarray(core.get_matrix()), matrix, atol=1e-14)


@pytest.mark.parametrize(
    "index", [..., slice(None), (slice(None), slice(None, None, -1)), slice(None, None, -1)]
)
def test_assignments_to_all_cells_program_the_whole_matrix(index):
    core = AnalogCore(A)
    core[index] = 3 * A
    expected = A.copy()
    expected[index] = 3 * A
    assert core.limits.high == pytest.approx(3 * np.abs(A).max())
    np.testing.assert_allclose(core.get_matrix(), expected, rtol=1e-12)
    core.T[...] = A.T
    assert core.limits.high == pytest.approx(np.abs(A).max())


def test_a_whole_programming_draws_all_errors_anew():
    core = erring({})
    before = core.conductances()
    core[...] = A
    (difference,) = changed(before, core.conductances())
    assert difference.any(axis=(0, 1)).all()
    twin = erring({})
    twin.set_matrix(A)
    np.testing.assert_array_equal(core.get_matrix(), twin.get_matrix())


def test_limits_are_kept_and_values_beyond_are_clipped_with_a_warning():
    core = AnalogCore(A)
    high = core.limits.high
    with pytest.warns(CrossSimWarning, match="weight limits"):
        core[1, :2] = (5.0, -5.0)
    assert core.limits.high == high
    np.testing.assert_allclose(core.get_matrix()[1, :2], (high, -high), rtol=1e-14)
    np.testing.assert_allclose(core.get_matrix()[1, 2:], A[1, 2:], atol=1e-14)


def test_only_addressed_values_are_compared_with_the_limits():
    core = AnalogCore(A, tree(core__mapping__weights=LIMITS | {"min": -0.5, "max": 0.5}))
    core[0, 0] = 0.1
    core[:, 1] = core[:, 0]
    core[2] = core.limits.high
    expected = np.clip(A, -0.5, 0.5)
    expected[0, 0] = 0.1
    expected[:, 1] = expected[:, 0]
    expected[2] = 0.5
    np.testing.assert_allclose(core.get_matrix(), expected, atol=1e-14)


def test_b36_updates_without_clipping_must_stay_within_the_limits():
    core = AnalogCore(A, tree(core__mapping__weights={"clipping": False}))
    before = core.get_matrix()
    with pytest.raises(ParameterError, match="clipping"):
        core[0, 0] = 2.0
    np.testing.assert_array_equal(core.get_matrix(), before)


def test_imaginary_parts_of_updates_keep_both_signs():
    weights = LIMITS | {"min": -0.5, "max": 1.0}
    core = AnalogCore(0 * COMPLEX, tree(core__complex_matrix=True, core__mapping__weights=weights))
    with pytest.warns(CrossSimWarning, match="weight limits"):
        core[0, 1] = 0.9 + 0.9j
    np.testing.assert_allclose(core.get_matrix()[0, 1], 0.9 + 0.5j, atol=1e-14)


@pytest.mark.parametrize(
    "value",
    [0.5, [0.1, 0.2], [[0.1], [0.2], [0.3]], [[[0.1, 0.2]]]],
)
def test_values_are_broadcast_as_in_numpy(xp, value):
    matrix, core = A.copy(), AnalogCore(xp.asarray(A.copy()))
    matrix[:3, 1:3] = np.asarray(value)
    core[:3, 1:3] = value
    np.testing.assert_allclose(np.asarray(core.get_matrix()), matrix, atol=1e-14)
    core[:3, 1:3] = xp.asarray(value, dtype=xp.float64)
    np.testing.assert_allclose(np.asarray(core.get_matrix()), matrix, atol=1e-14)


@pytest.mark.parametrize("value", [[1.0, 2.0], np.zeros((4, 5)), np.zeros((2, 1, 5)), []])
def test_values_that_do_not_fit_are_refused_and_change_nothing(value):
    core = erring({})
    before = core.get_matrix()
    with pytest.raises(ShapeError, match="does not fit"):
        core[1] = value
    np.testing.assert_array_equal(core.get_matrix(), before)
    twin = erring({})
    core[1], twin[1] = 0.5, 0.5
    np.testing.assert_array_equal(core.get_matrix(), twin.get_matrix())


def test_values_that_are_no_numbers_of_the_core_are_refused():
    core = AnalogCore(A)
    with pytest.raises(ParameterError, match="complex_matrix"):
        core[0, 0] = 1j
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(ArrayLibraryError, match="move one of them"):
        core[0, 0] = torch.tensor(0.5)


def test_an_update_needs_a_matrix_to_update():
    core = AnalogCore(A, empty_matrix=True)
    with pytest.raises(NotProgrammedError, match="set_matrix"):
        core[0] = 1.0
    core[...] = A
    np.testing.assert_allclose(core.get_matrix(), A, atol=1e-14)


def test_an_empty_part_takes_any_value_and_changes_nothing():
    core = erring({})
    before = core.conductances()
    core[2:1] = 5.0
    core[:, :0] = np.zeros((4, 0))
    assert not changed(before, core.conductances())[0].any()


@pytest.mark.parametrize("dtype", ["int8", "float32", "bool", "float64"])
def test_assignments_keep_the_data_type_as_in_numpy(dtype):
    matrix = np.array([[3, -2, 1], [0, 4, -5]]).astype(dtype)
    core = AnalogCore(matrix)
    for index in (0, (1, 2), ...):
        matrix[index] = 0.7
        core[index] = 0.7
        assert core.dtype == matrix.dtype
        np.testing.assert_array_equal(core.get_matrix(), matrix)


def test_integers_that_do_not_fit_do_not_wrap_around():
    core = AnalogCore(np.array([[100, -100], [3, 4]], dtype=np.int8))
    with pytest.warns(CrossSimWarning, match="exceed the range of int8"):
        core[...] = [[200, -200], [0, 0]]
    np.testing.assert_array_equal(core.get_matrix(), [[127, -128], [0, 0]])


def test_the_same_seed_and_the_same_updates_make_the_same_chip(xp):
    with bench_installed():
        params = tree(FAR, slot("programming_error"))
        cores = [AnalogCore(x, params, seed=3) for x in (A, xp.asarray(A.copy()))]
    for core in cores:
        core[1:3, ::-2] = 0.3
        core.T[0] = -0.2
    first, second = (np.asarray(core.get_matrix()) for core in cores)
    np.testing.assert_allclose(second, first, rtol=1e-14)


def test_each_update_draws_errors_of_its_own():
    core = erring({})
    seen = []
    for _ in range(3):
        core[0, 0] = 0.5
        seen.append(float(core[0, 0]))
    assert len(set(seen)) == 3


def test_faults_of_the_chip_stay_where_they_are():
    with bench_installed():
        core = AnalogCore(0.5 * A, tree(FAR, slot("programming_error", "bench.stuck")), seed=2)
    (before,) = core.conductances()
    stuck = before.relative == 1.0
    assert 0 < np.count_nonzero(stuck) < stuck.size
    core[1:3, 2:] = -0.25
    (after,) = core.conductances()
    np.testing.assert_array_equal(after.relative == 1.0, stuck)


def test_a_matrix_can_be_assigned_to_its_own_part():
    core, matrix = AnalogCore(A), A.copy()
    core[::-1, 1:] = core[:, :-1]
    matrix[::-1, 1:] = A[:, :-1]
    np.testing.assert_allclose(core.get_matrix(), matrix, atol=1e-14)
    core[0], matrix[0] = core[3], matrix[3]
    np.testing.assert_allclose(core.get_matrix(), matrix, atol=1e-14)


def test_nothing_of_the_callers_arrays_is_kept_or_changed():
    matrix, value = A.copy(), np.full(5, 0.5)
    core = AnalogCore(matrix)
    core[0] = value
    matrix[...] = value[...] = 0.0
    core[1] = 0.5
    np.testing.assert_allclose(core.get_matrix(), [[0.5] * 5, [0.5] * 5, *A[2:]], atol=1e-14)
