"""The shortest way through programmed arrays, for reads that are over soon.

Where a product takes less time than to decide what a read consists of, that is decided once.
"""

from collections.abc import Callable
from typing import Any

from crosssim_core._array import array_namespace
from crosssim_core.chain.bank import Bank
from crosssim_core.chain.reader import Merged, Row, Share, SimplifiedReader
from crosssim_core.typing import Array

Straight = Callable[[Any, Any], Any]
"""From inputs, and what is added to each output digitally (or None), to products."""


def straight(reader: SimplifiedReader) -> Straight | None:
    """What `SimplifiedReader.read` computes, bit by bit, for inputs that it reads in one piece.

    None with read noise, where lines saturate, and where there is more than one input path, or one
    step in time. Converters get no random numbers.
    """
    if len(reader.drivers) > 1:
        return None
    (driver,), work, order = reader.drivers, reader.product.arithmetic, reader.order
    factor, rows = driver.path.scale.factor, [_straight_row(row) for row in reader.rows]
    known = [row for row in rows if row is not None]
    if factor is None or len(known) < len(rows):
        return None
    if len(known) == 1:
        return lambda x, bias: known[0](driver.whole(x, factor, work), bias)
    axis = reader.rows[0].product.axis

    def read(x: Any, bias: Any) -> Array:
        whole = driver.whole(x, factor, work)
        lines = [row(whole, bias) for row in known]
        return order.pick(array_namespace(lines[0]).concat(lines, axis=axis), axis)

    return read


def _straight_row(row: Row) -> Straight | None:
    """From what drives the arrays, and what is added to all outputs, to the outputs of a row."""
    if len(row.shares) > 1:
        return None
    (part,), product, work = row.shares, row.product, row.product.arithmetic
    if isinstance(part, Merged):
        operator = part.operator
        if part.spread is not None:
            return None
        return lambda whole, bias: row.laid_out(operator(whole, row.own(bias)))
    if not all(map(_single, part.banks)):
        return None
    share: Share = part
    banks = [(bank.operators[0], bank.digitise, bank.gains) for bank in share.banks]

    def read(whole: Any, bias: Any) -> Array:
        offset, later = share.beside(whole, product, row.own(bias))
        y: Any = None
        for operator, digitise, gains in banks:
            lines = operator(whole, None)
            if digitise is not None:
                lines = digitise(lines, None)
            y = work.weighed(lines, gains, axis=product.axis, onto=y, offset=offset)
            offset = None
        if later is not None:
            y += later
        return row.laid_out(y)

    return read


def _single(bank: Bank) -> bool:
    """Whether one conversion of what one product gives is all that a bank does."""
    more = bank.pooled or bank.spreads or bank.saturation is not None or bank.unit_line
    return len(bank.weights) == 1 and bank.weights[0] == 1.0 and not more
