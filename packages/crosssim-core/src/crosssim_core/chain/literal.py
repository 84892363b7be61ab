"""The literal chain: every physical step after the other, for every vector. The oracle."""

from functools import partial

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.arrays import line_currents
from crosssim_core.chain.block import Block, Grid, WeightRange
from crosssim_core.chain.inputs import total
from crosssim_core.chain.lines import flat
from crosssim_core.chain.mapping import decode
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.chain.tap import Place, Tap, digit_by_digit
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


def read_literal(
    x: Float[Array, "*batch inputs"],
    grid: Grid,
    /,
    *,
    weights: WeightRange,
    noise: NoiseSource | None = None,
    tap: Tap | None = None,
) -> Float[Array, "*batch outputs"]:
    """Product of the programmed matrix with each vector of ``x``, step by step.

    Args:
        x: Digital inputs in user units; left unchanged. A stack of matrices takes a vector for
            each, along the axis before the inputs.
        grid: The programmed arrays.
        weights: Matrix values that the ends of the weight scale stand for.
        noise: Where noise of single reads and conversions comes from.
        tap: Is shown line currents on the way.
    """
    xp = array_namespace(x)
    rows = [sum(_read(x, block, weights, noise, tap) for block in row) for row in grid]
    y = xp.concat(rows, axis=-1)
    return flat(y, -1) if grid[0][0].stack else y


def _read(
    x: Array, block: Block, weights: WeightRange, noise: NoiseSource | None, tap: Tap | None
) -> Array:
    """One array: from digital inputs to its part of the product, in user units."""
    plan = block.plan
    scale = plan.path.scale.of(x)
    voltages = plan.path.convert(x[..., block.inputs], scale)
    lines = [_read_slice(voltages, block, i, noise, tap) for i in range(plan.mapping.slices)]
    decoded = decode(plan.mapping, lines, total(voltages), axis=-1)
    return (weights.half * decoded + weights.middle * total(voltages)) / scale


def _read_slice(
    voltages: Array, block: Block, index: int, noise: NoiseSource | None, tap: Tap | None
) -> Array:
    """One weight slice: from voltages to the digital value of its lines."""
    plan = block.plan
    digits = plan.path.digits
    if digits is None:
        currents = _currents(voltages, block, index, noise)
        if tap is not None:
            tap.see(Place(block.number, index, 0), currents, axis=-1)
        return _difference(_digitise(currents, plan, index, total(voltages), noise))[0]
    single = digit_by_digit(tap, adc_per_digit=plan.adc_per_digit)
    sums: list[Array] = []
    for k in range(digits.count):
        u = digits.take(k, voltages)
        currents = _currents(u, block, index, noise)
        if tap is not None and single:
            tap.see(Place(block.number, index, k), currents, axis=-1)
        if plan.adc_per_digit:
            currents = _digitise(currents, plan, index, total(u), noise)
        shifted = [digits.weight(k) * current for current in currents]
        sums = [a + b for a, b in zip(sums, shifted, strict=True)] if sums else shifted
    if tap is not None and not single:
        tap.see(Place(block.number, index, 0), sums, axis=-1)
    if not plan.adc_per_digit:
        sums = _digitise(sums, plan, index, total(voltages), noise)
    return _difference(sums)[0]


def _currents(u: Array, block: Block, index: int, noise: NoiseSource | None) -> list[Array]:
    """Currents of the lines that reach the ADC, for the voltages of one step in time."""
    plan = block.plan
    fresh = None
    if plan.reader is not None:
        assert noise is not None
        fresh = partial(plan.reader.read, noise=noise)
    where = f"{block.name}, weight slice {index}"
    currents = line_currents(
        plan.circuits[index], u, block.conductance[index, ...], fresh=fresh, where=where
    )
    if plan.saturation > 0:
        if plan.watch is not None:
            plan.watch(index, currents, axis=-1)
        clip = array_namespace(u).clip
        currents = [clip(c, -plan.saturation, plan.saturation) for c in currents]
    return _difference(currents) if plan.analog_subtraction else currents


def _difference(lines: list[Array]) -> list[Array]:
    """The difference of a pair of lines; a single line stays as it is."""
    return [lines[0] - lines[1]] if len(lines) == 2 else lines


def _digitise(
    lines: list[Array], plan: ReadPlan, index: int, total: Array, noise: NoiseSource | None
) -> list[Array]:
    """What the ADC makes of each line; ``total`` drives the dummy line of the background."""
    adc = plan.adcs[index]
    if adc is None:
        return lines
    dummy = adc.background * total
    return [adc.model.convert(line - dummy, axis=-1, noise=noise) + dummy for line in lines]
