"""An ideal core is a NumPy array to everybody who indexes it, multiplies it or assigns to it."""

import numpy as np
import pytest
from erring_models import bench_installed, slot, tree
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crosssim_core import AnalogCore

LIMITS = {"core.mapping.weights": {"percentile": None, "min": -1.0, "max": 1.0}}
EXACT = st.sampled_from(
    [
        {},
        {"core.balanced.style": "TWO_SIDED"},
        {"core.style": "OFFSET"},
        {"core.style": "OFFSET", "core.offset.style": "UNIT_COLUMN_SUBTRACTION"},
        {"simulation.literal": True},
    ]
)
"""Styles that hold any matrix exactly."""

STYLES = st.sampled_from(
    [
        {},
        {"xbar.device.cell_bits": 2},
        {"core.style": "OFFSET", "core.offset.style": "UNIT_COLUMN_SUBTRACTION"},
        {"core.style": "BITSLICED", "core.weight_bits": 6},
        {
            "core.style": "BITSLICED",
            "core.weight_bits": 6,
            "core.bit_sliced.style": "OFFSET",
            "core.offset.style": "UNIT_COLUMN_SUBTRACTION",
        },
    ]
)

parts = st.fixed_dictionaries(
    {"core.rows_max": st.integers(0, 4), "core.cols_max": st.integers(0, 4)}
)
sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))
seeds = st.integers(0, 2**32 - 1)


def numbers(shape, seed):
    """Values of [-1, 1]."""
    return np.random.default_rng(seed).uniform(-1, 1, shape)


@st.composite
def expressions(draw, shape):
    """Steps from a matrix to a view of it: indices and transpositions (None)."""
    matrix, steps = np.zeros(shape), []
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            matrix, step = matrix.T, None
        else:
            step = draw(hnp.basic_indices(matrix.shape, min_dims=1, allow_newaxis=False))
            matrix = matrix[step]
        steps.append(step)
    return steps


@st.composite
def fitting(draw, shape):
    """Shapes that can be broadcast to ``shape``."""
    kept = draw(st.integers(0, len(shape)))
    return tuple(draw(st.sampled_from((1, n))) for n in shape[len(shape) - kept :])


def followed(matrix, steps):
    """The view that ``steps`` lead to."""
    for step in steps:
        matrix = matrix.T if step is None else matrix[step]
    return matrix


def assert_close(got, want):
    """Equal shapes, and values equal but for round-off."""
    got = np.asarray(got)
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


@given(data=st.data(), shape=sizes, style=EXACT, split=parts, seed=seeds)
def test_any_view_has_the_shape_and_elements_of_numpys(xp, data, shape, style, split, seed):
    matrix = numbers(shape, seed)
    core = AnalogCore(xp.asarray(matrix.copy()), tree(style, split))
    steps = data.draw(expressions(shape))
    view, want = followed(core, steps), followed(matrix, steps)
    assert (view.shape, view.ndim, view.size, len(view)) == (
        want.shape,
        want.ndim,
        want.size,
        len(want),
    )
    assert_close(view.get_matrix(), want)
    for item, expected in zip(view, want, strict=True):
        assert_close(item if want.ndim == 1 else item.get_matrix(), expected)


@given(
    data=st.data(),
    shape=sizes,
    style=EXACT,
    split=parts,
    seed=seeds,
    batch=st.lists(st.integers(0, 3), max_size=3).map(tuple),
)
def test_any_product_of_any_view_is_that_of_numpy(xp, data, shape, style, split, seed, batch):
    matrix = numbers(shape, seed)
    core = AnalogCore(xp.asarray(matrix.copy()), tree(style, split))
    steps = data.draw(expressions(shape))
    view, want = followed(core, steps), followed(matrix, steps)
    right = numbers((*batch[:-1], want.shape[-1], *batch[-1:]), seed + 1)
    left = numbers((*batch, want.shape[0]), seed + 2)
    assert_close(view.matmul(xp.asarray(right.copy())), want @ right)
    assert_close(view.dot(xp.asarray(right.copy())), np.dot(want, right))
    assert_close(view.rmatmul(xp.asarray(left.copy())), left @ want)
    assert_close(view.rdot(xp.asarray(left.copy())), np.dot(left, want))
    if xp is np:
        assert_close(np.matmul(left, view), left @ want)
        assert_close(np.dot(view, right), np.dot(want, right))
        assert_close(view @ right, want @ right)


