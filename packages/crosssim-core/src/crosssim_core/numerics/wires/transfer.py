"""The matrix that an array with resistive wires really multiplies by."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of, from_host
from crosssim_core.numerics.chunks import chunks
from crosssim_core.numerics.wires.attenuation import attenuation
from crosssim_core.numerics.wires.lines import Line, Wires
from crosssim_core.numerics.wires.ports import FEEDS, LINES, Block, Port, join
from crosssim_core.numerics.wires.tiles import tiles
from crosssim_core.typing import Array

TILE = 4
"""Cells along the edge of the squares that are solved cell by cell."""

FEWEST_BLOCKS = 3
"""Blocks along the short side of an array from which on blocks are joined one by one."""

CELLS_AT_ONCE = 2**16
"""Cells whose blocks are in memory together, at some 1 kB each."""


def transfer_matrix(
    g: Float[Array, "*arrays outputs inputs"], wires: Wires, /, *, interleaved: bool = False
) -> Float[Array, "*arrays outputs inputs"]:
    """Matrix M with ``currents = M · voltages`` for linear cells fed by their input lines.

    Args:
        g: Conductances over the largest one [1], as seen from the driven side: for products
            with the transposed matrix, the transpose. With ``interleaved``, axis -3 holds the
            positive and the negative cells, ``(*arrays, 2, outputs, inputs)``.
        wires: Their resistances; ``wires.swapped`` for the transposed matrix.
        interleaved: Whether a pair of cells shares an output line, and is driven by a pair of
            input lines at opposite voltages.

    Returns:
        Line currents over the full-scale current of a cell, for full-scale voltages [1]; of
        the library, device and data type of ``g``. Exact: computed in float64 by a direct
        method that has no tolerance and fails at no resistance.

    Accuracy:
        Errors are below 1e-13 of the largest element, or below 1e-15 times the largest
        resistance where that is more: 1e-9 for wires that resist a million times as much as a
        cell at full conductance. With ``interleaved`` they are over the largest element that
        the cells of one sign alone would have.

    Source: Kirchhoff's laws, solved by joining blocks of cells; see `ports`.
    """
    xp = array_namespace(g)
    signs = 2 if interleaved else 1
    outputs, inputs = g.shape[-2:]
    arrays = g.shape[: -3 if interleaved else -2]
    shape = (prod(arrays), signs, outputs, inputs)
    if 0 in g.shape:
        return xp.zeros((*arrays, outputs, inputs), dtype=g.dtype, device=device_of(g))
    exact = xp.reshape(xp.astype(g, xp.float64), shape)
    if not wires.feed.resistive:
        matrix = _outputs_only(exact, wires.output)
    elif not wires.output.resistive:
        matrix = _feeds_only(exact, wires.feed)
    else:
        matrix = _both(exact, wires)
    return xp.astype(xp.reshape(matrix, (*arrays, outputs, inputs)), g.dtype)


Cells = Float[Array, "arrays signs outputs inputs"]
"""Conductances [1]; one sign, or the positive and the negative cells of pairs."""


def _difference(x: Array) -> Array:
    return x[:, 0, ...] - x[:, 1, ...] if x.shape[1] == 2 else x[:, 0, ...]


def _outputs_only(g: Cells, line: Line) -> Float[Array, "arrays outputs inputs"]:
    """Voltages are those of the drivers; currents leak through other cells to ground."""
    if not line.resistive:
        return _difference(g)
    xp = array_namespace(g)
    loads = xp.flip(xp.sum(g, axis=1), axis=-1)
    return _difference(g) * xp.flip(attenuation(loads, line.segments(g.shape[-1])), axis=-1)


def _feeds_only(g: Cells, line: Line) -> Float[Array, "arrays outputs inputs"]:
    """Every cell stands between its input line and ground."""
    xp = array_namespace(g)
    loads = xp.matrix_transpose(g)
    return _difference(g * xp.matrix_transpose(attenuation(loads, line.segments(g.shape[-2]))))


def _both(g: Cells, wires: Wires) -> Float[Array, "arrays outputs inputs"]:
    xp = array_namespace(g)
    arrays, signs, outputs, inputs = g.shape
    at_once = CELLS_AT_ONCE // max(1, signs * outputs * inputs)
    parts = [_network(g[some, ...], wires) for some in chunks(arrays, at_once=at_once)]
    return xp.concat(parts, axis=0)


def _network(g: Cells, wires: Wires) -> Float[Array, "arrays outputs inputs"]:
    """Strips of blocks, each joined into one, and the strips joined one after another."""
    signs, outputs, inputs = g.shape[1:]
    levels = 0
    while min(outputs, inputs) > (TILE << (levels + 1)) * (FEWEST_BLOCKS - 1):
        levels += 1
    padded = _padded(g, TILE << levels)
    # What is solved for together runs across all strips: the smaller set of lines is cheaper.
    if outputs <= signs * inputs:
        whole = _to_ground(_columns(padded, wires, levels), wires.output)
    else:
        whole = _to_drivers(_rows(padded, wires, levels), wires.feed, signs)
    return whole.matrix[..., :outputs, whole.in_sizes[Port.FEED_VOLTAGE] - inputs :]


def _columns(g: Cells, wires: Wires, levels: int) -> Iterator[Block]:
    """Strips that hold all outputs of some inputs, beginning at the tops of the output lines."""
    side = TILE << levels
    strips = CELLS_AT_ONCE // (prod(g.shape[:3]) * side)
    for some in chunks(g.shape[-1], at_once=side * max(1, strips)):
        grid = _blocks(g[..., some], wires, levels)
        rows, columns = grid.matrix.shape[1:3]
        far_first = (grid[:, i] for i in reversed(range(rows)))
        strip = _to_drivers(far_first, wires.feed, g.shape[1])
        yield from (strip[:, j] for j in range(columns))


def _rows(g: Cells, wires: Wires, levels: int) -> Iterator[Block]:
    """Strips that hold all inputs of some outputs, beginning at the far ends of the feed lines."""
    side = TILE << levels
    strips = CELLS_AT_ONCE // (prod(g.shape[:2]) * g.shape[3] * side)
    for some in reversed(list(chunks(g.shape[-2], at_once=side * max(1, strips)))):
        grid = _blocks(g[..., some, :], wires, levels)
        rows, columns = grid.matrix.shape[1:3]
        strip = _to_ground((grid[:, :, j] for j in range(columns)), wires.output)
        yield from (strip[:, i] for i in reversed(range(rows)))


def _padded(g: Cells, side: int) -> Cells:
    """Whole squares: cells without conductance at the open ends of all lines change nothing."""
    xp = array_namespace(g)
    outputs, inputs = g.shape[-2:]
    shape = (*g.shape[:2], -(-outputs // side) * side, -(-inputs // side) * side)
    if shape == g.shape:
        return g
    padded = xp.zeros(shape, dtype=g.dtype, device=device_of(g))
    padded[..., :outputs, shape[-1] - inputs :] = g
    return padded


def _blocks(g: Cells, wires: Wires, levels: int) -> Block:
    """A grid of blocks, each of ``2**levels`` tiles along an edge."""
    grid = tiles(g, feed=wires.feed.segment, output=wires.output.segment, side=TILE)
    even, odd = slice(0, None, 2), slice(1, None, 2)
    for _ in range(levels):
        grid = join(grid[:, :, even], grid[:, :, odd], LINES)
        grid = join(grid[:, even], grid[:, odd], FEEDS)
    return grid


def _to_drivers(blocks: Iterator[Block], line: Line, signs: int) -> Block:
    """All blocks of a row, from the far ends, where no current is drawn, to the sources."""
    far = next(blocks).without(out=Port.FEED_VOLTAGE, into=Port.FEED_CURRENT)
    for near in blocks:
        far = join(near, far, FEEDS)
    return join(_drivers(far, line.terminal, signs), far, FEEDS)


def _to_ground(blocks: Iterator[Block], line: Line) -> Block:
    """All blocks of a row, from the tops, where no current enters, to the virtual grounds."""
    top = next(blocks).without(out=Port.LINE_VOLTAGE, into=Port.LINE_CURRENT)
    for below in blocks:
        top = join(top, below, LINES)
    return join(top, _ground(top, line.terminal), LINES)


def _drivers(block: Block, resistance: float, signs: int) -> Block:
    """Sources ``+V`` and, for the cells of negative sign, ``−V``, behind their resistance."""
    feeds = block.in_sizes[Port.FEED_VOLTAGE]
    sources = np.kron(np.eye(feeds // signs), np.asarray([[1.0], [-1.0]])[:signs])
    matrix = np.hstack((sources, -resistance * np.eye(feeds)))
    return Block(_like(matrix, block), (feeds, 0, 0, 0), (feeds // signs, feeds, 0, 0))


def _ground(block: Block, resistance: float) -> Block:
    """Virtual grounds behind their resistance, and the currents into them."""
    lines = block.out_sizes[Port.LINE_CURRENT]
    matrix = np.vstack((np.eye(lines), resistance * np.eye(lines)))
    return Block(_like(matrix, block), (0, 0, lines, lines), (0, 0, lines, 0))


def _like(matrix: np.ndarray[Any, Any], block: Block) -> Array:
    """A constant for each block of the batch."""
    xp = array_namespace(block.matrix)
    constant = from_host(matrix, like=block.matrix, dtype=block.matrix.dtype)
    return xp.broadcast_to(constant, (*block.matrix.shape[:-2], *matrix.shape))
