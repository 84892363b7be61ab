"""Linear cells that conduct differently for each vector, as read noise makes them."""

import numpy as np
from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.numerics import compiled
from crosssim_core.numerics.wires.conjugate import conjugate_gradients
from crosssim_core.numerics.wires.conjugate_loops import conjugate_currents
from crosssim_core.numerics.wires.inputs import drives, pieces
from crosssim_core.numerics.wires.solution import TOLERANCE, Solution
from crosssim_core.numerics.wires.transfer import transfer_matrix
from crosssim_core.numerics.wires.uniform import Cells, UniformNetwork
from crosssim_core.typing import Array

DIRECT_AFTER = 60
"""Steps that cost as much as the direct method."""


def fresh_currents(
    network: UniformNetwork,
    g: Float[Array, "*vectors outputs inputs"],
    v: Float[Array, "*vectors inputs"],
    /,
    *,
    interleaved: bool = False,
    tolerance: float = TOLERANCE,
    max_steps: int = DIRECT_AFTER,
) -> Solution:
    """Line currents where each vector meets an array of its own, fed by input lines.

    The voltage drops w obey ``(R⁻¹ + G) w = G e``, which `conjugate_gradients` solve, or
    `conjugate_currents` where it can be compiled, many but cheap steps. Arrays for which that
    takes long, because their wires have more resistance than their cells, are solved directly.

    Args:
        network: Of the wires.
        g: Conductances over the largest one [1], an array for each vector; with ``interleaved``
            axis -3 holds the positive and the negative cells.
        v: Voltages of the input lines over the full-scale voltage [1].
        interleaved: Whether a pair of cells shares an output line, and is driven by a pair of
            input lines at opposite voltages.
        tolerance: Largest error of a voltage, over the largest of its vector [1].
        max_steps: Steps after which a costlier method takes over, at last the direct one.

    Returns:
        The residual is 0 where the direct method was used.

    Source: Kirchhoff's laws, as for `transfer_matrix`.
    """
    found = [
        _solve(network, cells, inputs, tolerance, max_steps)
        for cells, inputs in pieces(g, v, interleaved=interleaved)
    ]
    return Solution.together(found, g=g, vectors=v.shape[:-1])


def _solve(
    network: UniformNetwork, g: Cells, v: Array, tolerance: float, max_steps: int
) -> Solution:
    wires = network.wires
    steps = 0
    if wires.feed.resistive and wires.output.resistive:
        for method in (_by_many_steps, _by_few_steps):
            found = method(network, g, v, tolerance, max_steps)
            if found is not None and found.residual <= tolerance:
                return found
            steps = found.steps if found is not None else steps
    pair = g.shape[1] == 2
    matrices = transfer_matrix(g if pair else g[:, 0, ...], wires, interleaved=pair)
    return Solution((matrices @ v[..., None])[..., 0], 0.0, steps)


def _by_many_steps(
    network: UniformNetwork, g: Cells, v: Array, tolerance: float, max_steps: int
) -> Solution | None:
    """Without a preconditioner that costs more than the rest; None where loops are not compiled."""
    xp = array_namespace(g)
    outputs, inputs = g.shape[-2:]
    feed = np.asarray(network.wires.feed.segments(outputs))
    output = np.asarray(network.wires.output.segments(inputs)[::-1])
    currents = xp.empty((v.shape[0], outputs), dtype=g.dtype, device=device_of(g))
    residuals, steps = np.empty(v.shape[0]), np.empty(v.shape[0], dtype=np.int64)
    if not compiled.run(
        conjugate_currents, g, v, feed, output, tolerance, max_steps, currents, residuals, steps
    ):
        return None
    return Solution(currents, float(np.max(residuals)), int(np.max(steps)))


def _by_few_steps(
    network: UniformNetwork, g: Cells, v: Array, tolerance: float, max_steps: int
) -> Solution:
    """Preconditioned by the circuit of one mean conductance."""
    xp = array_namespace(g)
    e, scale = drives(v, g.shape[1]), xp.max(xp.abs(v), axis=-1)
    found = conjugate_gradients(
        network, g, g * e, scale=scale, tolerance=tolerance, max_steps=max_steps
    )
    return Solution(xp.sum(g * (e - found.w), axis=(1, 3)), found.residual, found.steps)
