"""When loops are compiled, and what happens where they cannot be."""

import subprocess
import sys

import numpy as np
import pytest

from crosssim_core.numerics import compiled
from crosssim_core.numerics.wires import (
    Line,
    UniformNetwork,
    Wires,
    fresh_currents,
    separate_source_currents,
    supply_segments,
)

RESISTIVE = Wires(Line(0.01, 0.03), Line(0.02, 0.05))
SEGMENTS = supply_segments(RESISTIVE)
RANDOM = np.random.default_rng(0)
G = RANDOM.uniform(size=(3, 4, 6))
X = RANDOM.integers(-1, 2, size=(3, 6)).astype(float)


def ladders(g, x):
    return separate_source_currents(g, x, SEGMENTS)


def circuits(g, v):
    network = UniformNetwork.of(RESISTIVE, outputs=4, inputs=6, like=g)
    return fresh_currents(network, g, v).currents


SOLVERS = pytest.mark.parametrize("solve", [ladders, circuits])


@pytest.fixture
def ran(monkeypatch):
    """Names of the loops that ran; they run as the Python they are."""
    names = []

    def note(loops):
        names.append(loops.__name__)
        return loops

    monkeypatch.setattr(compiled, "loops_compiler", lambda: note)
    return names


@pytest.fixture
def first_look():
    """Whether there is a compiler is found out anew, in the test and after it."""
    compiled.loops_compiler.cache_clear()
    yield
    compiled.loops_compiler.cache_clear()


@SOLVERS
def test_loops_solve_arrays_in_the_memory_of_the_processor(xp, solve, ran):
    shares = xp.__name__ in ("numpy", "torch")
    got = solve(xp.asarray(G.copy()), xp.asarray(X.copy()))
    assert bool(ran) == shares
    np.testing.assert_allclose(np.asarray(got), solve(G, X), rtol=0, atol=1e-6)


def test_what_loops_solve_is_not_solved_again_directly(ran):
    network = UniformNetwork.of(RESISTIVE, outputs=4, inputs=6, like=G)
    found = fresh_currents(network, G, X, tolerance=1e-10)
    assert ran == ["conjugate_currents"]
    assert 0 < found.residual <= 1e-10
    assert found.steps > 1


def test_loops_that_take_long_leave_the_array_to_other_methods(ran):
    wires = Wires(Line(1e4), Line(1e5))
    network = UniformNetwork.of(wires, outputs=4, inputs=6, like=G)
    found = fresh_currents(network, G, X, max_steps=2)
    assert ran == ["conjugate_currents"]
    assert found.residual == 0


def double(x, result):
    result[...] = 2 * x


def test_loops_write_into_the_memory_of_tensors(xp, ran):
    x, result = xp.asarray(X.copy()), xp.asarray(0 * X)
    if compiled.run(double, x, result):
        np.testing.assert_array_equal(np.asarray(result), 2 * X)
    else:
        assert xp.__name__ not in ("numpy", "torch")


# What PyTorch imports for the first derivative of this kind.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_loops_leave_tensors_alone_whose_derivatives_are_recorded(ran):
    torch = pytest.importorskip("torch")
    forward, x = torch.autograd.forward_ad, torch.ones(3)
    assert not compiled.run(double, torch.ones(3, requires_grad=True), x)
    assert not compiled.run(double, torch.ones(3, device="meta"), x)
    with forward.dual_level():
        assert not compiled.run(double, forward.make_dual(torch.ones(3), x), x)
    assert compiled.run(double, torch.ones(3), x)
    assert ran == ["double"]


@SOLVERS
def test_array_code_solves_where_numba_is_missing_or_does_not_work(solve, monkeypatch, first_look):
    want = solve(G, X)
    compiled.loops_compiler.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    assert compiled.loops_compiler() is None
    np.testing.assert_allclose(solve(G, X), want, rtol=0, atol=1e-6)


def test_the_switch_of_numba_switches_loops_off(monkeypatch, first_look):
    numba = pytest.importorskip("numba", reason="the extra fast is not installed")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    assert compiled.loops_compiler() is None


def test_loops_are_compiled_where_no_place_keeps_them(monkeypatch, first_look):
    numba = pytest.importorskip("numba", reason="the extra fast is not installed")
    njit = numba.njit

    def homeless(**options):
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", homeless)
    np.testing.assert_allclose(ladders(G, X), ladders(G[::-1], X[::-1])[::-1], rtol=1e-12)


def in_a_process_of_its_own(code):
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_does_not_import_numba():
    in_a_process_of_its_own(
        "import sys, crosssim_core, crosssim_core.numerics.wires\nassert 'numba' not in sys.modules"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")
def test_a_forked_process_solves_as_its_parent_does():
    in_a_process_of_its_own(
        """
import os
import numpy as np
from crosssim_core.numerics.wires import Line, Wires, separate_source_currents, supply_segments

g, segments = np.full((4, 6), 0.5), supply_segments(Wires(Line(0.01), Line(0.02)))
want = separate_source_currents(g, np.ones(6), segments)
if child := os.fork():
    assert os.waitpid(child, 0)[1] == 0
else:
    same = np.array_equal(separate_source_currents(g, np.ones(6), segments), want)
    os._exit(0 if same else 1)
"""
    )
