"""The matrix that line currents stand for, in user units."""

from functools import reduce
from operator import sub

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Grid, WeightRange
from crosssim_core.chain.mapping import Mapping, decode
from crosssim_core.typing import Array


def user_matrix(grid: Grid, weights: WeightRange, /) -> Float[Array, "*stack outputs inputs"]:
    """What all arrays multiply by together, were nothing converted, saturated or noisy."""
    xp = array_namespace(grid[0][0].conductance)
    rows = [
        [user_weights(block.conductance, block.plan.mapping, weights) for block in row]
        for row in grid
    ]
    return xp.concat([xp.concat(row, axis=-1) for row in rows], axis=-2)


def user_weights(
    g: Float[Array, "slices signs *stack lines inputs"], mapping: Mapping, weights: WeightRange, /
) -> Float[Array, "*stack outputs inputs"]:
    """The matrix that one array multiplies by, over the scale that its inputs are still to get."""
    lines = [reduce(sub, (g[i, s, ...] for s in range(mapping.signs))) for i in range(g.shape[0])]
    matrix = decode(mapping, lines, 1.0, axis=-2) * weights.half
    return matrix + weights.middle if weights.middle else matrix
