import pickle

import numpy as np
import pytest

from crosssim_core.arrays import ArrayCircuit, line_currents
from crosssim_core.arrays.circuit import Effort
from crosssim_core.errors import CrossSimError, SolverError
from crosssim_core.numerics.wires import (
    Line,
    UniformNetwork,
    Wires,
    fresh_currents,
    nonlinear_currents,
    nonlinear_separate_source_currents,
    separate_source_currents,
    summed_law,
    supply_segments,
    transfer_matrix,
    uncoupled_currents,
)
from crosssim_core.numerics.wires.circuit import NonlinearCircuit
from crosssim_core.numerics.wires.descent import descend

RESISTIVE = Wires(Line(0.01, 0.03), Line(0.02, 0.05))


def cells(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


def inputs(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, size=shape)


def network(wires, g):
    return UniformNetwork.of(wires, outputs=g.shape[-2], inputs=g.shape[-1], like=g)


def cubic(bend):
    return lambda g, v: g * (v - bend * v**3)


def linear(g, v):
    return g * v


def growing(g, v):
    """Like a diode pair: its slope grows 74-fold up to full voltage."""
    return g * (np.exp(5 * v) - np.exp(-5 * v)) / 10


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("wires", [RESISTIVE, Wires(Line(), Line(0.1)), Wires(Line(0.1), Line())])
def test_fresh_arrays_give_what_their_matrices_give(xp, interleaved, wires):
    g, v = cells(3, 2, 2, 6, 8), inputs(3, 2, 8)
    g = g if interleaved else g[:, :, 0]
    x = xp.asarray(g.copy())
    got = fresh_currents(
        network(wires, x), x, xp.asarray(v.copy()), interleaved=interleaved, tolerance=1e-11
    )
    want = (transfer_matrix(g, wires, interleaved=interleaved) @ v[..., None])[..., 0]
    np.testing.assert_allclose(np.asarray(got.currents), want, rtol=0, atol=1e-10)
    assert got.residual <= 1e-11


def test_arrays_that_conjugate_gradients_do_not_solve_are_solved_directly():
    g = cells(2, 20, 30) * (cells(2, 20, 30, seed=2) > 0.4)
    v = inputs(2, 30)
    wires = Wires(Line(1e4), Line(1e5))
    got = fresh_currents(network(wires, g), g, v, max_steps=3)
    want = (transfer_matrix(g, wires) @ v[..., None])[..., 0]
    np.testing.assert_array_equal(got.currents, want)
    assert got.residual == 0


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("law", [cubic(0.0625), cubic(0.25), growing])
def test_both_methods_for_input_lines_find_the_same_currents(interleaved, law):
    g, v = cells(2, 20, 12), inputs(5, 12)
    array = g if interleaved else g[0]
    net = network(RESISTIVE, array)
    fast = nonlinear_currents(net, law, array, v, interleaved=interleaved, tolerance=1e-10)
    circuit = NonlinearCircuit.of(net, law, g[None, : 1 + interleaved], v)
    slow = descend(circuit, 1e-10, 200)
    assert max(fast.residual, slow.residual) <= 1e-10
    np.testing.assert_allclose(fast.currents, slow.currents, rtol=0, atol=1e-8)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_laws_without_a_bend_give_the_currents_of_linear_cells(interleaved, fresh):
    g, v = cells(4, 2, 6, 8), inputs(4, 8)
    x = np.sign(v)
    g = g if interleaved else g[:, 0]
    g = g if fresh else g[0]
    got = nonlinear_currents(
        network(RESISTIVE, g), linear, g, v, interleaved=interleaved, tolerance=1e-11
    )
    want = (transfer_matrix(g, RESISTIVE, interleaved=interleaved) @ v[..., None])[..., 0]
    np.testing.assert_allclose(got.currents, want, rtol=0, atol=1e-10)
    segments = supply_segments(RESISTIVE)
    got = nonlinear_separate_source_currents(linear, g, x, segments, interleaved=interleaved)
    want = separate_source_currents(g, x, segments, interleaved=interleaved)
    np.testing.assert_allclose(got.currents, want, rtol=0, atol=1e-10)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("law", [cubic(0.0625), growing])
@pytest.mark.parametrize("ratio", [1e-4, 1e-2, 1.0])
def test_bent_laws_are_solved_at_any_resistance(interleaved, law, ratio):
    g, v = cells(2, 16, 24), inputs(4, 24)
    array = g if interleaved else g[0]
    wires = Wires(Line(ratio, ratio), Line(ratio, 3 * ratio))
    got = nonlinear_currents(network(wires, array), law, array, v, interleaved=interleaved)
    assert got.residual <= 1e-6
    got = nonlinear_separate_source_currents(
        law, array, np.sign(v), supply_segments(wires), interleaved=interleaved
    )
    assert got.residual <= 1e-6


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_sums_of_cell_currents_are_those_of_each_cell(xp, interleaved, fresh):
    g, v = cells(2, 5, 2, 6, 8), inputs(2, 5, 8)
    law = cubic(0.2)
    want = np.sum(law(g, v[:, :, None, None, :]), axis=-1)
    g = g if fresh else g[0, 0]
    array = g if interleaved else g[..., 0, :, :]
    if not fresh:
        want = np.sum(law(g, v[:, :, None, None, :]), axis=-1)
    want = want[:, :, 0] - interleaved * want[:, :, 1]
    got = uncoupled_currents(
        law, xp.asarray(array.copy()), xp.asarray(v.copy()), interleaved=interleaved
    )
    np.testing.assert_allclose(np.asarray(got), want, rtol=0, atol=1e-14)


POLYNOMIALS = {
    "linear": (linear, 1),
    "cubic": (cubic(0.25), 3),
    "of a higher degree than declared": (cubic(0.25), 8),
    "lopsided": (lambda g, v: g * v + g**2 * v**2, 2),
    "of a high degree": (lambda g, v: g * (v - v**2 / 4 + g * v**17 / 9), 17),
}


@pytest.mark.parametrize("kind", POLYNOMIALS)
def test_the_summed_law_agrees_with_the_sum_over_cells(xp, kind):
    law, degree = POLYNOMIALS[kind]
    g, v = xp.asarray(cells(2, 6, 8)), xp.asarray(inputs(5, 8))
    summed = summed_law(law, g, degree=degree, interleaved=True)
    got, want = summed.currents(v), uncoupled_currents(law, g, v, interleaved=True)
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=0, atol=1e-10)


