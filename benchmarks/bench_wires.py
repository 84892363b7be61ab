"""Time of the solvers of arrays with resistive wires, and how it grows with the array."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from unittest import mock

import numpy as np
from rich.console import Console
from rich.table import Table

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.numerics import compiled
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

RATIO = 1e-3
"""Resistance of a wire segment over that of a cell at full conductance [1]."""
WIRES = Wires(Line(RATIO), Line(RATIO))
SOFT = Wires(Line(RATIO / 10), Line(RATIO / 10))
SEGMENTS = supply_segments(WIRES)
RANDOM = np.random.default_rng(0)
REPEATS = 3
FEW = 8
"""Vectors where each is solved for."""


class Operands(NamedTuple):
    """Arrays of ``size`` inputs and outputs, and vectors."""

    size: int
    g: np.ndarray
    pair: np.ndarray
    v: np.ndarray
    x: np.ndarray
    """Vectors of 0 and 1."""
    noisy: np.ndarray
    """An array for each of `FEW` vectors."""


def seconds(job: Callable[[], object]) -> float:
    """Shortest of a few runs [s]."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return min(times)


def cells(*shape: int) -> np.ndarray:
    """Conductances of a random array."""
    return RANDOM.uniform(size=shape)


def saturating(g: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Cells whose current saturates."""
    return g * (v - v**3 / 16)


def with_and_without(job: Callable[[], object]) -> tuple[float, float]:
    """Seconds with compiled loops, where Numba is installed, and without; the first run is none."""
    job()
    with mock.patch.object(compiled, "loops_compiler", return_value=None):
        without = seconds(job)
    return (seconds(job) if compiled.loops_compiler() else float("nan")), without


def operands(size: int, vectors: int) -> Operands:
    """Random arrays and vectors."""
    g, pair = cells(size, size), cells(2, size, size)
    v = RANDOM.uniform(-1, 1, (vectors, size))
    noisy = g * (1 + 0.05 * RANDOM.standard_normal((FEW, size, size)))
    return Operands(size, g, pair, v, (v > 0).astype(float), noisy)


def array_jobs(of: Operands) -> dict[str, tuple[int, Callable[[], np.ndarray]]]:
    """Number of vectors and currents of products that loops do not solve for."""
    matrix = transfer_matrix(of.g, WIRES)
    network = UniformNetwork.of(WIRES, outputs=of.size, inputs=of.size, like=of.g)
    few, x = of.v[:FEW], of.x[:FEW]
    return {
        "input lines": (len(of.v), lambda: of.v @ matrix.T),
        "input lines, nonlinear": (
            FEW,
            lambda: nonlinear_currents(network, saturating, of.g, few).currents,
        ),
        "supply lines, nonlinear": (
            FEW,
            lambda: nonlinear_separate_source_currents(saturating, of.g, x, SEGMENTS).currents,
        ),
    }


def loop_jobs(of: Operands) -> dict[str, tuple[int, Callable[[], np.ndarray]]]:
    """The same of products that compiled loops solve for, or array code."""
    few, half = of.v[:FEW], of.size // 2
    network = UniformNetwork.of(WIRES, outputs=of.size, inputs=of.size, like=of.g)
    soft = UniformNetwork.of(SOFT, outputs=half, inputs=half, like=of.g)
    small = of.noisy[:, :half, :half].copy()
    return {
        "input lines, fresh noise": (FEW, lambda: fresh_currents(network, of.noisy, few).currents),
        f"input lines, fresh noise, {half}×{half}, 1e-4": (
            FEW,
            lambda: fresh_currents(soft, small, few[:, :half]).currents,
        ),
        "supply lines": (len(of.x), lambda: separate_source_currents(of.g, of.x, SEGMENTS)),
        "supply lines, signed digits": (
            len(of.v),
            lambda: separate_source_currents(of.g, np.sign(of.v), SEGMENTS),
        ),
        "supply lines, pairs": (
            len(of.x),
            lambda: separate_source_currents(of.pair, of.x, SEGMENTS, interleaved=True),
        ),
    }


def wired_cores(matrix: np.ndarray) -> dict[str, AnalogCore]:
    """Cores that hold ``matrix`` in one array, the ideal one first."""
    wires = {"enable": True, "Rp_row": 1e3 * RATIO, "Rp_col": 1e3 * RATIO}
    settings: dict[str, dict[str, object]] = {
        "ideal": {},
        "wires": {"xbar.array.parasitics": wires},
        "wires, pairs on shared lines": {
            "xbar.array.parasitics": wires,
            "core.balanced.interleaved_posneg": True,
        },
        "wires, slices": {
            "xbar.array.parasitics": wires,
            "core.style": "BITSLICED",
            "core.weight_bits": 8,
        },
    }
    found = {}
    for name, changes in settings.items():
        params = CrossSimParameters()
        params.update(changes)
        found[name] = AnalogCore(matrix, params)
    return found


def programming(shapes: Sequence[tuple[int, int]]) -> Table:
    """Transfer matrices, made once for each programmed array."""
    table = Table("transfer matrix", "pairs", "time [s]")
    for outputs, inputs in shapes:
        for signs in (1, 2):
            g = cells(*[2] * (signs - 1), outputs, inputs)
            interleaved = signs == 2
            took = seconds(lambda g=g, i=interleaved: transfer_matrix(g, WIRES, interleaved=i))
            table.add_row(f"{outputs}×{inputs}", str(interleaved), f"{took:.3f}")
    return table


def growth(sizes: Sequence[int]) -> Table:
    """Exponent of a power law through the times of square arrays."""
    table = Table("method", "exponent", *(f"{n} [ms]" for n in sizes))
    x = RANDOM.integers(0, 2, (256, max(sizes))).astype(float)
    jobs = {
        "transfer matrix": lambda n: transfer_matrix(cells(n, n), WIRES),
        "supply lines, 256 vectors": lambda n: separate_source_currents(
            cells(n, n), x[:, :n], SEGMENTS
        ),
    }
    for name, job in jobs.items():
        times = [seconds(lambda n=n, job=job: job(n)) for n in sizes]
        exponent = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        table.add_row(name, f"{exponent:.2f}", *(f"{1e3 * t:.1f}" for t in times))
    return table


def products(size: int) -> Table:
    """Products of 256 vectors (8 where each vector is solved for) with a square array."""
    table = Table(f"{size}×{size} array", "loops", "time per vector [ms]", "over ideal product")
    of = operands(size, 256)
    ideal = seconds(lambda: of.v @ of.g.T) / 256

    def add(name: str, loops: str, took: float) -> None:
        table.add_row(name, loops, f"{1e3 * took:.3f}", f"{took / ideal:.2f}")

    add("ideal", "", ideal)
    for name, (vectors, job) in array_jobs(of).items():
        add(name, "", seconds(job) / vectors)
    for name, (vectors, job) in loop_jobs(of).items():
        fast, slow = with_and_without(job)
        add(name, "compiled", fast / vectors)
        add(name, "no", slow / vectors)
    return table


def cores(size: int) -> Table:
    """Products of 256 vectors with cores of one square array, first and later ones."""
    columns = "first product [ms]", "later product [ms]", "over ideal core"
    table = Table(f"{size}×{size} core", *columns)
    matrix, x = RANDOM.uniform(-1, 1, (size, size)), RANDOM.uniform(-1, 1, (size, 256))
    ideal = 0.0
    for name, core in wired_cores(matrix).items():
        start = time.perf_counter()
        core @ x
        first = time.perf_counter() - start
        later = seconds(lambda core=core: [core @ x for _ in range(20)]) / 20
        ideal = ideal or later
        table.add_row(name, f"{1e3 * first:.1f}", f"{1e3 * later:.2f}", f"{later / ideal:.2f}")
    return table


def main() -> None:
    """Print four tables."""
    shapes = ((64, 64), (128, 128), (256, 256), (256, 1152), (1152, 256))
    sizes = (32, 64, 128, 256, 512)
    console = Console()
    for table in (programming(shapes), growth(sizes), products(256), cores(256)):
        console.print(table)


if __name__ == "__main__":
    main()
