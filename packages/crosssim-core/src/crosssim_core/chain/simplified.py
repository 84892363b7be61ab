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
    Conductances carry the input scale, where no DAC converts and the scale is known beforehand.
``refer_noise_to_outputs``
    One deviate for each line replaces a fresh deviation of each cell: the sum of independent
    normal deviates is normal with variance ``Var[g] @ u**2``. Exact where no cell is clipped; else
    mean and variance stay exact and the distribution approaches a normal one with the number of
    cells. Where a model does not know its moments, `simplify` returns None.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.chain.block import Block, Grid, WeightRange
from crosssim_core.chain.inputs import InputPath, InputScale, Scale, is_one
from crosssim_core.chain.noise import ReadMoments
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.chain.product import ArrayProduct
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class Step:
    """Voltages of one step in time, and the weight of what they give in the sum over steps."""

    voltages: Any
    weight: float
    power: Any = None
    """Their squares, which drive the variance of line currents; None without read noise."""


@dataclass(frozen=True, slots=True)
class Drive:
    """Everything that one kind of input path makes of one input."""

    scale: Scale
    """Voltage over input, as far as conductances do not carry it."""
    whole: Step
    """The whole input."""
    steps: tuple[Step, ...]
    """The digits, or the whole input."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is left of one array: products, conversions and one factor."""

    inputs: slice
    path: int
    """Which of the reader's input paths drives it."""
    plan: ReadPlan
    slices: tuple[tuple[Array, ...], ...]
    """Matrices of shape (lines, inputs) for each weight slice: one, or one for each sign."""
    spread: tuple[tuple[Array, ...], ...] | None
    """Variances of the cells of ``slices``; None without read noise."""
    ones: Array
    """A line of full conductances, whose current is the sum of all voltages."""
    weights: WeightRange
    folded: float
    """Input scale that the matrices carry already."""

    def read(self, drive: Drive, product: ArrayProduct, noise: NoiseSource | None) -> Array:
        """Contribution of this array to the product, in user units."""
        mapping, weights = self.plan.mapping, self.weights
        total: Any = None
        if mapping.needs_total or weights.middle:
            total = product.currents(self.ones, drive.whole.voltages, self.inputs)
        lines = [self._read_slice(i, drive, product, noise) for i in range(len(self.slices))]
        decoded = mapping.decode(lines, total, axis=product.axis)
        scale = drive.scale * self.folded
        y = decoded * (weights.half / scale)
        if weights.middle:
            y = y + total * (weights.middle / scale)
        return y

    def _read_slice(
        self, index: int, drive: Drive, product: ArrayProduct, noise: NoiseSource | None
    ) -> Array:
        """Digital value of the lines of one weight slice."""
        plan = self.plan
        sums: list[Array] = []
        for step in drive.steps:
            lines = self._lines(index, step, product, noise)
            if plan.adc_per_digit:
                lines = self._digitise(index, lines, step, product, noise)
            if step.weight != 1.0:
                lines = [step.weight * line for line in lines]
            sums = [a + b for a, b in zip(sums, lines, strict=True)] if sums else lines
        if not plan.adc_per_digit:
            sums = self._digitise(index, sums, drive.whole, product, noise)
        return _difference(sums)[0]

    def _lines(
        self, index: int, step: Step, product: ArrayProduct, noise: NoiseSource | None
    ) -> list[Array]:
        """Currents of the lines that reach the ADC, for one step in time."""
        limit = self.plan.saturation
        lines = [product.currents(g, step.voltages, self.inputs) for g in self.slices[index]]
        if self.spread is not None:
            spread = [product.currents(v, step.power, self.inputs) for v in self.spread[index]]
            lines = [_stray(a, b, noise) for a, b in zip(lines, spread, strict=True)]
        if limit > 0:
            lines = [array_namespace(line).clip(line, -limit, limit) for line in lines]
        return _difference(lines) if self.plan.analog_subtraction else lines

    def _digitise(
        self,
        index: int,
        lines: list[Array],
        step: Step,
        product: ArrayProduct,
        noise: NoiseSource | None,
    ) -> list[Array]:
        """What the ADC of a slice makes of its lines."""
        adc = self.plan.adcs[index]
        if adc is None:
            return lines
        convert = adc.model.convert
        if adc.background == 0.0:
            return [convert(line, axis=product.axis, noise=noise) for line in lines]
        dummy = adc.background * product.currents(self.ones, step.voltages, self.inputs)
        return [convert(line - dummy, axis=product.axis, noise=noise) + dummy for line in lines]


