"""The simplified chain: the literal one after algebra. What users run.

Rewrites, each with the condition under which it is exact:

``merge_digits``
    The whole input is applied at once, where no line saturates and no ADC converts single digits.
``merge_pair``
    One array holds the difference of a pair, where the line carries that difference, or where
    nothing nonlinear (saturation, conversion) happens to a line before the subtraction.
``merge_arrays``
    One matrix in user units holds all slices, signs and arrays, where no line saturates, no ADC
    converts and all arrays are driven by the same voltages.
``fold_input_scale``
    Matrices carry the input scale, where no DAC converts and the scale is known beforehand.
``drive_with_codes``
    Lines are driven by the integer codes of a DAC with equal steps, whose voltage the matrices
    carry.
``read_codes``
    Currents are formed in steps of the ADC, counted from its lowest level, so that a conversion
    is a rounding and a clipping: where it has equal steps, rounds to the nearest level, and no
    line saturates. Matrices carry the step, and the dummy line of a background. Currents on a tie
    may go the other way by round-off, so it is not done for MAX ranges, where ties are common.
``stack_terms``
    One product forms the currents of all weight slices and of both signs, where ``read_codes``
    applies and their ADCs have as many levels, where these have the same levels, or where none
    converts.
``refer_noise_to_outputs``
    One deviate for each line replaces a fresh deviation of each cell: the sum of independent
    normal deviates is normal with variance ``Var[g] @ u**2``. Exact where no cell is clipped; else
    mean and variance stay exact and the distribution approaches a normal one with the number of
    cells. Where a model does not know its moments, `simplify` returns None.
``solve_wires``
    Where wires have resistance, the matrix that they make of the programmed one takes its place
    beforehand, and all the others apply; see `effective`.
``sum_laws``
    One product for each power of the voltages replaces the currents of single cells, where their
    law is a polynomial and wires have no resistance. Digits are not merged then.
``leave_out_zeros``
    Cells that hold no weight are left out, and arrays read piece by piece, where such cells cancel;
    `Compact.suffices` tells where. What an array without cells adds to an output is a constant,
    unless its conversions draw random numbers: then no current is converted each time.

For a tap, which is shown line currents, arrays are read as if their lines saturated at infinity:
no rewrite is applied then that needs lines that do not saturate, and every current is formed.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.arithmetic import added
from crosssim_core.chain.block import Block, Grid, WeightRange, shown
from crosssim_core.chain.drive import Driver
from crosssim_core.chain.folding import Source, constant_of, fold, per_user
from crosssim_core.chain.lines import Lines
from crosssim_core.chain.matrix import user_weights
from crosssim_core.chain.noise import ReadMoments
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.chain.product import MATRIX_PRODUCT, ArrayProduct
from crosssim_core.chain.reader import Merged, Row, Share, Shares, SimplifiedReader
from crosssim_core.typing import Array


def simplify(
    grid: Grid, *, weights: WeightRange, product: ArrayProduct, tapped: bool = False
) -> SimplifiedReader | None:
    """The reader that computes what `read_literal` computes, with less work.

    None if there is no such reader, because a model of read noise does not know its moments.

    Args:
        grid: The arrays, as `effective` has them.
        weights: Matrix values that the ends of the weight scale stand for.
        product: How line currents are to be formed.
        tapped: Whether a tap is to be shown them.
    """
    grid = shown(grid) if tapped else grid
    blocks = [block for row in grid for block in row]
    moments = [_moments(block) for block in blocks]
    cells = [known for known in moments if known is not None]
    if len(cells) < len(blocks):
        return None
    noisy = any(block.plan.reader is not None for block in blocks)
    like = blocks[0].conductance
    drivers: list[Driver] = []
    for block in blocks:
        driver = block.plan.driver
        drivers += [] if driver in drivers else [driver]
    constants = (driver.constants(like) for driver in drivers)
    sources = [
        Source(i, d, *both) for i, (d, both) in enumerate(zip(drivers, constants, strict=True))
    ]
    remaining = iter(cells)
    parts = [[(block, next(remaining)) for block in row] for row in grid]
    merges = len(drivers) == 1 and all(_mergeable(block.plan) for block in blocks)
    joined = merges and blocks[0].held is None
    rows: list[Row] = []
    numbers: list[int] = []
    for together in [parts] if joined else [[row] for row in parts]:
        first = together[0][0][0]
        own = product if first.held is None else product.among(first.held)
        shares: Shares
        if merges:
            shares = (_merged(together, sources[0], weights, own, noisy=noisy),)
        else:
            shares = _shares(together[0], sources, weights, own)
        lines = _lines([row[0][0] for row in together], grid[-1][0].outputs.stop)
        rows.append(Row(own, shares, Lines.of(lines, like=like), len(lines), first.stack))
        numbers += lines
    order = Lines.of(sorted(range(len(numbers)), key=numbers.__getitem__), like=like)
    scales = [driver.path.scale for driver in drivers]
    one_scale = any(scale.factor is None and not scale.per_vector for scale in scales)
    return SimplifiedReader(product, tuple(drivers), tuple(rows), order, one_scale)


def _lines(rows: Sequence[Block], outputs: int) -> list[int]:
    """Which of all outputs these rows give, one matrix of a stack after the other.

    Args:
        rows: A block of each.
        outputs: Those of one matrix of a stack.
    """
    block = rows[0]
    firsts = [outputs * k for k in range(*block.stack or (1,))]
    if block.held is not None:
        firsts = [piece.outputs.start for piece in block.held]
    own = [i for row in rows for i in range(row.outputs.start, row.outputs.stop)]
    return [first + i for first in firsts for i in own]


def _mergeable(plan: ReadPlan) -> bool:
    """Noise of a unit line is common to all outputs, which one matrix cannot express."""
    linear = plan.saturation == 0 and not plan.converts and plan.ohmic
    return linear and not (plan.reader is not None and plan.mapping.unit_line)


def _moments(block: Block) -> ReadMoments | None:
    """Mean and variance of the cells."""
    g, reader = block.conductance, block.plan.reader
    return ReadMoments(g, None) if reader is None else reader.moments(g)


def _shares(
    parts: Sequence[tuple[Block, ReadMoments]],
    sources: Sequence[Source],
    weights: WeightRange,
    product: ArrayProduct,
) -> tuple[Share, ...]:
    """The shares of arrays that divide the inputs."""
    drivers = [source.driver for source in sources]
    known = [block.idle and not block.plan.stochastic for block, _ in parts]
    idle = [block for (block, _), constant in zip(parts, known, strict=True) if constant]
    parts = [pair for pair, constant in zip(parts, known, strict=True) if not constant]
    beside = _without_cells(idle, weights)
    shares: tuple[Share, ...] = ()
    for source in sources:
        own = [pair for pair in parts if drivers.index(pair[0].plan.driver) == source.path]
        if own:
            shares += (_share(own, source, weights, product, None if shares else beside),)
    return shares


def _share(
    parts: Sequence[tuple[Block, ReadMoments]],
    source: Source,
    weights: WeightRange,
    product: ArrayProduct,
    beside: Array | None,
) -> Share:
    folded = [fold(block, cells, source, weights, product) for block, cells in parts]
    block, g = parts[0][0], parts[0][1].mean
    lines = (*g.shape[2:-2], block.outputs.stop - block.outputs.start)
    constant = constant_of(lines, sum(part.constant for part in folded), like=g)
    one, rest = source.one.whole, source.zero.whole
    return Share(
        path=source.path,
        scaled=source.driver.path.scale.factor is None,
        banks=tuple(bank for part in folded for bank in part.banks),
        totals=tuple(
            product.total(g, inputs, gain, one=one, rest=rest)
            for inputs, gain in _spans(
                [(pair[0].inputs, part.total) for pair, part in zip(parts, folded, strict=True)]
            )
        ),
        constant=added(constant, beside),
    )


def _without_cells(
    idle: Sequence[Block], weights: WeightRange
) -> Float[Array, "*stack outputs"] | None:
    """What arrays that hold nothing for some outputs add to them: what no current is read as.

    None for nothing.
    """
    total: Array | None = None
    for block in idle:
        g = block.conductance
        alone = replace(block, outputs=slice(0, g.shape[-2]), held=None)
        reader = simplify(((alone,),), weights=weights, product=MATRIX_PRODUCT)
        assert reader is not None
        xp = array_namespace(g)
        y = reader.read(xp.zeros_like(g[0, :1, ..., 0, :]))
        total = added(total, xp.reshape(y, g.shape[2:-1]))
    return None if total is None or not array_namespace(total).any(total) else total


def _spans(parts: Sequence[tuple[slice, float]]) -> list[tuple[slice, float]]:
    """Inputs and their gain; neighbours of one gain are joined, those without any are left out."""
    spans: list[tuple[slice, float]] = []
    for inputs, gain in parts:
        if gain == 0.0:
            continue
        if spans and spans[-1][1] == gain and spans[-1][0].stop == inputs.start:
            spans[-1] = (slice(spans[-1][0].start, inputs.stop), gain)
        else:
            spans.append((inputs, gain))
    return spans


def _merged(
    parts: Sequence[Sequence[tuple[Block, ReadMoments]]],
    source: Source,
    weights: WeightRange,
    product: ArrayProduct,
    *,
    noisy: bool,
) -> Merged:
    driver, zero, one = source.driver, source.zero, source.one
    user = per_user(driver)
    matrix = (
        user * driver.unit * _joined([[_user_weights(*p, weights) for p in row] for row in parts])
    )
    xp, inputs = array_namespace(matrix), slice(0, matrix.shape[-1])
    constant = None
    if driver.low:
        constant = driver.low / driver.unit * xp.sum(matrix, axis=-1)
    spread = None
    if noisy:
        variances = _joined([[_user_variances(*p, weights) for p in row] for row in parts])
        spread = product.operator(
            user**2 * driver.power_unit * variances,
            inputs,
            constant=None,
            one=one.powers[0],
            rest=zero.powers[0],
        )
    operator = product.operator(matrix, inputs, constant=constant, one=one.whole, rest=zero.whole)
    return Merged(driver.path.scale.factor is None, operator, spread)


def _joined(blocks: Sequence[Sequence[Array]]) -> Array:
    xp = array_namespace(blocks[0][0])
    rows = [row[0] if len(row) == 1 else xp.concat(list(row), axis=-1) for row in blocks]
    return rows[0] if len(rows) == 1 else xp.concat(rows, axis=-2)


def _user_weights(block: Block, cells: ReadMoments, weights: WeightRange) -> Array:
    return user_weights(cells.mean, block.plan.mapping, weights)


def _user_variances(block: Block, cells: ReadMoments, weights: WeightRange) -> Array:
    """Variance of the elements of `user_weights`."""
    mapping, variance = block.plan.mapping, cells.variance
    if variance is None:
        return array_namespace(cells.mean).zeros_like(cells.mean[0, 0, ...])
    shares = (
        (weights.half / unit) ** 2 * variance[i, sign, ...]
        for i, unit in enumerate(mapping.units)
        for sign in range(mapping.signs)
    )
    return reduce(add, shares)
