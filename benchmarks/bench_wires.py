"""Time of the solvers of arrays with resistive wires, and how it grows with the array."""

import time
from collections.abc import Callable
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
SIZES = (32, 64, 128, 256, 512)


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


def programming() -> Table:
    """Transfer matrices, made once for each programmed array."""
    table = Table("transfer matrix", "pairs", "time [s]")
    for outputs, inputs in ((64, 64), (128, 128), (256, 256), (256, 1152), (1152, 256)):
        for signs in (1, 2):
            g = cells(*[2] * (signs - 1), outputs, inputs)
            interleaved = signs == 2
            took = seconds(lambda g=g, i=interleaved: transfer_matrix(g, WIRES, interleaved=i))
            table.add_row(f"{outputs}×{inputs}", str(interleaved), f"{took:.3f}")
    return table


def growth() -> Table:
    """Exponent of a power law through the times of square arrays."""
    table = Table("method", "exponent", *(f"{n} [ms]" for n in SIZES))
    x = RANDOM.integers(0, 2, (256, max(SIZES))).astype(float)
    jobs = {
        "transfer matrix": lambda n: transfer_matrix(cells(n, n), WIRES),
        "supply lines, 256 vectors": lambda n: separate_source_currents(
            cells(n, n), x[:, :n], SEGMENTS
        ),
    }
    for name, job in jobs.items():
        times = [seconds(lambda n=n, job=job: job(n)) for n in SIZES]
        exponent = np.polyfit(np.log(SIZES), np.log(times), 1)[0]
        table.add_row(name, f"{exponent:.2f}", *(f"{1e3 * t:.1f}" for t in times))
    return table


def products() -> Table:
    """Products of 256 vectors (8 where each vector is solved for) with a 256×256 array."""
    table = Table("256×256 array", "loops", "time per vector [ms]", "over ideal product")
    g, pair = cells(256, 256), cells(2, 256, 256)
    v = RANDOM.uniform(-1, 1, (256, 256))
    x = (v > 0).astype(float)
    few = v[:8]
    noisy = g * (1 + 0.05 * RANDOM.standard_normal((8, 256, 256)))
    matrix = transfer_matrix(g, WIRES)
    network = UniformNetwork.of(WIRES, outputs=256, inputs=256, like=g)
    soft = UniformNetwork.of(SOFT, outputs=128, inputs=128, like=g)
    small = noisy[:, :128, :128].copy()
    ideal = seconds(lambda: v @ g.T) / 256

    def add(name: str, loops: str, took: float) -> None:
        table.add_row(name, loops, f"{1e3 * took:.3f}", f"{took / ideal:.2f}")

    array_jobs: dict[str, tuple[int, Callable[[], object]]] = {
        "input lines": (256, lambda: v @ matrix.T),
        "input lines, nonlinear": (8, lambda: nonlinear_currents(network, saturating, g, few)),
        "supply lines, nonlinear": (
            8,
            lambda: nonlinear_separate_source_currents(saturating, g, x[:8], SEGMENTS),
        ),
    }
    loop_jobs: dict[str, tuple[int, Callable[[], object]]] = {
        "input lines, fresh noise": (8, lambda: fresh_currents(network, noisy, few)),
        "input lines, fresh noise, 128×128, 1e-4": (
            8,
            lambda: fresh_currents(soft, small, few[:, :128]),
        ),
        "supply lines": (256, lambda: separate_source_currents(g, x, SEGMENTS)),
        "supply lines, signed digits": (
            256,
            lambda: separate_source_currents(g, np.sign(v), SEGMENTS),
        ),
        "supply lines, pairs": (
            256,
            lambda: separate_source_currents(pair, x, SEGMENTS, interleaved=True),
        ),
    }
    add("ideal", "", ideal)
    for name, (vectors, job) in array_jobs.items():
        add(name, "", seconds(job) / vectors)
    for name, (vectors, job) in loop_jobs.items():
        fast, slow = with_and_without(job)
        add(name, "compiled", fast / vectors)
        add(name, "no", slow / vectors)
    return table


def cores() -> Table:
    """Products of 256 vectors with cores of one 256×256 array, first and later ones."""
    table = Table("256×256 core", "first product [ms]", "later product [ms]", "over ideal core")
    matrix, x = RANDOM.uniform(-1, 1, (256, 256)), RANDOM.uniform(-1, 1, (256, 256))
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
    ideal = 0.0
    for name, changes in settings.items():
        params = CrossSimParameters()
        params.update(changes)
        core = AnalogCore(matrix, params)
        start = time.perf_counter()
        core @ x
        first = time.perf_counter() - start
        later = seconds(lambda core=core: [core @ x for _ in range(20)]) / 20
        ideal = ideal or later
        table.add_row(name, f"{1e3 * first:.1f}", f"{1e3 * later:.2f}", f"{later / ideal:.2f}")
    return table


def main() -> None:
    """Print four tables."""
    console = Console()
    for table in (programming(), growth(), products(), cores()):
        console.print(table)


if __name__ == "__main__":
    main()
