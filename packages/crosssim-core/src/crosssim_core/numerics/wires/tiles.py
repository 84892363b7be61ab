"""The smallest blocks: a few cells, solved cell by cell."""

from typing import Any

import numpy as np
from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of, from_host
from crosssim_core.numerics.wires.lines import Matrix
from crosssim_core.numerics.wires.ports import Block
from crosssim_core.typing import Array


def tiles(
    g: Float[Array, "*batch signs outputs inputs"], /, *, feed: float, output: float, side: int
) -> Block:
    """An array cut into squares, each as a block.

    Every cell has one segment of its feed line before it, towards the driver, and one of its
    output line behind it, towards ground. Cells of both signs hang on the same output line,
    each on a feed line of its own.

    Args:
        g: Conductances over the largest one [1]; whole squares.
        feed: Resistance of a segment of a feed line, over ``Rmin`` [1].
        output: Likewise of an output line.
        side: Cells along an edge of a square.

    Returns:
        Batch ``(*batch, rows, columns)`` of squares. Feed lines are ordered by input, then sign.
    """
    xp = array_namespace(g)
    *batch, signs, outputs, inputs = g.shape
    rows, columns = outputs // side, inputs // side
    n = len(batch)
    cells = xp.reshape(g, (*batch, signs, rows, side, columns, side))
    cells = xp.permute_dims(cells, (*range(n), n + 1, n + 3, n + 2, n + 4, n))
    cells = xp.reshape(cells, (*batch, rows, columns, side * side * signs, 1))

    drops, seen, felt, straight = (
        from_host(part, like=g, dtype=g.dtype)
        for part in _circuit(signs, side, feed=feed, output=output)
    )
    identity = xp.eye(drops.shape[0], dtype=g.dtype, device=device_of(g))
    currents = xp.linalg.solve(identity + cells * drops, cells * seen)
    sizes = (side * signs, side * signs, side, side)
    return Block(straight + felt @ currents, sizes, sizes)


def _circuit(
    signs: int, side: int, *, feed: float, output: float
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Kirchhoff's voltage law of a square, ``d = seen · in − drops · I``, and what comes out.

    Returns:
        Drops at the cells from the currents of the cells; voltages that the cells see from
        what goes in; what comes out from the currents of the cells; and directly from what
        goes in.
    """
    far = np.arange(1.0, side + 1)[:, None]
    to_driver, to_ground = feed * far, output * far[::-1]
    shared = np.minimum(far, far.T)
    one, cell = np.ones((side, 1)), np.eye(side)
    feeds, sign, both = np.eye(side * signs), np.eye(signs), np.ones((signs, 1))
    drops = _kron(feed * shared, cell, sign)
    drops += _kron(cell, output * shared[::-1, ::-1], both @ both.T)
    voltage, pulled = _kron(one, cell, sign), -_kron(to_driver, cell, sign)
    pushed, ground = -_kron(cell, to_ground, both), -_kron(cell, one, both)
    seen = np.hstack((voltage, pulled, pushed, ground))
    felt = np.hstack((pulled, voltage, -ground, -pushed)).T
    lines = 2 * side * signs
    straight = np.eye(lines + 2 * side)
    straight[: lines // 2, lines // 2 : lines] = -feed * side * feeds
    straight[lines + side :, lines : lines + side] = output * side * cell
    return drops, seen, felt, straight


def _kron(*factors: Matrix) -> Matrix:
    """Kronecker product of matrices over outputs, inputs and signs."""
    product: Any = np.ones((1, 1))
    for factor in factors:
        product = np.kron(product, factor)
    return np.asarray(product, dtype=np.float64)
