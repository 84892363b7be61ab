"""The simplified chain: the literal one after algebra. What users run.

Rewrites, each with the condition under which it is exact:

``merge_pair``
    One array holds the difference of a pair, where the line carries that difference, or where
    nothing nonlinear (saturation, conversion) happens to a line before the subtraction.
``merge_arrays``
    One matrix in user units holds all arrays and scales, where no line saturates, no ADC
    converts and all arrays are driven by the same voltages.
``fold_input_scale``
    Conductances carry the input scale, where no DAC converts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Block, Grid
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.chain.product import ArrayProduct, Convert
from crosssim_core.converters import AdcModel, DacModel
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class Stage:
    """What is left of one array, or of all of them: products, conversions and one factor."""

    inputs: slice
    drive: int
    """Which of the reader's voltages drive it."""
    slices: tuple[tuple[Array, ...], ...]
    """Matrices of shape (outputs, inputs) for each weight slice: one, or one for each sign."""
    saturation: float
    """Largest current of a line [1]; 0 is unlimited."""
    analog_subtraction: bool
    """Whether the two lines of a pair are subtracted before the ADC."""
    adcs: tuple[AdcModel | None, ...]
    decode: Callable[[Array], Array] | None
    """From the digital lines to user units; None where the matrix is in user units."""

    def read(self, v: Any, product: ArrayProduct, noise: NoiseSource | None) -> Array:
        """Contribution of these arrays to the product, in user units."""
        lines = [self._read_slice(i, v, product, noise) for i in range(len(self.slices))]
        if self.decode is None:
            return lines[0]
        xp = array_namespace(lines[0])
        return self.decode(lines[0][None, ...] if len(lines) == 1 else xp.stack(lines))

    def _read_slice(
        self, index: int, v: Any, product: ArrayProduct, noise: NoiseSource | None
    ) -> Array:
        lines = [product.currents(g, v, self.inputs) for g in self.slices[index]]
        if self.saturation > 0:
            clip = array_namespace(lines[0]).clip
            lines = [clip(line, -self.saturation, self.saturation) for line in lines]
        if self.analog_subtraction:
            lines = _subtract(lines)
        if (adc := self.adcs[index]) is not None:
            lines = [adc.convert(line, axis=product.axis, noise=noise) for line in lines]
        return _subtract(lines)[0]


def _subtract(lines: list[Array]) -> list[Array]:
    """The difference of a pair; a single line stays as it is."""
    return [lines[0] - lines[1]] if len(lines) == 2 else lines


@dataclass(frozen=True, slots=True)
class SimplifiedReader:
    """A programmed grid of arrays, ready to be read."""

    drives: tuple[Convert, ...]
    """One conversion for each kind of DAC and input scale among the arrays."""
    rows: tuple[tuple[Stage, ...], ...]

    def read(
        self, x: Any, product: ArrayProduct, *, noise: NoiseSource | None = None
    ) -> Float[Array, "*result"]:
        """Product of the programmed matrix with ``x``, in user units.

        Args:
            x: Digital inputs in whatever form ``product`` takes; left unchanged.
            product: How line currents are formed.
            noise: Where noise of single conversions comes from.
        """
        voltages = [product.voltages(x, drive) for drive in self.drives]
        rows = [
            reduce(add, (stage.read(voltages[stage.drive], product, noise) for stage in row))
            for row in self.rows
        ]
        return (
            rows[0] if len(rows) == 1 else array_namespace(rows[0]).concat(rows, axis=product.axis)
        )


def simplify(grid: Grid, *, weight_limit: float) -> SimplifiedReader:
    """The reader that computes what `read_literal` computes, with less work.

    Args:
        grid: The programmed arrays.
        weight_limit: Matrix value that full scale stands for.
    """
    kinds = _kinds(grid)
    drives = tuple(_drive(*kind) for kind in kinds)
    if len(kinds) == 1 and all(_linear(block.plan) for row in grid for block in row):
        stage = _merge_arrays(grid, weight_limit)
        return SimplifiedReader(drives, ((stage,),))
    rows = tuple(
        tuple(_stage(block, kinds.index(_kind(block.plan)), weight_limit) for block in row)
        for row in grid
    )
    return SimplifiedReader(drives, rows)


Kind = tuple[float, DacModel | None]


def _kind(plan: ReadPlan) -> Kind:
    """Input scale and DAC; without a DAC the scale is folded into the conductances."""
    return (1.0, None) if plan.dac is None else (plan.input_scale, plan.dac)


def _kinds(grid: Grid) -> list[Kind]:
    kinds: list[Kind] = []
    for row in grid:
        kinds += [k for k in (_kind(block.plan) for block in row) if k not in kinds]
    return kinds


def _drive(scale: float, dac: DacModel | None) -> Convert:
    return _as_it_is if dac is None else partial(_convert, scale, dac)


def _as_it_is(x: Array) -> Array:
    return x


def _convert(scale: float, dac: DacModel, x: Array) -> Array:
    return dac.convert(x * scale)


def _linear(plan: ReadPlan) -> bool:
    return plan.saturation == 0 and all(adc is None for adc in plan.adcs)


def _merge_arrays(grid: Grid, weight_limit: float) -> Stage:
    xp = array_namespace(grid[0][0].conductance)
    rows = [
        xp.concat([_user_weights(block, weight_limit) for block in row], axis=1) for row in grid
    ]
    matrix = xp.concat(rows, axis=0)
    return Stage(
        inputs=slice(0, matrix.shape[1]),
        drive=0,
        slices=((matrix,),),
        saturation=0.0,
        analog_subtraction=False,
        adcs=(None,),
        decode=None,
    )


def _user_weights(block: Block, weight_limit: float) -> Array:
    """The matrix of one array in user units over those of its voltages."""
    scale = 1.0 if block.plan.dac is None else block.plan.input_scale
    return block.plan.mapping.weights(block.conductance) * (weight_limit / scale)


def _stage(block: Block, drive: int, weight_limit: float) -> Stage:
    plan = block.plan
    fold = plan.input_scale if plan.dac is None else 1.0
    return Stage(
        inputs=block.inputs,
        drive=drive,
        slices=tuple(
            _merge_pair(block.conductance[i, ...], plan, fold)
            for i in range(block.conductance.shape[0])
        ),
        saturation=plan.saturation,
        analog_subtraction=plan.analog_subtraction,
        adcs=plan.adcs,
        decode=partial(_decode, plan, weight_limit),
    )


def _merge_pair(pair: Array, plan: ReadPlan, fold: float) -> tuple[Array, ...]:
    untouched = plan.saturation == 0 and (plan.analog_subtraction or _linear(plan))
    if pair.shape[0] == 2 and (plan.interleaved or untouched):
        return ((pair[0, ...] - pair[1, ...]) * fold,)
    return tuple(pair[sign, ...] * fold for sign in range(pair.shape[0]))


def _decode(plan: ReadPlan, weight_limit: float, lines: Array) -> Array:
    return plan.mapping.decode(lines) * (weight_limit / plan.input_scale)
