"""Arrays with resistive wires obey Kirchhoff's laws, whatever the wires and cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
)
from crosssim_core.numerics.wires.conjugate import conjugate_gradients
from crosssim_core.numerics.wires.ladder import rung_voltages

resistances = st.one_of(st.just(0.0), st.floats(-9, 6).map(lambda decade: 10.0**decade))
lines = st.builds(Line, resistances, resistances)
wires = st.builds(Wires, lines, lines)
moderate = st.builds(Wires, *2 * [st.builds(Line, *2 * [st.floats(0, 0.3)])])
seeds = st.integers(0, 2**32 - 1)
shapes = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from([(1, 40), (40, 1), (17, 23), (35, 18), (20, 70), (70, 20)]),
)
small = st.tuples(st.integers(1, 7), st.integers(1, 7))


def cells(random, *shape):
    """Conductances, many of them 0 or 1."""
    g = random.uniform(size=shape)
    kind = random.integers(0, 4, size=shape)
    return np.where(kind == 0, 0.0, np.where(kind == 1, 1.0, g))


def digits(random, signed, *shape):
    return random.integers(-1 if signed else 0, 2, size=shape).astype(float)


def array_of(g, interleaved):
    """The form the solvers take: the axis of the signs is there for pairs only."""
    return g if interleaved else g[..., 0, :, :]


def assert_agrees(got, want, relative=1e-9, among=0.0):
    """Relative to the largest of ``want`` and ``among``, since digits are lost where pairs cancel.

    Ladders know cells that are off only down to 1e-20.
    """
    scale = max(np.max(np.abs(want), initial=0), np.max(np.abs(among)))
    np.testing.assert_allclose(got, want, rtol=0, atol=relative * scale + 1e-19)


@given(shape=shapes, interleaved=st.booleans(), w=wires, seed=seeds)
def test_the_transfer_matrix_solves_the_netlist(shape, interleaved, w, seed):
    oracle = pytest.importorskip("kirchhoff", reason="the oracle needs SciPy")
    random = np.random.default_rng(seed)
    g = cells(random, 1 + interleaved, *shape)
    v = random.uniform(-1, 1, shape[1])
    matrix = transfer_matrix(array_of(g, interleaved), w, interleaved=interleaved)
    want = oracle.input_source_currents(g, v, w)
    assert_agrees(matrix @ v, want, among=oracle.input_source_currents(g[:1], v, w))


@given(
    shape=small,
    interleaved=st.booleans(),
    w=wires,
    seed=seeds,
    signed=st.booleans(),
    unused=st.integers(0, 3),
    selected=st.sampled_from(("top", "bottom")),
)
def test_ladders_solve_the_netlist(shape, interleaved, w, seed, signed, unused, selected):
    oracle = pytest.importorskip("kirchhoff", reason="the oracle needs SciPy")
    random = np.random.default_rng(seed)
    g = cells(random, 1 + interleaved, *shape)
    x = digits(random, signed, shape[1])
    segments = supply_segments(w, unused=unused, selected=selected)
    got = separate_source_currents(array_of(g, interleaved), x, segments, interleaved=interleaved)
    supplies = [0.0] if signed else [0.0, 1.0]
    for supply in supplies:
        want = oracle.separate_source_currents(g, x, segments, supply=supply)
        among = oracle.separate_source_currents(g[:1], x, segments, supply=supply)
        assert_agrees(got, want, among=among)


@given(shape=shapes, w=wires, seed=seeds)
def test_drivers_and_grounds_can_change_places(shape, w, seed):
    """Both matrices have all digits that they promise."""
    g = cells(np.random.default_rng(seed), *shape)
    mirrored = transfer_matrix(g.T[::-1, ::-1], w.swapped)
    most = max(*w.feed.segments(2), *w.output.segments(2))
    promised = max(1e-13, 1e-15 * most)
    assert_agrees(transfer_matrix(g, w), mirrored.T[::-1, ::-1], 2 * promised)


@given(shape=small, interleaved=st.booleans(), w=moderate, seed=seeds)
def test_power_of_the_sources_is_dissipated_on_input_lines(shape, interleaved, w, seed):
    random = np.random.default_rng(seed)
    outputs, inputs = shape
    g = cells(random, 1, 1 + interleaved, *shape)
    v = random.uniform(-1, 1, inputs)
    e = np.stack((v, -v))[None, : 1 + interleaved, None, :] + np.zeros((1, 1, outputs, 1))
    network = UniformNetwork.of(w, outputs=outputs, inputs=inputs, like=g)
    found = conjugate_gradients(
        network, g, g * e, scale=np.ones(1), tolerance=1e-12, max_steps=1000
    )
    d = (e - found.w)[0]
    current = g[0] * d
    # Currents of the segments, which the solver itself never forms.
    feeds = np.cumsum(current[:, ::-1], axis=1)[:, ::-1]
    outs = np.cumsum(current.sum(axis=0), axis=1)
    wire = np.sum(feeds**2 * np.array(w.feed.segments(outputs))[:, None])
    wire += np.sum(outs**2 * w.output.segments(inputs)[::-1])
    assert_agrees(wire + np.sum(current * d), np.sum(e * current), 1e-9)
    matrix = transfer_matrix(array_of(g[0], interleaved), w, interleaved=interleaved)
    assert_agrees(current.sum(axis=(0, 2)), matrix @ v, 1e-8, among=current)


@given(shape=small, interleaved=st.booleans(), w=wires, seed=seeds)
def test_power_of_the_sources_is_dissipated_on_supply_lines(shape, interleaved, w, seed):
    random = np.random.default_rng(seed)
    outputs, inputs = shape
    x = digits(random, True, inputs)
    g = cells(random, inputs, 1 + interleaved, 1, outputs) * (x != 0)[:, None, None, None]
    segments = supply_segments(w, unused=random.integers(3), selected="bottom")
    emf = np.stack((x, -x), axis=1)[:, : 1 + interleaved, None, None]
    d = rung_voltages(g, None, emf, segments)
    current = g * d
    feeds = np.cumsum(current[::-1], axis=0)[::-1]
    outs = np.cumsum(current.sum(axis=1), axis=0)
    wire = np.sum(feeds**2 * np.reshape(segments.supplies(inputs), (-1, 1, 1, 1)))
    wire += np.sum(outs**2 * np.reshape(segments.outputs(inputs), (-1, 1, 1)))
    assert_agrees(wire + np.sum(current * d), np.sum(emf * current), 1e-9)


@given(shape=small, interleaved=st.booleans(), w=wires, seed=seeds)
def test_arrays_that_differ_for_each_vector_agree_with_their_matrices(shape, interleaved, w, seed):
    random = np.random.default_rng(seed)
    g = array_of(cells(random, 3, 1 + interleaved, *shape), interleaved)
    v = random.uniform(-1, 1, (3, shape[1]))
    network = UniformNetwork.of(w, outputs=shape[0], inputs=shape[1], like=g)
    got = fresh_currents(network, g, v, interleaved=interleaved, tolerance=1e-11)
    assert got.residual <= 1e-11
    want = (transfer_matrix(g, w, interleaved=interleaved) @ v[..., None])[..., 0]
    # A voltage error of the tolerance is one of the current, times a cell's conductance.
    assert np.abs(got.currents - want).max() <= 1e-9


@settings(max_examples=50)
@given(
    shape=small,
    interleaved=st.booleans(),
    w=moderate,
    seed=seeds,
    bend=st.floats(-0.3, 0.3),
    separate=st.booleans(),
)
def test_bent_laws_satisfy_the_netlist(shape, interleaved, w, seed, bend, separate):
    """With the chord conductances of the solution, linear cells carry the same currents."""
    random = np.random.default_rng(seed)
    g = cells(random, 1 + interleaved, *shape)
    array = array_of(g, interleaved)

    def law(g, v):
        return g * (v + bend * v**3)

    if separate:
        x = digits(random, True, shape[1])
        segments = supply_segments(w)
        got = nonlinear_separate_source_currents(
            law, array, x, segments, interleaved=interleaved, tolerance=1e-10
        )
        emf = np.stack((x, -x), axis=1)[:, : 1 + interleaved, None, None]
        conductance = (np.moveaxis(g, -1, 0) * (x != 0)[:, None, None])[:, :, None, :]
        d = voltages(lambda chords: rung_voltages(chords, None, emf, segments), conductance, bend)
        want = np.sum(law(conductance, d), axis=(0, 1))[0]
    else:
        v = random.uniform(-1, 1, shape[1])
        network = UniformNetwork.of(w, outputs=shape[0], inputs=shape[1], like=g)
        got = nonlinear_currents(network, law, array, v, interleaved=interleaved, tolerance=1e-10)
        e = np.stack((v, -v))[None, : 1 + interleaved, None, :]

        def drops(chords):
            return conjugate_gradients(
                network, chords, chords * e, scale=np.ones(1), tolerance=1e-12, max_steps=500
            ).w

        d = voltages(lambda chords: e - drops(chords), g[None], bend)
        want = np.sum(law(g, d), axis=(0, 1, 3))
    assert got.residual <= 1e-10
    assert np.abs(got.currents - want).max() <= 1e-7


HARD = {
    "saturates": lambda g, v: g * v / (1 + np.abs(v)),
    "grows": lambda g, v: g * (v + 0.3 * v**3),
    "nearly ohmic": lambda g, v: g * (v - 0.0025 * v**3),
    "lopsided": lambda g, v: g * (v + 0.2 * v * np.tanh(v)),
}
"""Laws that rise at all voltages that can occur."""


@settings(max_examples=200)
@given(
    inputs=st.integers(1, 9),
    outputs=st.integers(1, 3),
    interleaved=st.booleans(),
    law=st.sampled_from(sorted(HARD)),
    seed=seeds,
)
def test_bent_laws_are_solved_on_supply_lines_of_any_resistance(
    inputs, outputs, interleaved, law, seed
):
    """Where cells are off, or signs of digits vary, voltages exceed those of the sources."""
    random = np.random.default_rng(seed)
    ohms = np.where(random.uniform(size=4) < 0.15, 0.0, 10 ** random.uniform(-3, 3, 4))
    current, segments = HARD[law], supply_segments(Wires(Line(*ohms[:2]), Line(*ohms[2:])))
    g, x = cells(random, 1 + interleaved, outputs, inputs), digits(random, True, 3, inputs)
    got = nonlinear_separate_source_currents(
        current, array_of(g, interleaved), x, segments, interleaved=interleaved, tolerance=1e-9
    )
    for vector, currents in zip(x, got.currents, strict=True):
        want = [oracle_current(current, line, vector, segments) for line in g.swapaxes(0, 1)]
        assert np.abs(currents - want).max() <= 1e-7


def oracle_current(current, g, x, segments):
    """Of one output line, ``g`` of shape (signs, inputs): Newton's method for all its cells.

    The resistance of the wires grows from next to nothing.
    """
    signs, inputs = g.shape
    on, e = (g * (x != 0)).ravel(), np.concatenate((x, -x)[:signs])
    passed = np.tril(np.ones((inputs, inputs)))
    supply = passed * segments.supplies(inputs) @ passed.T
    output = passed.T * segments.outputs(inputs) @ passed
    drops = np.kron(np.eye(signs), supply) + np.kron(np.ones((signs, signs)), output)
    d = e.copy()
    for share in 10.0 ** np.arange(-6, 0.5, 0.5):

        def error(d, resistance=share * drops):
            return e - resistance @ current(on, d) - d

        for _ in range(100):
            slopes = (current(on, d + 1e-5) - current(on, d - 1e-5)) / 2e-5
            step = np.linalg.solve(np.eye(e.size) + share * drops * slopes, error(d))
            parts = 0.5 ** np.arange(30)
            d = d + step * min(parts, key=lambda part: np.linalg.norm(error(d + part * step)))
            if np.abs(error(d)).max() < 1e-11:
                break
    assert np.abs(error(d)).max() < 1e-8
    return current(on, d).sum()


def voltages(linear, g, bend):
    """Fixed point of linear solutions with chords, damped so that it exists for every bend."""
    d = linear(g)
    for _ in range(200):
        d = (d + linear(g * (1 + bend * d**2))) / 2
    return d
