"""Nonlinear cells fed by input lines, for laws so bent that simple iterations fail."""

from math import inf

from crosssim_core._array import array_namespace
from crosssim_core.numerics.wires.circuit import NonlinearCircuit
from crosssim_core.numerics.wires.conjugate import conjugate_gradients
from crosssim_core.numerics.wires.law import steeper
from crosssim_core.numerics.wires.solution import Solution
from crosssim_core.numerics.wires.uniform import Cells

HALVINGS = 20
"""How often a step is halved before it is taken as it is."""

OVERSHOOT = 0.5
"""Slope of the energy behind its minimum, over that before the step, that is tolerated [1]."""

INNER = 0.1
"""Residual of the linear circuit of a step, over that of the nonlinear one [1]."""


HOPELESS = 1e12
"""Residual from which there is no way back, as cells that conduct less and less have it [1]."""


def descend(circuit: NonlinearCircuit, tolerance: float, max_steps: int) -> Solution:
    """Descent on the energy of the circuit; the caller looks at the residual.

    The energy ``½ wᵀ R⁻¹ w + Σ Φ(e − w)``, Φ' = f, is convex where f never falls. A step solves
    the circuit with linear cells that touch the law at the present voltages and are steep
    enough (see `steeper`), and is halved where it leads beyond the minimum.

    Source: R. S. Dembo, S. C. Eisenstat, T. Steihaug, SIAM J. Numer. Anal. 19 (1982) 400-408,
        for solving the steps no better than they deserve.
    """
    w = circuit.no_drops()
    # Currents that belong to the drops, R⁻¹ w, kept beside them: R may be singular.
    sent, halfway = w, inf
    for step in range(max_steps + 1):
        cells = circuit.currents(w)
        residual = circuit.residual(w, cells)
        if 0 < step == max_steps // 2:
            halfway = residual
        if residual <= tolerance or step == max_steps or not residual < HOPELESS:
            nearing = residual < min(HOPELESS, halfway / 2)
            return circuit.solution(cells, residual, step, nearing=nearing)
        step_to = conjugate_gradients(
            circuit.network,
            steeper(circuit.slopes(w), cells, circuit.e - w),
            cells - sent,
            scale=circuit.scale,
            tolerance=INNER * residual,
            max_steps=max_steps,
        )
        part = _part(circuit, w, sent, step_to.w, step_to.currents)
        w = w + part * step_to.w
        sent = sent + part * step_to.currents
    raise AssertionError("the last step returns")


def _part(circuit: NonlinearCircuit, w: Cells, sent: Cells, step: Cells, step_sent: Cells) -> Cells:
    """How much of the step each vector makes, shape (vectors, 1, 1, 1)."""
    xp = array_namespace(w)

    def energy_slope(part: Cells | float) -> Cells:
        force = sent + part * step_sent - circuit.currents(w + part * step)
        return xp.sum(step * force, axis=(1, 2, 3), keepdims=True)

    before = xp.abs(energy_slope(0.0))
    part = xp.ones_like(before)
    for _ in range(HALVINGS):
        beyond = energy_slope(part) > OVERSHOOT * before
        if not bool(xp.any(beyond)):
            break
        part = xp.where(beyond, part / 2, part)
    return part
