"""Arrays whose cells draw their current from supply lines that the inputs only gate."""

from typing import Literal

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.numerics.chunks import chunks
from crosssim_core.numerics.wires.inputs import collected
from crosssim_core.numerics.wires.ladder import Segments, line_currents
from crosssim_core.numerics.wires.lines import Wires
from crosssim_core.typing import Array

OFF = 1e-9
"""Largest magnitude of an input that leaves its cells off [1]."""

LANES_AT_ONCE = 2**15
"""Numbers in each working array, few enough for a processor's cache."""

Selected = Literal["top", "bottom"]


def supply_segments(wires: Wires, /, *, unused: int = 0, selected: Selected = "top") -> Segments:
    """Segments of a line on which so many cells are not used.

    Args:
        wires: Resistances; ``feed`` are the supply lines.
        unused: Cells of a line that lie idle [1].
        selected: Whether used cells are next to the supply (``"top"``), or to ground.

    Source: CrossSim parameters ``rows_max`` and ``selected_rows``.
    """
    first = wires.feed.segment + wires.feed.terminal
    last = wires.output.segment + wires.output.terminal
    if selected == "top":
        last += unused * wires.output.segment
    else:
        first += unused * wires.feed.segment
    return Segments(wires.feed.segment, first, wires.output.segment, last)


def separate_source_currents(
    g: Float[Array, "*fresh outputs inputs"],
    x: Float[Array, "*vectors inputs"],
    segments: Segments,
    /,
    *,
    interleaved: bool = False,
) -> Float[Array, "*vectors outputs"]:
    """Currents of the output lines of an array with supply lines and linear cells.

    Args:
        g: Conductances over the largest one [1]; with ``interleaved`` axis -3 holds the positive
            and the negative cells, ``(2, outputs, inputs)``. One array for all vectors, or one
            for each, the axes ``*vectors`` before the others. Arrays that share their inputs
            may be stacked along the outputs, since output lines are independent.
        x: Inputs: a cell is on where its input is not 0, with a source of that voltage in
            series. For digits 0 and 1 that is a supply at full-scale voltage.
        segments: Of the lines, see `supply_segments`.
        interleaved: Whether a pair of cells shares an output line, and has a pair of supply
            lines at opposite voltages.

    Returns:
        Over the full-scale current of a cell [1]; of the library, device and data type of
        ``g``. Exact: computed in float64 without iteration.
    """
    xp = array_namespace(g, x)
    signs = 2 if interleaved else 1
    outputs, inputs = g.shape[-2:]
    flat = xp.reshape(xp.astype(x, xp.float64), (-1, inputs))
    fresh = g.ndim > 2 + interleaved
    cells = xp.reshape(g, (-1, signs, outputs, inputs))
    shared = None if fresh else rungs_of(xp.astype(cells, xp.float64))
    parts = []
    for some in chunks(flat.shape[0], at_once=LANES_AT_ONCE // (signs * signs * outputs)):
        rungs = rungs_of(xp.astype(cells[some, ...], xp.float64)) if fresh else shared
        parts.append(_currents(rungs, flat[some, :], segments))
    return collected(parts, g=g, vectors=x.shape[:-1])


def rungs_of(
    g: Float[Array, "vectors signs outputs inputs"], /
) -> Float[Array, "inputs signs vectors outputs"]:
    """Conductances with the inputs first, one rung after another in memory."""
    xp = array_namespace(g)
    rungs = xp.permute_dims(g, (3, 1, 0, 2))
    # Only numbers in one row are sure to be copied in this order.
    return xp.reshape(xp.reshape(rungs, (-1,)), rungs.shape)


def gates(x: Float[Array, "vectors inputs"], /) -> Float[Array, "inputs 1 vectors 1"]:
    """1 where the cells of an input are on, 0 where they are off."""
    xp = array_namespace(x)
    return xp.astype(xp.abs(x.T) > OFF, x.dtype)[:, None, :, None]


def sources(
    x: Float[Array, "vectors inputs"], signs: int, /
) -> Float[Array, "inputs signs vectors 1"]:
    """Voltages in series with the cells: the input, its negative for the second sign."""
    xp = array_namespace(x)
    pair = [x.T, -x.T][:signs]
    return xp.stack(pair, axis=1)[..., None]


def _currents(
    rungs: Float[Array, "inputs signs #vectors outputs"],
    x: Float[Array, "vectors inputs"],
    segments: Segments,
) -> Float[Array, "vectors outputs"]:
    xp = array_namespace(x)
    on = gates(x)
    # Sources of cells that are off do not matter: with one voltage for all others none differ.
    high, low = xp.max(x, axis=-1, keepdims=True), xp.min(x, axis=-1, keepdims=True)
    level = xp.where(high + low >= 0, high, low)
    same = (x == level) | (xp.abs(x) <= OFF)
    if bool(xp.all(same)):
        return line_currents(rungs, on, None, segments) * level
    return line_currents(rungs, on, sources(x, rungs.shape[1]), segments)
