import numpy as np
import pytest

from crosssim_core.numerics.wires import Line, Wires, separate_source_currents, supply_segments
from crosssim_core.numerics.wires.ladder import rung_voltages
from crosssim_core.numerics.wires.lines import shared_drops

RESISTIVE = Wires(Line(0.01, 0.03), Line(0.02, 0.05))


def cells(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


def digits(*shape, signed=True, seed=0):
    return np.random.default_rng(seed).integers(-signed, 2, size=shape).astype(float)


def drops_of(signs, inputs, segments):
    """Drops at the cells of a line for a unit current of each, pairs after one another."""
    feed = shared_drops(segments.supplies(inputs))
    out = shared_drops(segments.outputs(inputs)[::-1])[::-1, ::-1]
    return np.kron(np.eye(signs), feed) + np.kron(np.ones((signs, signs)), out)


def dense(g, x, segments):
    """Operator form: voltages are sources minus the drops of all currents."""
    signs, outputs, inputs = g.shape
    drops = drops_of(signs, inputs, segments)
    e = np.concatenate((x, -x)[:signs])
    currents = []
    for line in range(outputs):
        on = (g[:, line] * (x != 0)).ravel()
        currents.append(on @ np.linalg.solve(np.eye(e.size) + drops * on, e))
    return np.array(currents)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_vectors_of_any_shape_are_solved_each_by_itself(xp, interleaved, signed):
    g, x = cells(2, 4, 6), digits(3, 5, 6, signed=signed)
    segments = supply_segments(RESISTIVE)
    array = g if interleaved else g[0]
    got = separate_source_currents(
        xp.asarray(array.copy()), xp.asarray(x.copy()), segments, interleaved=interleaved
    )
    assert got.shape == (3, 5, 4)
    for i, j in np.ndindex(3, 5):
        want = dense(g[: 1 + interleaved], x[i, j], segments)
        np.testing.assert_allclose(np.asarray(got)[i, j], want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("interleaved", [False, True])
def test_an_array_for_each_vector_is_used_by_that_vector(xp, interleaved):
    g, x = cells(3, 5, 2, 4, 6), digits(3, 5, 6)
    segments = supply_segments(RESISTIVE)
    array = g if interleaved else g[:, :, 0]
    got = separate_source_currents(
        xp.asarray(array.copy()), xp.asarray(x.copy()), segments, interleaved=interleaved
    )
    for i, j in np.ndindex(3, 5):
        want = dense(g[i, j, : 1 + interleaved], x[i, j], segments)
        np.testing.assert_allclose(np.asarray(got)[i, j], want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("interleaved", [False, True])
def test_no_input_no_current(interleaved):
    g = cells(2, 4, 6) if interleaved else cells(4, 6)
    got = separate_source_currents(
        g, np.zeros((3, 6)), supply_segments(RESISTIVE), interleaved=interleaved
    )
    np.testing.assert_array_equal(got, np.zeros((3, 4)))


def test_one_cell_alone_stands_in_series_with_its_wires():
    x = np.zeros(9)
    x[3] = 1.0
    g = cells(5, 9)
    wire = 4 * 0.01 + 0.03 + 6 * 0.02 + 0.05
    got = separate_source_currents(g, x, supply_segments(RESISTIVE))
    np.testing.assert_allclose(got, g[:, 3] / (1 + wire * g[:, 3]), rtol=1e-14)


@pytest.mark.parametrize("signed", [False, True])
def test_one_pair_alone_is_solved_wherever_it_stands(signed):
    g, x = cells(2, 5, 9), np.eye(9)
    x[:, ::2] *= (-1) ** signed
    segments = supply_segments(RESISTIVE)
    got = separate_source_currents(g, x, segments, interleaved=True)
    want = np.stack([dense(g, vector, segments) for vector in x])
    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("interleaved", [False, True])
def test_wires_of_almost_no_resistance_give_the_ideal_product(interleaved):
    g, x = cells(2, 4, 12), digits(5, 12)
    segments = supply_segments(Wires(Line(1e-18, 1e-17), Line(1e-17, 1e-18)), unused=3)
    array, ideal = (g, g[0] - g[1]) if interleaved else (g[0], g[0])
    got = separate_source_currents(array, x, segments, interleaved=interleaved)
    np.testing.assert_allclose(got, x @ ideal.T, rtol=0, atol=1e-14)


@pytest.mark.parametrize("signs", [1, 2])
@pytest.mark.parametrize("ratio", [1e-6, 1e-2, 1.0])
def test_voltages_of_ladders_obey_kirchhoff_to_eleven_digits(signs, ratio):
    x = digits(30)
    g = cells(30, signs, 1, 4) * (x != 0)[:, None, None, None]
    emf = np.stack((x, -x), axis=1)[:, :signs, None, None]
    segments = supply_segments(Wires(Line(ratio, 3 * ratio), Line(2 * ratio, ratio)))
    d = rung_voltages(g, None, emf, segments)
    along = np.moveaxis(g * d, 1, 0).reshape(signs * 30, 4)
    drops = np.moveaxis((drops_of(signs, 30, segments) @ along).reshape(signs, 30, 1, 4), 0, 1)
    np.testing.assert_allclose(emf - drops, d, rtol=0, atol=1e-11)


@pytest.mark.parametrize("interleaved", [False, True])
def test_a_vector_with_an_array_of_its_own_does_not_depend_on_its_batch_mates(interleaved):
    """As read noise makes them; in any company and order."""
    g, x = cells(70, 2, 200, 6), digits(70, 6)
    x[3], x[4] = 0.0, 1.0
    array, segments = (g if interleaved else g[:, 0]), supply_segments(RESISTIVE)

    def currents(which):
        some, own = array[which], x[which]
        return separate_source_currents(some, own, segments, interleaved=interleaved)

    together = currents(slice(None))
    np.testing.assert_allclose(currents(slice(None, None, -1)), together[::-1], rtol=1e-13)
    alone = np.concatenate([currents(slice(i, i + 1)) for i in range(70)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-14)


@pytest.mark.parametrize("interleaved", [False, True])
def test_currents_change_sign_with_the_inputs(interleaved):
    g, x = cells(*([2] if interleaved else []), 4, 6), digits(7, 6)
    segments = supply_segments(RESISTIVE)
    up = separate_source_currents(g, x, segments, interleaved=interleaved)
    down = separate_source_currents(g, -x, segments, interleaved=interleaved)
    np.testing.assert_allclose(up, -down, rtol=1e-12)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("feed", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("output", [0.0, 0.01, 0.1])
def test_lines_of_two_thousand_cells_neither_overflow_nor_lose_digits(interleaved, feed, output):
    g, x = cells(2, 2, 2000)[: 1 + interleaved], digits(2000, signed=interleaved)
    segments = supply_segments(Wires(Line(feed, feed), Line(output, output)))
    array = g if interleaved else g[0]
    got = separate_source_currents(array, x, segments, interleaved=interleaved)
    assert np.all(np.isfinite(got))
    if not (feed or output):
        np.testing.assert_allclose(got, (g[0] - interleaved * g[-1]) @ x, rtol=1e-12, atol=1e-12)
    elif not interleaved:
        np.testing.assert_allclose(got, dense(g, x, segments), rtol=1e-10)


@pytest.mark.parametrize("signed", [False, True])
def test_a_line_of_two_thousand_pairs_is_solved(signed):
    g, x = cells(2, 1, 2000), digits(2000, signed=signed)
    segments = supply_segments(Wires(Line(0.1, 0.2), Line(0.01)))
    got = separate_source_currents(g, x, segments, interleaved=True)
    np.testing.assert_allclose(got, dense(g, x, segments), rtol=1e-9)


def test_inputs_that_are_not_binary_are_sources_in_series():
    g, x = cells(1, 4, 6), np.random.default_rng(3).uniform(-1, 1, 6)
    segments = supply_segments(RESISTIVE, unused=2, selected="bottom")
    got = separate_source_currents(g[0], x, segments)
    np.testing.assert_allclose(got, dense(g, x, segments), rtol=1e-12)


def test_the_data_type_is_that_of_the_conductances(xp):
    got = separate_source_currents(
        xp.asarray(cells(4, 6).astype(np.float32)),
        xp.asarray(digits(3, 6)),
        supply_segments(RESISTIVE),
    )
    assert got.dtype == xp.float32
