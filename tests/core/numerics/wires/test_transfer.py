import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, localcontext

import numpy as np
import pytest

from crosssim_core.errors import ParameterError
from crosssim_core.numerics.wires import (
    Line,
    UniformNetwork,
    Wires,
    fresh_currents,
    transfer_matrix,
)
from crosssim_core.numerics.wires.conjugate import conjugate_gradients
from crosssim_core.numerics.wires.uniform import _decomposed

RESISTIVE = Wires(Line(0.01, 0.03), Line(0.02, 0.05))


def cells(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize(
    "wires", [RESISTIVE, Wires(Line(0.1), Line()), Wires(Line(), Line(0.1)), Wires(Line(), Line())]
)
def test_arrays_are_solved_together_as_one_by_one(xp, interleaved, wires):
    g = cells(2, 3, *([2] if interleaved else []), 5, 7)
    got = np.asarray(transfer_matrix(xp.asarray(g.copy()), wires, interleaved=interleaved))
    assert got.shape == (2, 3, 5, 7)
    for i, j in np.ndindex(2, 3):
        alone = transfer_matrix(g[i, j], wires, interleaved=interleaved)
        np.testing.assert_allclose(got[i, j], alone, rtol=1e-13)


def test_the_matrix_has_the_data_type_of_the_conductances_and_the_digits_of_float64(xp):
    g = cells(20, 30).astype(np.float32)
    got = transfer_matrix(xp.asarray(g.copy()), RESISTIVE)
    assert got.dtype == xp.float32
    exact = transfer_matrix(g.astype(np.float64), RESISTIVE)
    np.testing.assert_allclose(np.asarray(got), exact, rtol=1e-7)


decimals = np.vectorize(lambda x: Decimal(float(x)), otypes=[object])


def exact(g, wires):
    """The matrix to a hundred digits, from d + R g d = e for all cells, as circuits state it."""
    signs, outputs, inputs = g.shape
    feed, out = (
        np.cumsum(decimals(line.segments(cells)))
        for line, cells in ((wires.feed, outputs), (wires.output, inputs))
    )
    feed, out = (np.minimum.outer(reach, reach) for reach in (feed, out))
    one = decimals(np.eye(max(g.shape)))
    drops = np.einsum("ab,jk,st->sajtbk", feed, one[:inputs, :inputs], one[:signs, :signs])
    drops = (
        drops
        + np.einsum(
            "jk,ab,st->sajtbk", out[::-1, ::-1], one[:outputs, :outputs], decimals(np.ones((2, 2)))
        ).astype(object)[:signs, :, :, :signs]
    )
    size, g = g.size, decimals(g.ravel())
    system = decimals(np.zeros((size, size + inputs)))
    system[:, :size] = drops.reshape(size, size) * g + decimals(np.eye(size))
    sources = np.multiply.outer(decimals([1, -1])[:signs], one[:inputs, :inputs])
    system[:, size:] = np.repeat(sources[:, None], outputs, axis=1).reshape(size, inputs)
    for k in range(size):
        system[k] = system[k] / system[k, k]
        others = np.arange(size) != k
        system[others] = system[others] - system[others, k : k + 1] * system[k]
    currents = g[:, None] * system[:, size:]
    return currents.reshape(signs, outputs, inputs, inputs).sum(axis=(0, 2)).astype(float)


EXTREME = [
    *(Wires(Line(ratio, 3 * ratio), Line(ratio)) for ratio in (1e-9, 1e-3, 1e3, 1e6, 1e12)),
    Wires(Line(1e-6), Line(1e9)),
    Wires(Line(1e9), Line(2.0)),
    Wires(Line(0.0, 1e6), Line(0.0, 1e9)),
    Wires(Line(1e-3, 1e6), Line(1e-9, 1e5)),
]


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("wires", EXTREME, ids=str)
def test_matrices_have_the_digits_that_they_promise(wires, interleaved):
    """Of pairs, over the currents of one sign: next to nothing of them may be left."""
    g = cells(2, 9, 5)[: 1 + interleaved]
    g[0, :3, 1] = 0.0
    got = transfer_matrix(g if interleaved else g[0], wires, interleaved=interleaved)
    with localcontext(prec=100):
        want, alone = exact(g, wires), exact(g[:1], wires)
    error = max(1e-13, 1e-15 * max(*wires.feed.segments(2), *wires.output.segments(2)))
    np.testing.assert_allclose(got, want, rtol=0, atol=error * np.abs(alone).max())


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("ratio", [1e-6, 1e-3, 1.0])
def test_currents_are_those_of_voltages_that_obey_kirchhoff_to_eleven_digits(ratio, interleaved):
    g, v = cells(1, 1 + interleaved, 20, 30), np.linspace(-1, 1, 30)
    wires = Wires(Line(ratio, 3 * ratio), Line(2 * ratio, ratio))
    network = UniformNetwork.of(wires, outputs=20, inputs=30, like=g)
    e = np.stack((v, -v))[: 1 + interleaved, None, :]
    found = conjugate_gradients(
        network, g, g * e, scale=np.ones(1), tolerance=1e-12, max_steps=1000
    )
    currents = g * (e - found.w)
    np.testing.assert_allclose(network.drops(currents), found.w, rtol=0, atol=1e-11)
    matrix = transfer_matrix(g[0] if interleaved else g[0, 0], wires, interleaved=interleaved)
    np.testing.assert_allclose(matrix @ v, currents.sum(axis=(1, 3))[0], rtol=0, atol=1e-11)


def test_conductances_are_left_unchanged():
    g = cells(9, 9)
    before = g.copy()
    transfer_matrix(g, RESISTIVE)
    np.testing.assert_array_equal(g, before)


def test_without_arrays_there_are_no_matrices():
    assert transfer_matrix(np.zeros((0, 2, 3, 4)), RESISTIVE, interleaved=True).shape == (0, 3, 4)


@pytest.mark.parametrize("interleaved", [False, True])
def test_wires_of_almost_no_resistance_give_the_ideal_product(interleaved):
    g = cells(2, 12, 20)
    wires = Wires(Line(1e-18, 1e-17), Line(1e-17, 1e-18))
    got = transfer_matrix(g if interleaved else g[0], wires, interleaved=interleaved)
    np.testing.assert_allclose(got, g[0] - interleaved * g[1], rtol=0, atol=1e-14)


def test_a_terminal_alone_divides_the_voltage_as_the_closed_form_says():
    g = cells(8, 6)
    ground = transfer_matrix(g, Wires(Line(), Line(0.0, 0.3)))
    np.testing.assert_allclose(ground, g / (1 + 0.3 * g.sum(axis=1, keepdims=True)), rtol=1e-14)
    driver = transfer_matrix(g, Wires(Line(0.0, 0.3), Line()))
    np.testing.assert_allclose(driver, g / (1 + 0.3 * g.sum(axis=0, keepdims=True)), rtol=1e-14)


@pytest.mark.parametrize("interleaved", [False, True])
def test_cells_without_conductance_at_open_ends_change_nothing(interleaved):
    g = cells(2, 9, 14)
    wider = np.zeros((2, 9 + 13, 14 + 8))
    wider[:, :9, 8:] = g
    if not interleaved:
        g, wider = g[0], wider[0]
    got = transfer_matrix(wider, RESISTIVE, interleaved=interleaved)
    want = transfer_matrix(g, RESISTIVE, interleaved=interleaved)
    np.testing.assert_allclose(got[:9, 8:], want, rtol=0, atol=1e-14)


def test_currents_are_positive_and_their_sums_are_bounded_by_the_cells():
    g = cells(40, 50) * (cells(40, 50, seed=1) > 0.7)
    m = transfer_matrix(g, RESISTIVE)
    assert m.min() >= 0
    assert np.all(m.sum(axis=0) <= g.sum(axis=0))
    assert np.all(m.sum(axis=1) <= g.sum(axis=1))
    assert np.any(m[g == 0] > 0), "current sneaks past cells that do not conduct"


def test_a_large_array_agrees_with_its_mirror_image():
    g = cells(100, 150)
    mirrored = transfer_matrix(g.T[::-1, ::-1], RESISTIVE.swapped)
    np.testing.assert_allclose(transfer_matrix(g, RESISTIVE), mirrored.T[::-1, ::-1], rtol=1e-11)


def test_memory_is_bounded_by_a_few_strips_of_the_array():
    g = cells(2, 128, 1152)
    tracemalloc.start()
    transfer_matrix(g, RESISTIVE, interleaved=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6


@pytest.mark.parametrize("value", [-1e-3, float("nan")])
def test_a_wire_of_negative_resistance_is_refused(value):
    with pytest.raises(ParameterError, match="resistance"):
        Line(value)


def test_threads_that_solve_at_once_find_the_same_as_one_after_the_other(xp):
    """The caches of a geometry are filled by whoever comes first."""
    g, v = xp.asarray(cells(2, 12, 20)), xp.asarray(cells(2, 20))

    def solve(resistance):
        wires = Wires(Line(resistance), Line(2 * resistance, resistance))
        network = UniformNetwork.of(wires, outputs=12, inputs=20, like=g)
        currents = fresh_currents(network, g, v).currents
        return np.asarray(transfer_matrix(g, wires)), np.asarray(currents)

    resistances = [1e-3, 2e-3, 3e-3, 1e-3, 2e-3, 3e-3]
    _decomposed.cache_clear()
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(solve, resistances))
    for (matrix, currents), resistance in zip(together, resistances, strict=True):
        want_matrix, want_currents = solve(resistance)
        np.testing.assert_array_equal(matrix, want_matrix)
        np.testing.assert_array_equal(currents, want_currents)
