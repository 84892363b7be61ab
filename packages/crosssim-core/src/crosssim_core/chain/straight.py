"""The shortest way through programmed arrays, for reads that are over soon.

Where a product takes less time than to decide what a read consists of, that is decided once.
"""

from collections.abc import Callable
from typing import Any

from crosssim_core.chain.bank import Bank
from crosssim_core.chain.reader import Merged, Share, SimplifiedReader
from crosssim_core.typing import Array

Straight = Callable[[Any, Any], Any]
"""From inputs, and what is added to each output digitally (or None), to products."""


def straight(reader: SimplifiedReader) -> Straight | None:
    """What `SimplifiedReader.read` computes, bit by bit, for inputs that it reads in one piece.

    None with read noise, where lines saturate, and where there is more than one row of arrays, one
    input path, or one step in time. Converters get no random numbers.
    """
    if len(reader.drivers) > 1 or len(reader.rows) > 1 or len(reader.rows[0].shares) > 1:
        return None
    (driver,), (row,) = reader.drivers, reader.rows
    (part,) = row.shares
    factor, product, work = driver.path.scale.factor, row.product, reader.product.arithmetic
    if factor is None:
        return None
    if isinstance(part, Merged):
        operator = part.operator
        if part.spread is not None:
            return None
        return lambda x, bias: row.laid_out(operator(driver.whole(x, factor, work), row.own(bias)))
    if not all(map(_single, part.banks)):
        return None
    share: Share = part
    banks = [(bank.operators[0], bank.digitise, bank.gains) for bank in share.banks]

    def read(x: Any, bias: Any) -> Array:
        whole = driver.whole(x, factor, work)
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
