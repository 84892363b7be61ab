"""Conductances that a cell can be programmed to."""

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.typing import Array


def of_sign(w: Float[Array, "*cells"], sign: int, /) -> Float[Array, "*cells"]:
    """Magnitude of the values of ``w`` that have this sign, +1 or -1; 0 for the others.

    NaN, which has no sign, stays NaN in both.
    """
    return array_namespace(w).clip(sign * w, 0.0, None)


def round_to_levels(
    g: Float[Array, "*cells"], /, *, g_min: float, bits: int
) -> Float[Array, "*cells"]:
    """Nearest of the ``2**bits`` equidistant levels on ``[g_min, 1]``; halves go to even.

    Args:
        g: Conductance over the largest one [1]; left unchanged. Values outside the range go to
            the levels that continue the grid.
        g_min: Smallest level [1].
        bits: Bits of one cell [bit]; 0 or less leaves ``g`` as it is.

    Source: CrossSim parameter ``xbar.device.cell_bits``.
    """
    if bits <= 0:
        return g
    xp = array_namespace(g)
    per_unit = (2**bits - 1) / (1.0 - g_min)
    return xp.round((g - g_min) * per_unit) / per_unit + g_min
