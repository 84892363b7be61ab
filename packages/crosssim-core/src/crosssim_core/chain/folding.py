"""What is left of one programmed array when constants are carried by matrices."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.chain.adcs import SliceAdc
from crosssim_core.chain.bank import Bank, Digitise, Saturation
from crosssim_core.chain.block import Block, WeightRange
from crosssim_core.chain.drive import Constants, Driver
from crosssim_core.chain.laws import combined, law_operators, less
from crosssim_core.chain.lines import parts
from crosssim_core.chain.noise import ReadMoments
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.chain.product import ArrayProduct, Operator
from crosssim_core.converters import UniformLevels
from crosssim_core.numerics.quantize import position_of_zero
from crosssim_core.numerics.wires import SummedLaw
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


class Source(NamedTuple):
    """One kind of input path, and what the inputs 0 and 1 become on it."""

    path: int
    """Its place among the paths of the reader."""
    driver: Driver
    zero: Constants
    one: Constants


class Folded(NamedTuple):
    """What one array adds to the product, in user units."""

    banks: tuple[Bank, ...]
    constant: float
    """What is added to every output besides."""
    total: float
    """What a unit of the sum of what drives all its lines adds."""


class Term(NamedTuple):
    """One array of cells, or the difference of a pair, converted on its own."""

    g: Float[Array, "*stack lines inputs"]
    variance: Float[Array, "*stack lines inputs"] | None
    adc: SliceAdc | None
    gain: float
    """What a unit of its current adds to the product."""
    law: SummedLaw | None = None
    """What gives its currents instead of ``g``; None for ohmic cells."""


def fold(
    block: Block, cells: ReadMoments, source: Source, weights: WeightRange, product: ArrayProduct
) -> Folded:
    """The banks of one array, and what they leave to be added.

    Args:
        block: The array.
        cells: Moments of its conductances.
        source: What drives it.
        weights: Matrix values that the ends of the weight scale stand for.
        product: How line currents are to be formed.
    """
    plan, driver = block.plan, source.driver
    unit_line = plan.mapping.unit_line
    user = weights.half * per_user(driver)
    slices = [
        _terms(plan, cells, i, user, block.laws[i] if block.laws else ())
        for i in range(plan.mapping.slices)
    ]
    groups = slices if _apart(plan) else [[term for terms in slices for term in terms]]
    terms = [term for group in groups for term in group]
    banks = tuple(_bank(group, i, block, source, product) for i, group in enumerate(groups))
    total = (weights.half * plan.mapping.total_gain + weights.middle) * per_user(driver)
    constant = 0.0
    if not unit_line:
        total += sum(term.gain * term.adc.background for term in terms if term.adc)
        lows = (levels.low * term.gain for term in terms if (levels := _levels(plan, term)))
        constant = sum(lows) * (sum(driver.weights) if plan.adc_per_digit else 1.0)
    constant += total * driver.low * cells.mean.shape[-1]
    return Folded(banks, constant, total * driver.unit)


def per_user(driver: Driver) -> float:
    """Input over voltage; over what is left of it where the scale follows from the inputs."""
    factor = driver.path.scale.factor
    return 1.0 / (driver.folded * (1.0 if factor is None else factor))


def merges_pair(plan: ReadPlan) -> bool:
    """Whether one array can hold the difference of a pair."""
    untouched = plan.saturation == 0 and (plan.analog_subtraction or not plan.converts)
    return plan.mapping.signs == 2 and (plan.interleaved or untouched)


def operators(
    g: Float[Array, "*stack lines inputs"],
    inputs: slice,
    product: ArrayProduct,
    constant: Array | None,
    zeros: Sequence[float],
    ones: Sequence[float],
) -> tuple[Operator, ...]:
    """The operator of each step; steps that agree in what 0 and 1 become share one."""
    made: dict[tuple[float, float], Operator] = {}
    for zero, one in zip(zeros, ones, strict=True):
        if (zero, one) not in made:
            made[zero, one] = product.operator(g, inputs, constant=constant, one=one, rest=zero)
    return tuple(made[pair] for pair in zip(zeros, ones, strict=True))


def _terms(
    plan: ReadPlan, cells: ReadMoments, index: int, user: float, laws: Sequence[SummedLaw]
) -> list[Term]:
    """The terms of one weight slice."""
    adc, gain = plan.adcs[index], user / plan.mapping.units[index]
    g = cells.mean[index, ...]
    variance = None if cells.variance is None else cells.variance[index, ...]
    if merges_pair(plan):
        summed = None if variance is None else variance[0, ...] + variance[1, ...]
        law = combined([(1.0, laws[0]), (-1.0, laws[1])]) if laws else None
        return [Term(g[0, ...] - g[1, ...], summed, adc, gain, law)]
    return [
        Term(
            g[sign, ...],
            None if variance is None else variance[sign, ...],
            adc,
            gain * factor,
            laws[sign] if laws else None,
        )
        for sign, factor in zip(range(plan.mapping.signs), (1.0, -1.0), strict=False)
    ]


def _levels(plan: ReadPlan, term: Term) -> UniformLevels | None:
    """Levels that matrices can carry: a term is then converted by rounding alone."""
    adc = term.adc
    carried = adc is not None and not adc.meets_ties and plan.saturation == 0
    return adc.model.uniform if adc is not None and carried else None


def _carried(terms: Sequence[Term], plan: ReadPlan) -> bool:
    """Whether matrices carry the levels of any term."""
    return any(_levels(plan, term) is not None for term in terms)


def _apart(plan: ReadPlan) -> bool:
    """Whether weight slices have to be read one after the other."""
    if plan.saturation > 0:
        return True
    kinds: set[Any] = set()
    for adc in plan.adcs:
        if adc is not None:
            levels = adc.model.uniform
            kinds.add(levels if levels is None or adc.meets_ties else levels.number)
    return len(kinds) > 1 or None in kinds


def _bank(
    terms: list[Term], number: int, block: Block, source: Source, product: ArrayProduct
) -> Bank:
    plan, driver, inputs = block.plan, source.driver, block.inputs
    rows, constants, starts, spreads, gains, laws = [], [], [], [], [], []
    pooled = driver.path.digits is not None and not plan.adc_per_digit
    for term in terms:
        levels = _levels(plan, term)
        per = 1.0 if levels is None else 1.0 / levels.step
        background = term.adc.background if term.adc and not plan.saturation else 0.0
        g = term.g - background if background else term.g
        rows.append(g * (per * driver.step_unit))
        ahead = per * driver.low if term.law is None else 0.0
        start = _start(levels, like=g)
        constants.append(_constant(g, ahead, 0.0 if pooled else start))
        if pooled:
            starts.append(_filled(g.shape[:-1], start, like=g))
        if term.law is not None:
            laws.append(combined([(per, less(term.law, background))]))
        gains.append(term.gain / per)
        if term.variance is not None:
            spreads.append(term.variance * (per**2 * driver.power_unit))
    constant = None
    if any(own is not None for own in constants):
        filled = zip(constants, rows, strict=True)
        zeros = (_filled(g.shape[:-1], 0.0, like=g) if own is None else own for own, g in filled)
        constant = _joined(list(zeros), axis=-1)
    steps = (source.zero.steps, source.one.steps)
    powers = (source.zero.powers, source.one.powers)
    return Bank(
        path=source.path,
        operators=law_operators(
            laws, inputs, product, constant, driver=driver, zeros=steps[0], ones=steps[1]
        )
        if laws
        else operators(_joined(rows, axis=-2), inputs, product, constant, *steps),
        spreads=operators(_joined(spreads, axis=-2), inputs, product, None, *powers)
        if spreads
        else (),
        saturation=_saturation(terms, number, block, source, product),
        digitise=_digitise(terms, plan, product),
        pooled=pooled,
        start=_joined(starts, axis=-1) if pooled and _carried(terms, plan) else None,
        weights=driver.weights,
        gains=tuple(gains[:1] if plan.saturation and plan.analog_subtraction else gains),
        unit_line=plan.mapping.unit_line,
    )


def _start(levels: UniformLevels | None, *, like: Array) -> float:
    """Where no current lies, in steps from the lowest level; 0 without levels."""
    if levels is None:
        return 0.0
    low, high, number = levels
    bits = array_namespace(like).finfo(like.dtype).bits
    return position_of_zero(low=low, high=high, levels=number, bits=bits)


def constant_of(lines: tuple[int, ...], value: float, *, like: Array) -> Array | None:
    """``value`` for each line; None if it is 0."""
    return None if value == 0.0 else _filled(lines, value, like=like)


def _filled(lines: tuple[int, ...], value: float, *, like: Array) -> Array:
    return array_namespace(like).full(lines, value, dtype=like.dtype, device=device_of(like))


def _constant(g: Array, low: float, offset: float) -> Array | None:
    """What is always added to each line; None for nothing."""
    if low == 0.0:
        return constant_of(g.shape[:-1], offset, like=g)
    return low * array_namespace(g).sum(g, axis=-1) + offset


def _joined(arrays: list[Any], *, axis: int) -> Array:
    return arrays[0] if len(arrays) == 1 else array_namespace(arrays[0]).concat(arrays, axis=axis)


def _saturation(
    terms: list[Term], number: int, block: Block, source: Source, product: ArrayProduct
) -> Saturation | None:
    plan, adc = block.plan, terms[0].adc
    if plan.saturation == 0:
        return None
    dummies: tuple[Operator, ...] = ()
    if adc is not None and adc.background:
        line = array_namespace(terms[0].g).full_like(terms[0].g[..., :1, :], adc.background)
        constant = _constant(line, source.driver.low, 0.0)
        steps = (source.zero.steps, source.one.steps)
        unit = source.driver.step_unit
        dummies = operators(unit * line, block.inputs, product, constant, *steps)
    subtracts = len(terms) == 2 and plan.analog_subtraction
    limit, count = plan.saturation, len(terms)
    return Saturation(block.number, number, limit, subtracts, dummies, count, plan.watch)


def _digitise(terms: list[Term], plan: ReadPlan, product: ArrayProduct) -> Digitise | None:
    first = terms[0].adc
    if first is None:
        return None
    levels, work, axis = _levels(plan, terms[0]), product.arithmetic, product.axis
    if levels is not None:
        top = float(levels.number - 1)
        return lambda lines, noise: work.rounded(lines, top)
    convert: Callable[..., Array] = first.model.convert
    together = plan.analog_subtraction if _apart(plan) else first.model.uniform is not None
    count = 1 if together else len(terms)

    def digitise(lines: Array, noise: NoiseSource | None) -> Array:
        converted = [convert(part, axis=axis, noise=noise) for part in parts(lines, count, axis)]
        return converted[0] if count == 1 else array_namespace(lines).concat(converted, axis=axis)

    return digitise
