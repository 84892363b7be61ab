"""Linear cells that conduct differently for each vector, as read noise makes them."""

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.numerics.wires.conjugate import conjugate_gradients
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

    The voltage drops w obey ``(R⁻¹ + G) w = G e``, which `conjugate_gradients` solve. Arrays for
    which that takes long, because their wires have more resistance than their cells, are solved
    directly.

    Args:
        network: Of the wires.
        g: Conductances over the largest one [1], an array for each vector; with ``interleaved``
            axis -3 holds the positive and the negative cells.
        v: Voltages of the input lines over the full-scale voltage [1].
        interleaved: Whether a pair of cells shares an output line, and is driven by a pair of
            input lines at opposite voltages.
        tolerance: Largest error of a voltage, over the largest of its vector [1].
        max_steps: Steps after which the direct method takes over.

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
    xp = array_namespace(g)
    wires = network.wires
    steps = 0
    if wires.feed.resistive and wires.output.resistive:
        e, scale = drives(v, g.shape[1]), xp.max(xp.abs(v), axis=-1)
        found = conjugate_gradients(
            network, g, g * e, scale=scale, tolerance=tolerance, max_steps=max_steps
        )
        steps = found.steps
        if found.residual <= tolerance:
            currents = xp.sum(g * (e - found.w), axis=(1, 3))
            return Solution(currents, found.residual, steps)
    pair = g.shape[1] == 2
    matrices = transfer_matrix(g if pair else g[:, 0, ...], wires, interleaved=pair)
    return Solution((matrices @ v[..., None])[..., 0], 0.0, steps)
