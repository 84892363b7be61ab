"""Lines that do not touch each other, because only one family has resistance."""

from collections.abc import Sequence

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.typing import Array


def attenuation(
    g: Float[Array, "*lines cells"], segments: Sequence[float], /
) -> Float[Array, "*lines cells"]:
    """Fraction of the voltage at the end of a line that reaches each of its cells.

    By reciprocity it is also the fraction of a current injected at the cell that leaves at
    the end, the cells being conductances to ground.

    Args:
        g: Conductances of the cells over the largest one [1], the cell next to the end first.
        segments: Resistance before each cell, seen from the end, over ``Rmin`` [1].

    Source: the ladder recursion ``Y_i = g_i + Y_{i+1} / (1 + ρ_{i+1} Y_{i+1})``; nothing
        cancels in it.
    """
    xp = array_namespace(g)
    beyond = xp.zeros_like(g[..., 0])
    passed = []
    for cell in range(len(segments) - 1, -1, -1):
        seen = g[..., cell] + beyond
        share = 1 / (1 + segments[cell] * seen)
        beyond = seen * share
        passed.append(share)
    fractions = [passed.pop()]
    while passed:
        fractions.append(fractions[-1] * passed.pop())
    return xp.stack(fractions, axis=-1)
