"""Smooth functions through measured points that overshoot none of them."""

from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from crosssim_core.typing import Array

Real = NDArray[np.float64]


class Curve(NamedTuple):
    """A piecewise cubic function, constant beyond its ends.

    Source: F. N. Fritsch and J. Butland, "A method for constructing local monotone piecewise
    cubic interpolants", SIAM J. Sci. Stat. Comput. 5 (1984) 300-304.
    """

    knots: Real
    """Arguments where pieces meet, shape (pieces + 1,)."""
    coefficients: Real
    """Of each piece, for the distance from its lower knot: shape (4, pieces), cubic first."""

    @classmethod
    def through(cls, x: Real, y: Real) -> "Curve":
        """The monotone interpolant of the points ``(x, y)``, at least two, ``x`` ascending."""
        fit = PchipInterpolator(x, y)
        return cls(np.asarray(fit.x), np.asarray(fit.c))

    def __call__(self, x: Float[Array, "*shape"], /) -> Float[Array, "*shape"]:
        """Values at ``x``, in float64, in the library and on the device of ``x``."""
        xp, place = array_namespace(x), device(x)
        knots = xp.asarray(self.knots, device=place)
        flat = xp.reshape(xp.astype(x, xp.float64), (-1,))
        flat = xp.clip(flat, float(self.knots[0]), float(self.knots[-1]))
        piece = xp.searchsorted(knots[1:-1], flat, side="right")
        step = flat - xp.take(knots, piece, axis=0)
        total = xp.zeros_like(flat)
        for row in self.coefficients:
            total = total * step + xp.take(xp.asarray(row, device=place), piece, axis=0)
        return xp.reshape(total, x.shape)


def at_time(times: Real, values: Real, time: float) -> Real:
    """Rows of ``values``, one for each of ``times``, interpolated at ``time``.

    Before the first time the first row counts.
    """
    if len(times) == 1 or time <= times[0]:
        return np.asarray(values[0])
    return np.asarray(PchipInterpolator(times, values, axis=0)(time))
