"""Cells that are not ohmic, as polynomials of the voltage."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Block
from crosssim_core.chain.drive import Driver
from crosssim_core.chain.product import ArrayProduct, Operator
from crosssim_core.numerics.wires import SummedLaw, summed_law
from crosssim_core.typing import Array

MOST = 24
"""Largest degree for which polynomials are cheaper than the current of each cell."""

MOST_BEYOND = 6
"""The same where voltages may exceed the limit, as rounding grows with the degree there."""


def polynomials(block: Block, /) -> tuple[tuple[SummedLaw, ...], ...] | None:
    """What gives the line currents of an array with ideal wires, for each slice and sign.

    None if laws are not known to be polynomials of low degree, or if the parameters want the
    current of each cell.
    """
    plan, g = block.plan, block.conductance
    limit = max(1.0, plan.path.reach)
    # Without a DAC nothing keeps voltages within the limits of the inputs.
    most = MOST if plan.path.dac is not None else MOST_BEYOND
    slices = []
    for index, circuit in enumerate(plan.circuits):
        law, degree = circuit.law, circuit.degree
        if law is None or degree is None or degree > most:
            return None
        slices.append(
            tuple(
                summed_law(law, g[index, sign, ...], degree=degree, limit=limit)
                for sign in range(g.shape[1])
            )
        )
    return tuple(slices)


def combined(parts: Sequence[tuple[float, SummedLaw]], /) -> SummedLaw:
    """The sum of laws of one limit, each with its factor."""
    terms: dict[int, Any] = {}
    for factor, law in parts:
        for order, matrix in zip(law.orders, law.matrices, strict=True):
            share = factor * matrix
            terms[order] = terms[order] + share if order in terms else share
    orders = tuple(sorted(terms))
    return SummedLaw(orders, tuple(terms[order] for order in orders), parts[0][1].limit)


def less(law: SummedLaw, background: float, /) -> SummedLaw:
    """The law when an ohmic dummy line of this conductance is taken away from each line."""
    if background == 0.0:
        return law
    like = law.matrices[0]
    line = array_namespace(like).full_like(like, background * law.limit)
    return combined([(1.0, law), (-1.0, SummedLaw((1,), (line,), law.limit))])


class _Term(NamedTuple):
    """The product that one power of the voltage goes through."""

    order: int
    operator: Operator


def law_operators(
    laws: Sequence[SummedLaw],
    inputs: slice,
    product: ArrayProduct,
    constant: Array | None,
    *,
    driver: Driver,
    zeros: Sequence[float],
    ones: Sequence[float],
) -> tuple[Operator, ...]:
    """For each step the map from what drives the lines to the currents of stacked lines.

    Args:
        laws: Of neighbouring lines.
        inputs: What drives them.
        product: How each power forms its share.
        constant: What is always added to each line; None for nothing.
        driver: Makes what drives the lines.
        zeros: What the input 0 becomes in each step.
        ones: What the input 1 becomes.
    """
    xp, law = array_namespace(laws[0].matrices[0]), laws[0]
    orders = sorted({order for each in laws for order in each.orders})
    matrices = {
        order: xp.concat([_matrix(each, order) for each in laws], axis=-2) for order in orders
    }

    def voltage(drive: Any) -> Any:
        return driver.low + driver.step_unit * drive

    def operator(zero: float, one: float) -> Operator:
        terms = [
            _Term(
                order,
                product.operator(
                    matrix,
                    inputs,
                    constant=constant if order == orders[0] else None,
                    one=law.basis(order, voltage(one)),
                    rest=law.basis(order, voltage(zero)),
                ),
            )
            for order, matrix in matrices.items()
        ]

        def currents(drive: Any, further: Any) -> Any:
            v, first = voltage(drive), terms[0]
            lines = first.operator(law.basis(first.order, v), further)
            for term in terms[1:]:
                lines = lines + term.operator(law.basis(term.order, v), None)
            return lines

        return currents

    pairs = list(zip(zeros, ones, strict=True))
    made = {pair: operator(*pair) for pair in pairs}
    return tuple(made[pair] for pair in pairs)


def _matrix(law: SummedLaw, order: int) -> Array:
    """Coefficients of one order, 0 where the law lacks it."""
    if order in law.orders:
        return law.matrices[law.orders.index(order)]
    return array_namespace(law.matrices[0]).zeros_like(law.matrices[0])
