"""Vectors and arrays in the shape that the iterative solvers work on."""

from collections.abc import Iterator

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.numerics.chunks import chunks
from crosssim_core.typing import Array

NUMBERS_AT_ONCE = 2**19
"""Numbers in each working array."""


def pieces(
    g: Float[Array, "*fresh outputs inputs"],
    v: Float[Array, "*vectors inputs"],
    *,
    interleaved: bool,
    at_once: int = NUMBERS_AT_ONCE,
) -> Iterator[tuple[Array, Array]]:
    """Arrays and vectors in float64, as many vectors at once as memory allows.

    Args:
        g: One array for all vectors, or one for each: the axes ``*vectors`` before the others.
            With ``interleaved`` axis -3 holds positive and negative cells.
        v: Vectors; left unchanged.
        interleaved: Whether cells come in pairs.
        at_once: Cells whose voltages are in memory together.

    Yields:
        Conductances ``(vectors or 1, signs, outputs, inputs)`` and inputs ``(vectors, inputs)``.
    """
    xp = array_namespace(g, v)
    cells = xp.reshape(g, (-1, 2 if interleaved else 1, *g.shape[-2:]))
    flat = xp.reshape(v, (-1, v.shape[-1]))
    fresh = g.ndim > 2 + interleaved
    vectors = at_once // (cells.shape[1] * cells.shape[2] * cells.shape[3])
    for some in chunks(flat.shape[0], at_once=vectors):
        exact = xp.astype(cells[some, ...] if fresh else cells, xp.float64)
        yield exact, xp.astype(flat[some, :], xp.float64)


def drives(
    v: Float[Array, "vectors inputs"], signs: int, /
) -> Float[Array, "vectors signs 1 inputs"]:
    """Voltages of the input lines: the input and, for the second sign, its negative."""
    xp = array_namespace(v)
    return xp.stack([v, -v][:signs], axis=1)[:, :, None, :]


def collected(
    parts: list[Float[Array, "some outputs"]], /, *, g: Array, vectors: tuple[int, ...]
) -> Float[Array, "*vectors outputs"]:
    """The line currents of all pieces together, in the data type of the conductances ``g``."""
    xp = array_namespace(g)
    shape = (*vectors, g.shape[-2])
    if not parts:
        return xp.zeros(shape, dtype=g.dtype, device=device_of(g))
    return xp.astype(xp.reshape(xp.concat(parts, axis=0), shape), g.dtype)