@given(data=st.data(), shape=sizes, style=EXACT, split=parts, seed=seeds)
def test_any_assignments_leave_what_they_leave_in_numpy(xp, data, shape, style, split, seed):
    matrix = numbers(shape, seed)
    core = AnalogCore(xp.asarray(matrix.copy()), tree(LIMITS, style, split))
    for k in range(data.draw(st.integers(1, 3))):
        steps = data.draw(expressions(shape))
        view, want = followed(core, steps), followed(matrix, steps)
        index = data.draw(hnp.basic_indices(want.shape, allow_newaxis=False))
        value = numbers(data.draw(fitting(np.shape(want[index]))), seed + k)
        want[index] = value
        view[index] = xp.asarray(value.copy())
    assert_close(core.get_matrix(), matrix)
    x = numbers(shape[1], seed)
    assert_close(core @ xp.asarray(x.copy()), matrix @ x)


@given(
    data=st.data(),
    shape=st.tuples(st.integers(2, 6), st.integers(2, 6)),
    style=STYLES,
    split=parts,
    is_complex=st.booleans(),
    seed=seeds,
)
def test_updates_leave_every_other_conductance_as_it_is(
    data, shape, style, split, is_complex, seed
):
    with bench_installed():
        erring = slot("programming_error") | {"core.complex_matrix": is_complex}
        core = AnalogCore(numbers(shape, seed), tree(LIMITS, style, split, erring), seed=seed)
    before, mask = core.conductances(), np.zeros(shape, dtype=bool)
    for k in range(data.draw(st.integers(1, 3))):
        index = data.draw(hnp.basic_indices(shape, allow_newaxis=False))
        if mask[index].size == mask.size:
            continue
        core[index] = numbers(mask[index].shape, seed + k)
        mask[index] = True
    kept = ~np.tile(mask, (2, 2)) if is_complex else ~mask
    for old, new in zip(before, core.conductances(), strict=True):
        unit = int(old.unit_line)
        same = np.all(old.relative == new.relative, axis=(0, 1))
        assert same[:unit].all()
        assert same[:, :unit].all()
        assert same[unit:, unit:][kept[old.rows, old.cols]].all()


REAL = ("bool", "int8", "uint8", "int16", "int64", "uint64", "float16", "float32", "float64")
COMPLEX = ("complex64", "complex128")


@given(
    data=st.data(),
    shape=st.tuples(st.integers(2, 5), st.integers(2, 5)),
    style=EXACT,
    split=parts,
    is_complex=st.booleans(),
    seed=seeds,
)
def test_any_kinds_of_numbers_multiply_as_in_numpy(data, shape, style, split, is_complex, seed):
    # A complex core counts what NumPy joins by "or".
    kinds = st.sampled_from(REAL[1:] + COMPLEX if is_complex else REAL)
    matrix = small(shape, data.draw(kinds), seed)
    steps = data.draw(expressions(shape))
    flags = {"core.complex_matrix": is_complex, "core.complex_input": is_complex}
    core = AnalogCore(matrix, tree(style, split, flags))
    view, want = followed(core, steps), followed(matrix, steps)
    right = small((2, want.shape[-1], 3), data.draw(kinds), seed + 1)
    left = small((2, 3, want.shape[0]), data.draw(kinds), seed + 2)
    for got, expected in ((view @ right, want @ right), (left @ view, left @ want)):
        assert got.shape == expected.shape
        if is_complex:
            assert got.dtype.kind == "c"
            assert got.dtype.itemsize >= expected.dtype.itemsize
        else:
            assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-2)


def small(shape, kind, seed):
    """Small whole numbers of some kind, whose products fit it."""
    random = np.random.default_rng(seed)
    values = random.integers(0 if kind[0] in "bu" else -2, 3, shape)
    return (values * (1 + 1j) if kind in COMPLEX else values).astype(kind)


@settings(max_examples=50)
@given(shape=sizes, index=st.tuples(st.integers(-9, 9), st.integers(-9, 9)), turned=st.booleans())
def test_integers_are_out_of_bounds_where_they_are_in_numpy(shape, index, turned):
    matrix = numbers(shape, 0)
    core, matrix = (AnalogCore(matrix).T, matrix.T) if turned else (AnalogCore(matrix), matrix)
    for place in (index, index[0], (slice(None), index[1])):
        try:
            want = matrix[place]
        except IndexError:
            with pytest.raises(IndexError):
                core[place]
        else:
            assert_close(np.asarray(core[place]), want)
