"""Programming spreads that were fitted with a polynomial of the conductance."""

from array_api_compat import array_namespace

from crosssim_core.devices import Cell
from crosssim_core.typing import Array


def microsiemens(cell: Cell) -> float:
    """Largest conductance of ``cell`` [µS]."""
    return 1e6 / cell.Rmin


def polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """``Σ coefficients[i] x**i``."""
    total = array_namespace(x).full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def fitted_deviation(g: Array, cell: Cell, coefficients: tuple[float, ...]) -> Array:
    """Standard deviation at conductance ``g``, both over the largest conductance [1].

    Args:
        g: Conductance over the largest one [1].
        cell: The cell, which gives the unit of ``g``.
        coefficients: Of the standard deviation [µS] as a polynomial of the conductance [µS],
            constant first. Where the polynomial is negative, the deviation is 0.
    """
    xp = array_namespace(g)
    largest = microsiemens(cell)
    return xp.clip(polynomial(largest * g, coefficients), 0.0, None) / largest
