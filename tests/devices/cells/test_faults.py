"""Faulty cells and lines: how many, where, and the same ones each time.

Counts of n cells are accepted within 6 standard deviations of a binomial, which is exceeded less
often than once in 5e8.
"""

import numpy as np
import pytest
from injection import given

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core._array import as_host
from crosssim_core.devices import Cell, DriftsCells, ProgramsCells, ReadsCells
from crosssim_core.errors import ParameterError, UnsupportedError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins import factory
from crosssim_core.random import Stream, WriteNoise

CELL = Cell(1e3, 1e4)
A = np.random.default_rng(0).uniform(0.2, 0.8, (12, 9))


def model(name, cell=CELL, **settings):
    return factory("device", name)(DeviceErrorParams(enable=True, model=name, **settings), cell)


def noise(seed=0, occasion=0):
    stream = Stream.of(seed)
    return WriteNoise(stream.child("write", occasion), stream.child("cells"))


def core_of(seed=0, **settings):
    params = CrossSimParameters()
    params.xbar.device.programming_error = {"enable": True, **settings}
    params.xbar.device.infinite_on_off_ratio = True
    params.core.mapping.weights.update({"percentile": None, "min": -1.0, "max": 1.0})
    return AnalogCore(A, params, seed=seed)


def test_the_yield_and_the_kind_of_fault_are_as_given():
    n, target = 200_000, 0.4
    g = np.full((1, n), target)
    written = model("StuckCells", cell_yield=0.9, share_at_gmax=0.2).program(g, noise=noise())
    for value, share in ((target, 0.9), (1.0, 0.02), (0.1, 0.08)):
        count = np.count_nonzero(written == value)
        assert abs(count - n * share) < 6 * np.sqrt(n * share * (1 - share))
    assert set(np.unique(written)) == {0.1, target, 1.0}


def test_cells_stuck_at_the_smallest_conductance_hold_zero_with_an_infinite_ratio():
    g = np.full((1, 50), 0.4)
    stuck = model("StuckCells", Cell(1e3, np.inf), cell_yield=0.0, share_at_gmax=0.0)
    assert not stuck.program(g, noise=noise()).any()


@pytest.mark.parametrize("name", ["StuckCells", "DeadLines"])
def test_nothing_is_faulty_by_default(name):
    np.testing.assert_array_equal(model(name).program(A, noise=noise()), A)


def test_a_worse_yield_keeps_the_faulty_cells_of_a_better_one():
    g = np.full((100, 100), 0.4)
    good, bad = (
        model("StuckCells", cell_yield=y).program(g, noise=noise()) != 0.4 for y in (0.95, 0.8)
    )
    assert bad[good].all()
    assert good.sum() < bad.sum()


@pytest.mark.parametrize(
    ("name", "settings"),
    [("StuckCells", {"cell_yield": 0.7}), ("DeadLines", {"row_yield": 0.6, "column_yield": 0.6})],
)
def test_faults_belong_to_the_chip_and_not_to_the_occasion(name, settings):
    faulty = model(name, **settings)
    g = np.full((2, 20, 30), 0.4)
    first = faulty.program(g, noise=noise(occasion=0))
    np.testing.assert_array_equal(first, faulty.program(g, noise=noise(occasion=1)))
    np.testing.assert_array_equal(first, faulty.drift(g, noise=noise(occasion=2)))
    assert (first != faulty.program(g, noise=noise(seed=1))).any()
    assert (first[0] != first[1]).any()


@pytest.mark.parametrize("name", ["StuckCells", "DeadLines"])
def test_every_library_has_the_same_faults(xp, name):
    settings = {"cell_yield": 0.7} if name == "StuckCells" else {"row_yield": 0.6}
    faulty = model(name, **settings)
    got = faulty.program(given(xp, A, "float32"), noise=noise())
    want = faulty.program(A.astype(np.float32), noise=noise())
    np.testing.assert_array_equal(as_host(got), want)


def test_a_dead_line_takes_all_its_cells_and_no_others():
    g = np.full((300, 400), 0.4)
    written = model("DeadLines", row_yield=0.9, column_yield=0.8).program(g, noise=noise())
    dead_columns, dead_rows = ~written.any(axis=1), ~written.any(axis=0)
    assert abs(dead_columns.sum() - 60) < 6 * np.sqrt(300 * 0.8 * 0.2)
    assert abs(dead_rows.sum() - 40) < 6 * np.sqrt(400 * 0.9 * 0.1)
    works = ~dead_columns[:, None] & ~dead_rows[None, :]
    np.testing.assert_array_equal(written, np.where(works, 0.4, 0.0))


def test_a_dead_column_is_an_output_of_a_product_and_a_dead_row_an_input():
    matrix = core_of(model="DeadLines", column_yield=0.5).get_matrix()
    dead = ~matrix.any(axis=1)
    assert 0 < dead.sum() < 12
    np.testing.assert_allclose(matrix[~dead], A[~dead], rtol=1e-12)
    matrix = core_of(model="DeadLines", row_yield=0.5).get_matrix()
    dead = ~matrix.any(axis=0)
    assert 0 < dead.sum() < 9
    np.testing.assert_allclose(matrix[:, ~dead], A[:, ~dead], rtol=1e-12)


def test_a_core_meets_the_same_stuck_cells_whenever_it_is_programmed():
    core = core_of(model="StuckCells", cell_yield=0.7)
    stuck = np.abs(core.get_matrix() - A) > 1e-9
    assert 0 < stuck.sum() < A.size
    core.set_matrix(0.5 * A)
    np.testing.assert_array_equal(np.abs(core.get_matrix() - 0.5 * A) > 1e-9, stuck)
    other = core_of(seed=1, model="StuckCells", cell_yield=0.7)
    assert ((np.abs(other.get_matrix() - A) > 1e-9) != stuck).any()


@pytest.mark.parametrize("name", ["StuckCells", "DeadLines"])
def test_faults_fill_the_slots_of_stored_conductances(name):
    faulty = model(name)
    assert isinstance(faulty, ProgramsCells)
    assert isinstance(faulty, DriftsCells)
    assert not isinstance(faulty, ReadsCells)
    params = CrossSimParameters()
    params.xbar.device.read_noise = {"enable": True, "model": name}
    with pytest.raises(UnsupportedError, match="programming_error, drift_error"):
        AnalogCore(A, params)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_yield_is_a_probability(value):
    with pytest.raises(ParameterError, match="cell_yield"):
        DeviceErrorParams(model="StuckCells", cell_yield=value)
