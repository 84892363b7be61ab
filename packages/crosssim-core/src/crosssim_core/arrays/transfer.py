"""Programmed arrays whose circuits one matrix describes."""

from collections.abc import Sequence

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.arrays.circuit import ArrayCircuit
from crosssim_core.numerics.wires import transfer_matrix
from crosssim_core.typing import Array


def effective_conductances(
    circuits: Sequence[ArrayCircuit], g: Float[Array, "slices signs *stack lines inputs"], /
) -> Float[Array, "slices signs *stack lines inputs"]:
    """Matrices whose products with voltages are the line currents, were all cells ohmic.

    Args:
        circuits: Of each slice. Wires are taken to be ideal where cells have separate sources.
        g: Conductances over the largest one [1], as the driven side sees them.

    Returns:
        One for each sign. Of a pair that shares its line, the first gives the current and the
        second is 0, so that the current is that of their difference.
    """
    xp = array_namespace(g)
    resistive = [i for i, c in enumerate(circuits) if c.wires is not None and c.supply is None]
    if not resistive:
        return g
    wires, interleaved = circuits[resistive[0]].wires, circuits[0].interleaved
    assert wires is not None
    held = xp.stack([g[i, ...] for i in resistive])
    if interleaved and held.ndim > 4:
        held = xp.permute_dims(held, (0, 2, 1, 3, 4))
    solved = transfer_matrix(held, wires, interleaved=interleaved)
    if interleaved:
        solved = xp.stack((solved, xp.zeros_like(solved)), axis=1)
    every = [g[i, ...] for i in range(g.shape[0])]
    for position, i in enumerate(resistive):
        every[i] = solved[position, ...]
    return xp.stack(every)
