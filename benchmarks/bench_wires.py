"""Time of the solvers of arrays with resistive wires, and how it grows with the array."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from operator import matmul
from typing import NamedTuple
from unittest import mock

import numpy as np
from report import Notes, Section
from runner import script
from timing import Job, compare, seconds

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
FEW = 8
"""Vectors where each is solved for."""
LIMIT = 1.2
"""Largest ratio of a product to an ideal one that the project allows itself."""


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


def cells(*shape: int) -> np.ndarray:
    """Conductances of a random array."""
    return RANDOM.uniform(size=shape)


def saturating(g: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Cells whose current saturates."""
    return g * (v - v**3 / 16)


def without_loops(job: Job) -> Job:
    """A job as it is done where Numba is not installed."""
    return mock.patch.object(compiled, "loops_compiler", return_value=None)(lambda _: job())


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


def programming(size: int, rounds: int) -> Section:
    """Transfer matrices, made once for each programmed array."""
    long = 9 * size // 2
    shapes = *((n, n) for n in (size // 4, size // 2, size)), (size, long), (long, size)
    jobs: dict[str, Job] = {}
    for outputs, inputs in shapes:
        one, pair = cells(outputs, inputs), cells(2, outputs, inputs)
        name = f"{outputs}×{inputs}"
        jobs[name] = partial(transfer_matrix, one, WIRES)
        jobs[f"{name}, pairs on shared lines"] = partial(
            transfer_matrix, pair, WIRES, interleaved=True
        )
    return Section("Programming arrays with wires", "the smallest", compare(jobs, rounds))


def growth(size: int, rounds: int) -> list[Section]:
    """Power laws through the times of square arrays."""
    sizes = [size * 2**n // 8 for n in range(5)]
    x = RANDOM.integers(0, 2, (256, max(sizes))).astype(float)

    def separate(n: int) -> object:
        return separate_source_currents(cells(n, n), x[:, :n], SEGMENTS)

    methods: dict[str, Callable[[int], object]] = {
        "Transfer matrix": lambda n: transfer_matrix(cells(n, n), WIRES),
        "Supply lines, 256 vectors": separate,
    }
    sections = []
    for name, method in methods.items():
        rows = compare({f"{n}×{n}": partial(method, n) for n in sizes}, rounds)
        exponent = np.polyfit(np.log(sizes), np.log([row.milliseconds for row in rows]), 1)[0]
        notes: Notes = {"exponent": float(exponent)}
        sections.append(Section(f"{name}, by size of the array", "the smallest", rows, notes))
    return sections


def products(size: int, rounds: int) -> Section:
    """Products of 256 vectors (8 where each vector is solved for) with a square array."""
    of = operands(size, 256)
    counted = {"ideal": (256, lambda: of.v @ of.g.T)} | array_jobs(of)
    for name, (vectors, job) in loop_jobs(of).items():
        if compiled.loops_compiler():
            counted[f"{name}, compiled loops"] = vectors, job
        counted[f"{name}, array code"] = vectors, without_loops(job)
    parts = {name: vectors for name, (vectors, _) in counted.items()}
    jobs = {name: job for name, (_, job) in counted.items()}
    # Products that are over soon take their turns apart, while the caches are theirs.
    soon = {name: jobs.pop(name) for name in ("ideal", "input lines")}
    ideal, product = compare(soon, 20 * rounds, parts=parts)
    rows = [ideal, replace(product, limit=LIMIT)]
    for row in compare(jobs, rounds, parts=parts):
        rows.append(replace(row, ratio=row.milliseconds / ideal.milliseconds))
    subject = f"Array of {size}×{size} with wires, time of one vector"
    return Section(subject, "the ideal product", rows)


def cores(size: int, rounds: int) -> Section:
    """Products of 256 vectors with cores of one square array, first and later ones."""
    matrix, x = RANDOM.uniform(-1, 1, (size, size)), RANDOM.uniform(-1, 1, (size, 256))
    jobs = {name: partial(matmul, core, x) for name, core in wired_cores(matrix).items()}
    first = {name: 1e3 * seconds(job) for name, job in jobs.items()}
    rows = [
        replace(row, notes={"first product [ms]": first[row.case]})
        for row in compare(jobs, 20 * rounds)
    ]
    return Section(f"AnalogCore of {size}×{size}, 256 vectors", "the ideal core", rows)


def results(size: int = 256, rounds: int = 3) -> list[Section]:
    """Programming, growth around ``size``, products, and cores."""
    return [
        programming(size, rounds),
        *growth(size, rounds),
        products(size, rounds),
        cores(size, rounds),
    ]


if __name__ == "__main__":
    script(results)