@dataclass(frozen=True, slots=True)
class MergedStage:
    """What is left of all arrays where everything is linear: one matrix in user units."""

    matrix: Float[Array, "outputs inputs"]
    spread: Float[Array, "outputs inputs"] | None
    """Variances of its elements; None without read noise."""

    def read(self, drive: Drive, product: ArrayProduct, noise: NoiseSource | None) -> Array:
        """The product, in user units."""
        inputs = slice(0, self.matrix.shape[1])
        y = product.currents(self.matrix, drive.whole.voltages, inputs)
        if self.spread is not None:
            y = _stray(y, product.currents(self.spread, drive.whole.power, inputs), noise)
        return y if is_one(drive.scale) else y / drive.scale

    @property
    def path(self) -> int:
        """All arrays share one input path."""
        return 0


@dataclass(frozen=True, slots=True)
class SimplifiedReader:
    """A programmed grid of arrays, ready to be read."""

    paths: tuple[InputPath, ...]
    """The kinds of input path among the arrays."""
    rows: tuple[tuple[Stage | MergedStage, ...], ...]
    noisy: bool
    """Whether any array has read noise."""

    def read(
        self, x: Any, product: ArrayProduct, *, noise: NoiseSource | None = None
    ) -> Float[Array, "*result"]:
        """Product of the programmed matrix with ``x``, in user units.

        Args:
            x: Digital inputs in whatever form ``product`` takes; left unchanged.
            product: How line currents are formed.
            noise: Where noise of single reads and conversions comes from.
        """
        drives = [_drive(path, x, product, noisy=self.noisy) for path in self.paths]
        rows = [
            reduce(add, (stage.read(drives[stage.path], product, noise) for stage in row))
            for row in self.rows
        ]
        if len(rows) == 1:
            return rows[0]
        return array_namespace(rows[0]).concat(rows, axis=product.axis)


def simplify(grid: Grid, *, weights: WeightRange) -> SimplifiedReader | None:
    """The reader that computes what `read_literal` computes, with less work.

    None if there is no such reader, because a model of read noise does not know its moments.

    Args:
        grid: The programmed arrays.
        weights: Matrix values that the ends of the weight scale stand for.
    """
    paths: list[InputPath] = []
    for block in (block for row in grid for block in row):
        path = _reduced_path(block.plan)
        paths += [] if path in paths else [path]
    known = [[_moments(block) for block in row] for row in grid]
    moments = [[m for m in row if m is not None] for row in known]
    if [len(row) for row in moments] != [len(row) for row in grid]:
        return None
    noisy = any(block.plan.reader is not None for row in grid for block in row)
    if len(paths) == 1 and all(_mergeable(block.plan) for row in grid for block in row):
        stage = _merge_arrays(grid, moments, weights)
        return SimplifiedReader(tuple(paths), ((stage,),), noisy)
    rows = tuple(
        tuple(
            _stage(block, cells, paths.index(_reduced_path(block.plan)), weights)
            for block, cells in zip(*pair, strict=True)
        )
        for pair in zip(grid, moments, strict=True)
    )
    return SimplifiedReader(tuple(paths), rows, noisy)


def _difference(lines: list[Array]) -> list[Array]:
    """The difference of a pair of lines; a single line stays as it is."""
    return [lines[0] - lines[1]] if len(lines) == 2 else lines


def _stray(line: Array, variance: Array, noise: NoiseSource | None) -> Array:
    """Line currents with normal noise of the given variance."""
    assert noise is not None
    return line + array_namespace(line).sqrt(variance) * noise.normal_like(line)


def _drive(path: InputPath, x: Any, product: ArrayProduct, *, noisy: bool) -> Drive:
    scale = path.scale.of(x)
    voltages = product.voltages(x, lambda part: path.convert(part, scale))
    digits = path.digits
    if digits is None:
        power = product.each(voltages, path.power) if noisy else None
        whole = Step(voltages, 1.0, power)
        return Drive(scale, whole, (whole,))
    steps = []
    for k in range(digits.count):
        u = product.each(voltages, partial(digits.take, k))
        steps.append(Step(u, digits.weight(k), product.each(u, _square) if noisy else None))
    return Drive(scale, Step(voltages, 1.0), tuple(steps))


def _square(u: Array) -> Array:
    return u * u


def _linear(plan: ReadPlan) -> bool:
    return plan.saturation == 0 and not plan.converts


