"""Nonlinear cells on wires without resistance, as a few products of matrices."""

from dataclasses import dataclass
from functools import reduce
from math import cos, pi
from operator import add
from typing import Any

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.numerics.wires.law import Current, cell_currents
from crosssim_core.typing import Array

DEGREES = (3, 6, 12, 24)
"""Degrees of polynomials that are tried, one after another."""

EXACT_DEGREES = DEGREES[:2]
"""Degrees that laws may have that are polynomials by nature."""

PROBES = (-0.83, 0.41)
"""Voltages over the largest, none of them a node, at which a polynomial is tried."""

BEYOND = (-2.9, 3.7)
"""Likewise, where it shall hold beyond the limit."""


@dataclass(frozen=True, slots=True)
class SummedLaw:
    """Currents of the output lines of a programmed array as a polynomial of its inputs.

    ``currents = Σ_k matrices[k] · T_k(v / limit)`` with the Chebyshev polynomials T_k.
    """

    orders: tuple[int, ...]
    """The k of each term, ascending."""
    matrices: tuple[Float[Array, "outputs inputs"], ...]
    """Coefficients of each term [1]."""
    limit: float
    """Largest magnitude of a voltage for which the polynomial holds [1]."""

    def currents(self, v: Float[Array, "*vectors inputs"], /) -> Float[Array, "*vectors outputs"]:
        """What `uncoupled_currents` computes, up to rounding, for voltages within the limit."""
        terms = (
            self.basis(order, v) @ matrix.T
            for order, matrix in zip(self.orders, self.matrices, strict=True)
        )
        return reduce(add, terms)

    def basis(self, order: int, v: Float[Array, "*shape"], /) -> Float[Array, "*shape"]:
        """``T_order(v / limit)``, element by element."""
        basis: Array = chebyshev(order, v / self.limit)
        return basis


def chebyshev(order: int, x: Any, /) -> Any:
    """Chebyshev polynomial of the first kind of an array or a number, beyond ±1 as well."""
    before, polynomial = 1.0 + 0.0 * x, x
    for _ in range(order):
        before, polynomial = polynomial, 2 * x * polynomial - before
    return before


def summed_law(
    current: Current,
    g: Float[Array, "*signs outputs inputs"],
    /,
    *,
    interleaved: bool = False,
    limit: float = 1.0,
    tolerance: float = 1e-12,
    everywhere: bool = False,
) -> SummedLaw | None:
    """The polynomial that agrees with a law; None if none of low degree does.

    Args:
        current: Law of a cell. Polynomials are met exactly, whatever is smooth closely.
        g: Conductances [1]; with ``interleaved`` the positive and the negative cells.
        interleaved: Whether the current of negative cells is subtracted.
        limit: Largest magnitude of a voltage [1].
        tolerance: Largest error over the largest coefficient.
        everywhere: Whether the polynomial is to hold beyond the limit, as only that of a law
            that is one does.

    Source: J. C. Mason, D. C. Handscomb, "Chebyshev Polynomials" (2002), chapter 6.
    """
    xp = array_namespace(g)
    exact = xp.astype(g, xp.float64)

    def at(x: float) -> Array:
        cells = cell_currents(current, exact, xp.full_like(exact, x * limit))
        return cells[0, ...] - cells[1, ...] if interleaved else cells

    probes = (*PROBES, *BEYOND) if everywhere else PROBES
    for degree in EXACT_DEGREES if everywhere else DEGREES:
        terms = _interpolated([at(cos(_angle(j, degree))) for j in range(degree + 1)])
        sizes = [_largest(term) for term in terms]
        small = tolerance * max(sizes)
        orders = [k for k, size in enumerate(sizes) if size > small] or [1]
        if all(_fits(at(x), terms, x, 10 * small) for x in probes):
            matrices = tuple(xp.astype(terms[k], g.dtype) for k in orders)
            return SummedLaw(tuple(orders), matrices, limit)
    return None


def _angle(node: int, degree: int) -> float:
    return pi * (node + 0.5) / (degree + 1)


def _interpolated(values: list[Array]) -> list[Array]:
    """Chebyshev coefficients of the polynomial with these values at the nodes."""
    degree = len(values) - 1
    terms = []
    for k in range(degree + 1):
        factor = (2 if k else 1) / (degree + 1)
        parts = [
            value * (factor * cos(k * _angle(node, degree))) for node, value in enumerate(values)
        ]
        terms.append(_sum(parts))
    return terms


def _fits(value: Array, terms: list[Array], x: float, tolerance: float) -> bool:
    """Whether the polynomial has this value at ``x``, where rounding grows with its degree."""
    factors = [chebyshev(k, x) for k in range(len(terms))]
    error = value - _sum([term * factor for term, factor in zip(terms, factors, strict=True)])
    return _largest(error) <= tolerance * max(1.0, *(abs(float(f)) for f in factors))


def _sum(parts: list[Array]) -> Array:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _largest(x: Array) -> float:
    xp = array_namespace(x)
    return float(xp.max(xp.abs(x)))
