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

NEGLIGIBLE = 1e-12
"""Coefficients that are left out, over the largest: those that a lower degree leaves at 0 [1]."""


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
    """Scale of the voltages, their largest magnitude as a rule [1]."""

    def currents(self, v: Float[Array, "*vectors inputs"], /) -> Float[Array, "*vectors outputs"]:
        """What `uncoupled_currents` computes, up to rounding."""
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
    degree: int,
    interleaved: bool = False,
    limit: float = 1.0,
) -> SummedLaw:
    """The polynomial that a law is.

    Args:
        current: Law of a cell.
        g: Conductances [1]; with ``interleaved`` the positive and the negative cells.
        degree: Of the law, or more. Whether it is a polynomial at all cannot be found out here:
            no number of voltages tells.
        interleaved: Whether the current of negative cells is subtracted.
        limit: Largest magnitude of a voltage [1]. Beyond it rounding grows with the degree.

    Source: J. C. Mason, D. C. Handscomb, "Chebyshev Polynomials" (2002), chapter 6.
    """
    xp = array_namespace(g)
    exact = xp.astype(g, xp.float64)

    def at(node: int) -> Array:
        v = limit * cos(_angle(node, degree))
        cells = cell_currents(current, exact, xp.full_like(exact, v))
        return cells[0, ...] - cells[1, ...] if interleaved else cells

    terms = _interpolated([at(node) for node in range(degree + 1)])
    sizes = [_largest(term) for term in terms]
    orders = [k for k, size in enumerate(sizes) if size > NEGLIGIBLE * max(sizes)] or [1]
    return SummedLaw(tuple(orders), tuple(xp.astype(terms[k], g.dtype) for k in orders), limit)


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


def _sum(parts: list[Array]) -> Array:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _largest(x: Array) -> float:
    xp = array_namespace(x)
    return float(xp.max(xp.abs(x))) if 0 not in x.shape else 0.0