def _mergeable(plan: ReadPlan) -> bool:
    """Noise of a unit line is common to all outputs, which one matrix cannot express."""
    return _linear(plan) and not (plan.reader is not None and plan.mapping.unit_line)


def _moments(block: Block) -> ReadMoments | None:
    """Mean and variance of the cells; the variance is 0 without read noise."""
    g, reader = block.conductance, block.plan.reader
    return ReadMoments(g, array_namespace(g).zeros_like(g)) if reader is None else reader.moments(g)


def _folded_scale(plan: ReadPlan) -> float:
    """Input scale that conductances can carry."""
    factor = plan.path.scale.factor
    return factor if plan.path.dac is None and factor is not None else 1.0


def _reduced_path(plan: ReadPlan) -> InputPath:
    """The input path after the rewrites ``merge_digits`` and ``fold_input_scale``."""
    path = plan.path
    if _folded_scale(plan) != 1.0:
        path = replace(path, scale=InputScale(1.0))
    if plan.saturation == 0 and not (plan.adc_per_digit and plan.converts):
        path = replace(path, digits=None, merged=path.digits)
    return path


def _merge_arrays(
    grid: Grid, moments: list[list[ReadMoments]], weights: WeightRange
) -> MergedStage:
    xp = array_namespace(grid[0][0].conductance)

    def joined(part: Callable[[Block, ReadMoments, WeightRange], Array]) -> Array:
        rows = [
            xp.concat([part(*pair, weights) for pair in zip(*row, strict=True)], axis=1)
            for row in zip(grid, moments, strict=True)
        ]
        return xp.concat(rows, axis=0)

    noisy = any(block.plan.reader is not None for row in grid for block in row)
    return MergedStage(joined(_user_weights), joined(_user_variances) if noisy else None)


def _user_weights(block: Block, cells: ReadMoments, weights: WeightRange) -> Array:
    """The matrix that one array holds, over the scale that its inputs are still to get."""
    mapping, g = block.plan.mapping, cells.mean
    unit = array_namespace(g).ones_like(g[0, 0, :1, :])
    lines = [
        _difference([g[i, sign, ...] for sign in range(mapping.signs)])[0]
        for i in range(mapping.slices)
    ]
    return weights.half * mapping.decode(lines, unit, axis=0) + weights.middle


def _user_variances(block: Block, cells: ReadMoments, weights: WeightRange) -> Array:
    """Variance of the elements of `_user_weights`."""
    mapping, variance = block.plan.mapping, cells.variance
    gains = (
        mapping.decode([float(i == j) for j in range(mapping.slices)], 0.0, axis=0)
        for i in range(mapping.slices)
    )
    shares = (
        (weights.half * gain) ** 2 * variance[i, sign, ...]
        for i, gain in enumerate(gains)
        for sign in range(mapping.signs)
    )
    return reduce(add, shares)


def _stage(block: Block, cells: ReadMoments, path: int, weights: WeightRange) -> Stage:
    g, plan = cells.mean, block.plan
    folded = _folded_scale(plan)
    reduced = replace(plan, path=_reduced_path(plan))
    if reduced.path.digits is None:
        reduced = replace(reduced, adc_per_digit=False)
    slices = range(plan.mapping.slices)
    spread = None
    if plan.reader is not None:
        spread = tuple(_merge_spread(cells.variance[i, ...], plan, folded) for i in slices)
    return Stage(
        inputs=block.inputs,
        path=path,
        plan=reduced,
        slices=tuple(_merge_pair(g[i, ...], plan, folded) for i in slices),
        spread=spread,
        ones=array_namespace(g).full((1, g.shape[-1]), folded, dtype=g.dtype, device=device_of(g)),
        weights=weights,
        folded=folded,
    )


def _merges_pair(pair: Array, plan: ReadPlan) -> bool:
    untouched = plan.saturation == 0 and (plan.analog_subtraction or not plan.converts)
    return pair.shape[0] == 2 and (plan.interleaved or untouched)


def _merge_pair(pair: Array, plan: ReadPlan, folded: float) -> tuple[Array, ...]:
    if _merges_pair(pair, plan):
        return ((pair[0, ...] - pair[1, ...]) * folded,)
    return tuple(pair[sign, ...] * folded for sign in range(pair.shape[0]))


def _merge_spread(pair: Array, plan: ReadPlan, folded: float) -> tuple[Array, ...]:
    if _merges_pair(pair, plan):
        return ((pair[0, ...] + pair[1, ...]) * folded**2,)
    return tuple(pair[sign, ...] * folded**2 for sign in range(pair.shape[0]))
