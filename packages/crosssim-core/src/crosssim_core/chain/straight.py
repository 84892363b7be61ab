"""The shortest way through programmed arrays, for reads that are over soon.

Where a product takes less time than to decide what a read consists of, that is decided once.
"""

from collections.abc import Callable
from typing import Any

from crosssim_core._array import array_namespace
from crosssim_core.chain.bank import Bank
from crosssim_core.chain.drive import Driver
from crosssim_core.chain.reader import Merged, Row, SimplifiedReader
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array

Straight = Callable[[Any, Any], Any]
"""From inputs, and what is added to each output digitally (or None), to products."""

Noisy = Callable[[Any, Any, NoiseSource | None], Any]
"""The same, with where noise of single reads and conversions comes from."""


def straight(reader: SimplifiedReader) -> Noisy | None:
    """What `SimplifiedReader.read` computes, bit by bit, for inputs that it reads in one piece.

    None where lines saturate, and where there is more than one input path, or one step in time.
    """
    if len(reader.drivers) > 1:
        return None
    (driver,), work, order = reader.drivers, reader.product.arithmetic, reader.order
    factor, rows = driver.path.scale.factor, [_straight_row(row, driver) for row in reader.rows]
    known = [row for row in rows if row is not None]
    if factor is None or len(known) < len(rows):
        return None
    if len(known) == 1:
        return lambda x, bias, noise: known[0](driver.whole(x, factor, work), bias, noise)
    axis = reader.rows[0].product.axis

    def read(x: Any, bias: Any, noise: NoiseSource | None) -> Array:
        whole = driver.whole(x, factor, work)
        lines = [row(whole, bias, noise) for row in known]
        return order.pick(array_namespace(lines[0]).concat(lines, axis=axis), axis)

    return read


def _straight_row(row: Row, driver: Driver) -> Noisy | None:
    """From what drives the arrays, and what is added to all outputs, to the outputs of a row."""
    if len(row.shares) > 1:
        return None
    (part,) = row.shares
    if isinstance(part, Merged):
        return _straight_merged(part, row, driver)
    if not all(map(_single, part.banks)):
        return None
    share, product, work = part, row.product, row.product.arithmetic
    banks = [(b.operators[0], (*b.spreads, None)[0], b.digitise, b.gains) for b in share.banks]
    last = len(banks) - 1

    def read(whole: Any, bias: Any, noise: NoiseSource | None) -> Array:
        offset, later = share.beside(whole, product, row.own(bias))
        y: Any = None
        for number, (operator, spread, digitise, gains) in enumerate(banks):
            lines = operator(whole, None)
            if spread is not None:
                assert noise is not None
                power = driver.power(whole)
                if number == last:
                    # Whoever holds nothing more needs less memory for what follows.
                    del whole
                lines = work.noisy(lines, spread(power, None), noise)
            if digitise is not None:
                lines = digitise(lines, noise)
            y = work.weighed(lines, gains, axis=product.axis, onto=y, offset=offset)
            offset = None
        if later is not None:
            y += later
        return row.laid_out(y)

    return read


def _straight_merged(part: Merged, row: Row, driver: Driver) -> Noisy:
    operator, spread, work = part.operator, part.spread, row.product.arithmetic
    if spread is None:
        return lambda whole, bias, noise: row.laid_out(operator(whole, row.own(bias)))

    def read(whole: Any, bias: Any, noise: NoiseSource | None) -> Array:
        assert noise is not None
        y, power = operator(whole, row.own(bias)), driver.power(whole)
        del whole
        return row.laid_out(work.noisy(y, spread(power, None), noise))

    return read


def _single(bank: Bank) -> bool:
    """Whether one conversion of what one product gives is all that a bank does."""
    more = bank.pooled or bank.saturation is not None or bank.unit_line
    return len(bank.weights) == 1 and bank.weights[0] == 1.0 and not more
