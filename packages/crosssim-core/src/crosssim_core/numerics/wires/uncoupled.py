"""Nonlinear cells on wires without resistance: each sees the voltage of its input."""

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.numerics.wires.inputs import collected, pieces
from crosssim_core.numerics.wires.law import Current, cell_currents
from crosssim_core.typing import Array


def uncoupled_currents(
    current: Current,
    g: Float[Array, "*fresh outputs inputs"],
    v: Float[Array, "*vectors inputs"],
    /,
    *,
    interleaved: bool = False,
) -> Float[Array, "*vectors outputs"]:
    """Sums of the currents of all cells of an output line, evaluated cell by cell.

    Args:
        current: Law of a cell.
        g: Conductances [1]: one array for all vectors, or one for each, the axes ``*vectors``
            before the others. With ``interleaved`` axis -3 holds positive and negative cells.
        v: Voltages over the full-scale voltage [1].
        interleaved: Whether the current of negative cells is subtracted; both see ``v``.

    Source: CrossSim; its pairs see one voltage here, and opposite ones with resistive wires.
    """
    xp = array_namespace(g, v)
    parts = []
    for cells, inputs in pieces(g, v, interleaved=interleaved):
        lines = xp.sum(cell_currents(current, cells, inputs[:, None, None, :]), axis=-1)
        parts.append(lines[:, 0, :] - lines[:, 1, :] if interleaved else lines[:, 0, :])
    return collected(parts, g=g, vectors=v.shape[:-1])
