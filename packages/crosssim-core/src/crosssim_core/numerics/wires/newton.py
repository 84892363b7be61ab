"""Nonlinear cells that draw their current from supply lines with resistance."""

from math import inf

from jaxtyping import Float

from crosssim_core._array import array_namespace, from_host
from crosssim_core.numerics.wires.inputs import pieces
from crosssim_core.numerics.wires.ladder import Segments, rung_voltages
from crosssim_core.numerics.wires.law import Current, cell_currents, cell_slopes, steeper
from crosssim_core.numerics.wires.lines import shared_drops
from crosssim_core.numerics.wires.separate import OFF, gates, rungs_of, sources
from crosssim_core.numerics.wires.solution import TOLERANCE, Solution, give_up, relative
from crosssim_core.typing import Array

LADDERS_AT_ONCE = 2**18
"""Cells whose part of the ladder is kept, in some twenty numbers each."""

STEPS = 100
"""Steps after which an attempt is given up."""

HALVINGS = 12
"""How often a step is halved before it is taken as it is."""

ENOUGH = 1e-4
"""Fraction of the promised decrease that a step must bring [1]."""

Rungs = Float[Array, "inputs signs vectors outputs"]
"""Something of each cell, rung by rung."""


def nonlinear_separate_source_currents(
    current: Current,
    g: Float[Array, "*fresh outputs inputs"],
    x: Float[Array, "*vectors inputs"],
    segments: Segments,
    /,
    *,
    interleaved: bool = False,
    tolerance: float = TOLERANCE,
    max_steps: int = STEPS,
) -> Solution:
    """Line currents of an array with supply lines and nonlinear cells.

    Newton's method, each ladder solved exactly; where it fails, chords replace tangents.

    Args:
        current: Law of a cell; without conductance it gives no current.
        g: Conductances [1], as for `separate_source_currents`.
        x: Inputs, likewise.
        segments: Of the lines.
        interleaved: Whether cells come in pairs on one output line.
        tolerance: Largest error of a voltage, over the largest input of its vector [1].
        max_steps: Steps allowed in either attempt.

    Raises:
        SolverError: The tolerance is not met.

    Source: Newton's method with the step halved until the error decreases, as in J. E. Dennis,
        R. B. Schnabel, "Numerical Methods for Unconstrained Optimization" (1983), chapter 6.
    """
    found = []
    at_once = LADDERS_AT_ONCE // (4 if interleaved else 1)
    for cells, inputs in pieces(g, x, interleaved=interleaved, at_once=at_once):
        ladders = _Ladders(current, cells, inputs, segments)
        solution = ladders.solve(tolerance, max_steps, chords=False)
        if not solution.residual <= tolerance:
            solution = ladders.solve(tolerance, max_steps, chords=True)
        if not solution.residual <= tolerance:
            give_up("a separate-source array with nonlinear cells", solution, tolerance)
        found.append(solution)
    return Solution.together(found, g=g, vectors=x.shape[:-1])


class _Ladders:
    def __init__(self, current: Current, g: Array, x: Array, segments: Segments) -> None:
        xp = array_namespace(g)
        self.current = current
        self.segments = segments
        self.emf: Rungs = sources(x, g.shape[1])
        self.g: Rungs = rungs_of(g) * gates(x)
        self.scale = xp.max(xp.abs(x), axis=-1)
        self.bound = _bound(x, signs=g.shape[1])[None, None, :, None]
        inputs = g.shape[-1]
        supply = shared_drops(segments.supplies(inputs))
        output = shared_drops(segments.outputs(inputs)[::-1])[::-1, ::-1].copy()
        self.supply = from_host(supply, like=g, dtype=g.dtype)
        self.output = from_host(output, like=g, dtype=g.dtype)

    def solve(self, tolerance: float, steps: int, *, chords: bool) -> Solution:
        """Newton's method; with ``chords``, linear cells that are `steeper` instead.

        Steps of the latter lower the energy, which the error need not follow.
        """
        xp = array_namespace(self.g)
        d = rung_voltages(self.g, None, self.emf, self.segments)
        cells, error = self._error(d)
        halfway = inf
        for step in range(steps + 1):
            residual = relative(xp.permute_dims(error, (2, 0, 1, 3)), self.scale)
            if 0 < step == steps // 2:
                halfway = residual
            if residual <= tolerance or step == steps:
                nearing = residual < halfway / 2
                return Solution(xp.sum(cells, axis=(0, 1)), residual, step, nearing)
            slopes = cell_slopes(self.current, self.g, d)
            if chords:
                d = self._aim(steeper(slopes, cells, d), error, d)
                cells, error = self._error(d)
            else:
                aim = self._aim(slopes, error, d)
                d, cells, error = self._towards(aim, d, error)
        raise AssertionError("the last step returns")

    def _aim(self, slopes: Rungs, error: Rungs, d: Rungs) -> Rungs:
        """Voltages without error, were cells at voltages d linear with these slopes."""
        # Digits that the ladder loses are those of the step, and are made up for in the next one.
        aim = d + rung_voltages(slopes, None, error, self.segments)
        xp = array_namespace(d)
        return xp.minimum(xp.maximum(aim, -self.bound), self.bound)

    def _error(self, d: Rungs) -> tuple[Rungs, Rungs]:
        """Currents of the cells, and by how much Kirchhoff's voltage law fails."""
        xp = array_namespace(d)
        cells = cell_currents(self.current, self.g, d)
        drops = xp.tensordot(self.supply, cells, axes=1)
        drops += xp.tensordot(self.output, xp.sum(cells, axis=1, keepdims=True), axes=1)
        return cells, self.emf - drops - d

    def _towards(self, aim: Rungs, d: Rungs, error: Rungs) -> tuple[Rungs, Rungs, Rungs]:
        """A step that makes the error of every line smaller, if any does."""
        xp = array_namespace(d)
        before = xp.sum(error**2, axis=(0, 1), keepdims=True)
        part = xp.ones_like(before)
        for _ in range(HALVINGS):
            there = d + part * (aim - d)
            cells, error = self._error(there)
            after = xp.sum(error**2, axis=(0, 1), keepdims=True)
            # Where rounding is all that is left, any step will do.
            worse = (after > (1 - ENOUGH * part) * before) & (before > 1e-24)
            if not bool(xp.any(worse)):
                break
            part = xp.where(worse, part / 2, part)
        return there, cells, error


def _bound(x: Float[Array, "vectors inputs"], *, signs: int) -> Float[Array, "vectors"]:
    """Largest voltage of a cell that passive cells allow.

    Sources can be moved from cells along their supply line: one for each change from a cell that is
    on to the next one. Each adds no more than itself to the voltage of a cell that is on, and one
    that is off lacks its own.
    """
    xp = array_namespace(x)
    before = total = xp.zeros_like(x[:, 0])
    for i in range(x.shape[1]):
        now = xp.where(xp.abs(x[:, i]) > OFF, x[:, i], before)
        total = total + xp.abs(now - before)
        before = now
    return signs * total + xp.max(xp.abs(x), axis=-1)
