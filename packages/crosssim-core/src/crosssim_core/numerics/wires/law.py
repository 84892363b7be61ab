"""Cells whose current is not proportional to their voltage."""

from collections.abc import Callable
from typing import TypeAlias

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.typing import Array

Current: TypeAlias = Callable[[Array, Array], Array]
"""Current of cells of conductance ``g`` at voltage ``v``, element by element, in units where a
linear cell gives ``g · v`` [1]. No conductance, no current."""

STEP = 1e-4
"""Distance of voltages for a derivative: errors of 1e-9 and less of either kind [1]."""


def cell_currents(
    current: Current, g: Float[Array, "*#cells"], v: Float[Array, "*#cells"], /
) -> Float[Array, "*cells"]:
    """Current of every cell; conductances and voltages of one shape are what the law is given."""
    return current(*array_namespace(g, v).broadcast_arrays(g, v))


def cell_slopes(
    current: Current, g: Float[Array, "*#cells"], v: Float[Array, "*#cells"], /
) -> Float[Array, "*cells"]:
    """Derivative of `cell_currents` by the voltage."""
    up, down = cell_currents(current, g, v + STEP), cell_currents(current, g, v - STEP)
    return (up - down) / (2 * STEP)


def steeper(
    slopes: Float[Array, "*cells"], currents: Float[Array, "*cells"], v: Float[Array, "*cells"], /
) -> Float[Array, "*cells"]:
    """The tangent or the chord through the origin, whichever is steeper, and at least 0.

    A linear cell of that conductance bounds the energy of a law that saturates, so that steps
    made with it go downhill; for a law that grows it is Newton's.

    Source: L. M. Kachanov, J. Appl. Math. Mech. 23 (1959) 880-883.
    """
    xp = array_namespace(slopes)
    tiny = xp.abs(v) < STEP
    chords = xp.where(tiny, slopes, currents / xp.where(tiny, xp.ones_like(v), v))
    return xp.maximum(xp.maximum(slopes, chords), xp.zeros_like(slopes))
