"""Nonlinear cells fed by input lines with resistance."""

from dataclasses import dataclass, field

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.numerics.wires.circuit import NonlinearCircuit
from crosssim_core.numerics.wires.descent import descend
from crosssim_core.numerics.wires.inputs import NUMBERS_AT_ONCE, pieces
from crosssim_core.numerics.wires.law import Current
from crosssim_core.numerics.wires.solution import (
    MAX_STEPS,
    TOLERANCE,
    Solution,
    give_up,
    relative,
)
from crosssim_core.numerics.wires.uniform import Cells, UniformNetwork
from crosssim_core.typing import Array

REMEMBERED = 4
"""Earlier steps that a new one is combined with."""

LARGEST = 4.0
"""Bound of the drops over the largest input [1]; passive cells allow no more than 3."""


def nonlinear_currents(
    network: UniformNetwork,
    current: Current,
    g: Float[Array, "*fresh outputs inputs"],
    v: Float[Array, "*vectors inputs"],
    /,
    *,
    interleaved: bool = False,
    tolerance: float = TOLERANCE,
    max_steps: int = MAX_STEPS,
) -> Solution:
    """Line currents of an array with input sources and resistive wires.

    The voltage drops w obey ``w = R · f(G, e − w)``. Each step solves the same wires with equal
    linear cells, ``w ← (R⁻¹ + ḡ)⁻¹ (f(G, e − w) + ḡ w)``, which contracts whatever the wires if
    the slope of f lies between 0 and 2 ḡ; Anderson's acceleration makes it fast. Where it fails
    for strongly bent laws, `descend` takes over.

    Args:
        network: Of the wires.
        current: Law of a cell.
        g: Conductances [1]: one array for all vectors, or one for each, the axes ``*vectors``
            before the others. With ``interleaved`` axis -3 holds positive and negative cells.
        v: Voltages of the input lines over the full-scale voltage [1].
        interleaved: Whether a pair of cells shares an output line, and is driven by a pair of
            input lines at opposite voltages.
        tolerance: Largest error of a voltage, over the largest of its vector [1].
        max_steps: Steps allowed.

    Raises:
        SolverError: The tolerance is not met.

    Source: D. G. Anderson, J. ACM 12 (1965) 547-560, for the acceleration.
    """
    found = []
    at_once = NUMBERS_AT_ONCE // REMEMBERED
    for cells, inputs in pieces(g, v, interleaved=interleaved, at_once=at_once):
        circuit = NonlinearCircuit.of(network, current, cells, inputs)
        solution = _picard(circuit, tolerance, max_steps)
        if not solution.residual <= tolerance:
            solution = descend(circuit, tolerance, max_steps)
        if not solution.residual <= tolerance:
            give_up("an array with nonlinear cells", solution, tolerance)
        found.append(solution)
    return Solution.together(found, g=g, vectors=v.shape[:-1])


def _picard(circuit: NonlinearCircuit, tolerance: float, max_steps: int) -> Solution:
    """The accelerated iteration; the caller looks at the residual."""
    conductance = circuit.mean_slope()
    network, bound = circuit.network, LARGEST * circuit.peak
    w = circuit.no_drops()
    anderson = _Anderson(REMEMBERED)
    target = tolerance
    for step in range(max_steps + 1):
        cells = circuit.currents(w)
        change = network.drops_of_injected(cells + conductance * w, conductance) - w
        if relative(change, circuit.scale) <= target or step == max_steps:
            residual = circuit.residual(w, cells)
            if residual <= tolerance or step == max_steps:
                return circuit.solution(cells, residual, step)
            target /= 10
        w = array_namespace(w).clip(anderson.next(w, change), -bound, bound)
    raise AssertionError("the last step returns")


@dataclass(slots=True)
class _Anderson:
    """The step that would have made the last changes smallest, each vector by itself."""

    memory: int
    """Earlier steps that are remembered."""
    steps: list[Cells] = field(default_factory=list)
    """Differences of successive positions."""
    turns: list[Cells] = field(default_factory=list)
    """Differences of successive changes."""
    last: tuple[Cells, Cells] | None = None

    def next(self, w: Cells, change: Cells) -> Cells:
        """The position after ``w``, where the plain iteration would go to ``w + change``."""
        if self.last is not None:
            self.steps = [*self.steps, w - self.last[0]][-self.memory :]
            self.turns = [*self.turns, change - self.last[1]][-self.memory :]
        self.last = (w, change)
        ahead = w + change
        for share, step, turn in zip(self._shares(change), self.steps, self.turns, strict=True):
            ahead -= share * (step + turn)
        return ahead

    def _shares(self, change: Cells) -> list[Array]:
        """Least squares; a trace of damping keeps it solvable where turns are alike."""
        if not self.turns:
            return []
        xp = array_namespace(change)
        rows = [xp.stack([_inner(a, b) for b in self.turns], axis=-1) for a in self.turns]
        matrix = xp.stack(rows, axis=-2)
        right = xp.stack([_inner(turn, change) for turn in self.turns], axis=-1)
        count = len(self.turns)
        identity = xp.eye(count, dtype=matrix.dtype, device=device_of(matrix))
        trace = xp.sum(matrix * identity, axis=(-2, -1))[:, None, None]
        damped = matrix + (1e-14 * trace + 1e-300) * identity
        shares = xp.linalg.solve(damped, right[..., None])[..., 0]
        return [shares[:, k, None, None, None] for k in range(count)]


def _inner(x: Cells, y: Cells) -> Float[Array, "vectors"]:
    return array_namespace(x).sum(x * y, axis=(1, 2, 3))
