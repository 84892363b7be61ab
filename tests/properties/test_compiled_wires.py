"""Loops over cells give what array code gives, compiled and as the Python they are written in."""

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosssim_core.numerics import compiled
from crosssim_core.numerics.wires import (
    Line,
    UniformNetwork,
    Wires,
    fresh_currents,
    separate_source_currents,
    supply_segments,
)
from crosssim_core.numerics.wires.conjugate_loops import LINES
from crosssim_core.numerics.wires.ladder_loops import LANES

resistances = st.one_of(st.just(0.0), st.floats(-9, 3).map(lambda decade: 10.0**decade))
lines = st.builds(Line, resistances, resistances)
wires = st.builds(Wires, lines, lines)
moderate = st.builds(Wires, *2 * [st.builds(Line, st.floats(1e-5, 0.02), st.floats(0, 0.1))])
seeds = st.integers(0, 2**32 - 1)
shapes = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from([(1, 40), (LANES, 1), (LANES + 1, 5), (2 * LANES - 1, 3), (LINES + 1, 12)]),
)


@contextmanager
def solved_by(compiler):
    """What compiles loops is ``compiler``; None for array code alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "loops_compiler", lambda: compiler)
        yield


def interpreter(loops):
    """Compiles nothing."""
    return loops


@pytest.fixture(scope="module", params=["compiled", "interpreted"])
def compiler(request):
    """Both ways that loops run; by default tests elsewhere know the first alone, or neither."""
    if request.param == "interpreted":
        return interpreter
    if (found := compiled.loops_compiler()) is None:
        pytest.skip("Numba is not installed, or its compiler is off")
    return found


def cells(random, *shape):
    """Conductances, many of them 0 or 1."""
    g = random.uniform(size=shape)
    kind = random.integers(0, 4, size=shape)
    return np.where(kind == 0, 0.0, np.where(kind == 1, 1.0, g))


def inputs_of(kind, random, vectors, inputs):
    """Vectors of one kind each."""
    if kind == "one":
        x = np.zeros((vectors, inputs))
        x[range(vectors), random.integers(0, inputs, vectors)] = random.choice([-1.0, 1.0], vectors)
        return x
    if kind == "voltages":
        return random.uniform(-1, 1, (vectors, inputs))
    low = {"none": 0, "binary": 0, "signed": -1}[kind]
    return random.integers(low, 1 if kind == "none" else 2, (vectors, inputs)).astype(float)


def assert_same(got, want, scale):
    """To twelve digits of ``scale``, since digits are lost where the currents of pairs cancel."""
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12 * scale + 1e-19)


def ladders(compiler, g, x, segments, *, interleaved):
    """Currents by array code and by loops, and the size of those of one sign alone."""
    with solved_by(None):
        want = separate_source_currents(g, x, segments, interleaved=interleaved)
        positive = g[..., 0, :, :] if interleaved else g
        alone = separate_source_currents(positive, x, segments)
    with solved_by(compiler):
        got = separate_source_currents(g, x, segments, interleaved=interleaved)
    return got, want, max(np.abs(want).max(), np.abs(alone).max())


@settings(max_examples=200)
@given(
    shape=shapes,
    interleaved=st.booleans(),
    fresh=st.booleans(),
    kind=st.sampled_from(("none", "one", "binary", "signed", "voltages")),
    w=wires,
    seed=seeds,
    unused=st.integers(0, 3),
    selected=st.sampled_from(("top", "bottom")),
)
def test_ladders_of_loops_are_those_of_arrays(
    compiler, shape, interleaved, fresh, kind, w, seed, unused, selected
):
    random = np.random.default_rng(seed)
    g = cells(random, *[3] * fresh, *[2] * interleaved, *shape)
    x = inputs_of(kind, random, 3, shape[1])
    segments = supply_segments(w, unused=unused, selected=selected)
    assert_same(*ladders(compiler, g, x, segments, interleaved=interleaved))


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("kind", ["binary", "signed"])
@pytest.mark.parametrize("feed", [0.0, 0.1])
@pytest.mark.parametrize("output", [0.0, 0.01])
def test_lines_of_two_thousand_cells_are_the_same(compiler, interleaved, kind, feed, output):
    random = np.random.default_rng(0)
    g = random.uniform(size=(*[2] * interleaved, 2, 2000))
    x = inputs_of(kind, random, 1, 2000)
    segments = supply_segments(Wires(Line(feed, feed), Line(output, output)))
    assert_same(*ladders(compiler, g, x, segments, interleaved=interleaved))


@settings(max_examples=50)
@given(
    shape=shapes,
    interleaved=st.booleans(),
    shared=st.booleans(),
    kind=st.sampled_from(("none", "one", "signed", "voltages")),
    w=moderate,
    seed=seeds,
)
def test_conjugate_gradients_of_loops_find_the_same_currents(
    compiler, shape, interleaved, shared, kind, w, seed
):
    random = np.random.default_rng(seed)
    g = cells(random, *[1 if shared else 3], *[2] * interleaved, *shape)
    g = g[0] if shared else g
    v = inputs_of(kind, random, 3, shape[1])
    network = UniformNetwork.of(w, outputs=shape[0], inputs=shape[1], like=g)

    def currents(by):
        with solved_by(by):
            return fresh_currents(
                network, g, v, interleaved=interleaved, tolerance=1e-13, max_steps=300
            )

    got, want = currents(compiler), currents(None)
    assert got.residual <= 1e-13
    assert_same(got.currents, want.currents, max(1.0, np.abs(want.currents).max()))