def test_the_summed_law_of_a_cubic_cell_is_two_products():
    assert summed_law(cubic(0.25), cells(3, 4), degree=3).orders == (1, 3)
    assert summed_law(cubic(0.25), cells(3, 4), degree=7).orders == (1, 3)


def test_the_summed_law_of_empty_cells_is_no_current():
    law = summed_law(cubic(0.25), np.zeros((3, 4)), degree=3)
    np.testing.assert_array_equal(law.currents(inputs(4)), np.zeros(3))


def test_no_vectors_no_currents():
    g, v = cells(3, 4), np.zeros((0, 4))
    assert nonlinear_currents(network(RESISTIVE, g), linear, g, v).currents.shape == (0, 3)
    assert uncoupled_currents(linear, g, v).shape == (0, 3)
    assert separate_source_currents(g, v, supply_segments(RESISTIVE)).shape == (0, 3)


def test_a_solution_that_misses_its_tolerance_is_an_error_that_names_the_residual():
    g, v = cells(6, 8), inputs(3, 8)
    with pytest.raises(SolverError, match="wrong by") as caught:
        nonlinear_currents(network(RESISTIVE, g), cubic(0.25), g, v, max_steps=1)
    assert caught.value.residual > caught.value.tolerance == 1e-6
    assert f"{caught.value.residual:.1e}" in str(caught.value)
    with pytest.raises(SolverError, match="separate-source"):
        nonlinear_separate_source_currents(
            cubic(0.25), g, np.sign(v), supply_segments(RESISTIVE), max_steps=0
        )


@pytest.mark.parametrize(
    ("law", "tolerance", "max_steps", "nearing"),
    [
        (growing, 1e-6, 3, True),
        (growing, 1e-18, 40, False),
        (lambda g, v: g * (v - 3 * v**3), 1e-6, 40, False),
    ],
    ids=["too few steps", "beyond rounding", "without a solution"],
)
@pytest.mark.parametrize("supply", [False, True])
def test_more_steps_are_advised_only_where_they_help(law, tolerance, max_steps, nearing, supply):
    g, v = cells(6, 8), inputs(3, 8)
    wires = Wires(Line(2.0, 10.0), Line(5.0)) if tolerance == 1e-6 else RESISTIVE
    segments = supply_segments(wires) if supply else None
    effort = Effort(tolerance, max_steps)
    circuit = ArrayCircuit(wires=wires, supply=segments, law=law, effort=effort)
    with np.errstate(all="ignore"), pytest.raises(SolverError) as caught:
        line_currents(circuit, np.sign(v) if supply else v, g[None])
    assert caught.value.nearing == nearing
    assert ("simulation.Niters_max_parasitics" in str(caught.value)) == nearing
    assert "xbar.array.parasitics" in str(caught.value)


def test_the_error_of_a_solver_survives_pickling():
    error = SolverError("it did not work", 0.5, 1e-6, 7, nearing=False)
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, CrossSimError)
    assert (str(copy), copy.residual, copy.tolerance, copy.steps) == (str(error), 0.5, 1e-6, 7)
    assert not copy.nearing
