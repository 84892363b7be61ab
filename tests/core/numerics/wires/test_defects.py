"""Numbered defects of CrossSim 3.2 that the solvers of arrays do not share.

The numbers are those under which the defects are documented; those of cores and layers are
tested with the cores.
"""

import numpy as np
import pytest

from crosssim_core.numerics.wires import (
    Line,
    UniformNetwork,
    Wires,
    fresh_currents,
    nonlinear_currents,
    nonlinear_separate_source_currents,
    separate_source_currents,
    supply_segments,
    transfer_matrix,
    uncoupled_currents,
)


def cells(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


def inputs(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, size=shape)


def even(ratio):
    return Wires(Line(ratio), Line(ratio))


def test_defect_1_products_with_the_transpose_see_the_transpose():
    w = cells(4, 7)
    nearly = transfer_matrix(w.T, even(1e-9).swapped)
    np.testing.assert_allclose(nearly, w.T, rtol=1e-6)


def test_defect_2_the_input_terminal_is_in_series_with_every_input_line():
    g = cells(6, 5)
    wires = Wires(Line(0.0, 0.05), Line())
    want = g / (1 + 0.05 * g.sum(axis=0))
    np.testing.assert_allclose(transfer_matrix(g, wires), want, rtol=1e-14)


def test_defect_5_tiny_resistances_and_tiny_inputs_are_not_ignored():
    g = cells(32, 32)
    drop = 1 - transfer_matrix(g, even(1e-6)).sum() / g.sum()
    assert 1e-5 < drop < 1e-2
    v = inputs(32)
    network = UniformNetwork.of(even(1e-3), outputs=32, inputs=32, like=g)
    full = fresh_currents(network, g[None], v[None], tolerance=1e-10).currents
    tiny = fresh_currents(network, g[None], 1e-3 * v[None], tolerance=1e-10).currents
    np.testing.assert_allclose(tiny, 1e-3 * full, rtol=1e-7)


@pytest.mark.parametrize("interleaved", [False, True])
def test_defect_6_a_result_does_not_depend_on_its_batch_mates(interleaved):
    g = cells(5, 2, 16, 16) if interleaved else cells(5, 16, 16)
    v = inputs(5, 16)
    v[1] = 0
    v[2] *= 1e-6
    network = UniformNetwork.of(even(1e-2), outputs=16, inputs=16, like=g)
    options = {"interleaved": interleaved, "tolerance": 1e-11}

    def bent(g, x):
        return g * (x - x**3 / 8)

    batch = fresh_currents(network, g, v, **options).currents
    curved = nonlinear_currents(network, bent, g, v, **options).currents
    for i in range(5):
        alone = fresh_currents(network, g[i : i + 1], v[i : i + 1], **options).currents
        scale = np.abs(v[i]).max()
        np.testing.assert_allclose(batch[i], alone[0], rtol=0, atol=1e-9 * scale)
        alone = nonlinear_currents(network, bent, g[i : i + 1], v[i : i + 1], **options).currents
        np.testing.assert_allclose(curved[i], alone[0], rtol=0, atol=1e-9 * scale)


def test_defect_7_single_precision_is_solved_in_double_precision():
    g, v = cells(3, 24, 24).astype(np.float32), inputs(3, 24).astype(np.float32)
    network = UniformNetwork.of(even(1e-2), outputs=24, inputs=24, like=g)
    solved = fresh_currents(network, g, v, tolerance=1e-10)
    assert solved.residual <= 1e-10
    assert solved.currents.dtype == np.float32


def test_defects_8_and_11_nothing_is_remembered_from_other_arrays():
    first = transfer_matrix(cells(4, 4), even(1e-2))
    transfer_matrix(cells(64, 48), even(10.0))
    transfer_matrix(cells(4, 4).T, Wires(Line(0.3), Line(0.2)))
    np.testing.assert_array_equal(transfer_matrix(cells(4, 4), even(1e-2)), first)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("ratio", [1e-2, 1.0, 1e4])
def test_defect_9_no_resistance_is_too_much(interleaved, ratio):
    g = cells(2, 128, 128) if interleaved else cells(128, 128)
    m = transfer_matrix(g, even(ratio), interleaved=interleaved)
    assert np.all(np.isfinite(m))
    assert 0 < np.abs(m).max() < 1
    x = (inputs(4, 128) > 0).astype(float)
    y = separate_source_currents(g, x, supply_segments(even(ratio)), interleaved=interleaved)
    assert np.all(np.isfinite(y))


@pytest.mark.parametrize("interleaved", [False, True])
def test_defect_10_few_and_many_active_inputs_are_solved_alike(interleaved):
    """Inputs that are off might as well not be there, but for the wires that run past them."""
    g = cells(2, 16, 16) if interleaved else cells(16, 16)
    segments = supply_segments(even(1e-2))
    together = separate_source_currents(g, np.tri(17, 16, -1), segments, interleaved=interleaved)
    for active in range(1, 17):
        behind = supply_segments(even(1e-2), unused=16 - active, selected="top")
        want = separate_source_currents(
            g[..., :active], np.ones(active), behind, interleaved=interleaved
        )
        np.testing.assert_allclose(together[active], want, rtol=1e-12)


def test_defect_13_the_matrix_of_the_caller_is_left_unchanged():
    g = cells(4, 6)
    before = g.copy()
    separate_source_currents(g, np.array([1.0, 0, 0, 1, 1, 0]), supply_segments(even(0.1)))
    np.testing.assert_array_equal(g, before)


def test_defect_15_pairs_see_one_voltage_without_wires_and_opposite_ones_with():
    g, v = cells(2, 3, 4), inputs(4)

    def lopsided(g, x):
        return g * (x + 0.3 * x**2)

    positive, negative = lopsided(g[0], v), lopsided(g[1], v)
    got = uncoupled_currents(lopsided, g, v, interleaved=True)
    np.testing.assert_allclose(got, (positive - negative).sum(axis=-1), rtol=1e-13)
    network = UniformNetwork.of(even(1e-9), outputs=3, inputs=4, like=g)
    got = nonlinear_currents(network, lopsided, g, v, interleaved=True, tolerance=1e-9).currents
    np.testing.assert_allclose(got, (positive + lopsided(g[1], -v)).sum(axis=-1), atol=1e-7)


@pytest.mark.parametrize("interleaved", [False, True])
def test_defect_16_cells_that_conduct_less_at_higher_voltage_are_solved_while_they_can_be(
    interleaved,
):
    """A read voltage of 1.6 V; the current of the cubic cell is largest at 1.155 V."""
    g, v = cells(2, 12, 12) if interleaved else cells(12, 12), inputs(4, 12)
    network = UniformNetwork.of(even(1e-3), outputs=12, inputs=12, like=g)

    def cubic(g, x):
        return g * (x - 0.64 * x**3)

    options = {"interleaved": interleaved, "tolerance": 1e-10}
    assert nonlinear_currents(network, cubic, g, v, **options).residual <= 1e-10
    solved = nonlinear_separate_source_currents(
        cubic, g, np.sign(v), supply_segments(even(1e-3)), **options
    )
    assert solved.residual <= 1e-10


def test_defect_17_the_matrix_of_the_transpose_is_not_the_transpose_of_the_matrix():
    g = cells(8, 8)
    forward, backward = transfer_matrix(g, even(0.1)), transfer_matrix(g.T, even(0.1).swapped)
    assert np.abs(forward - backward.T).max() > 1e-2
