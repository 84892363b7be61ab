"""The literal chain: every physical step after the other, for every vector. The oracle."""

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import Block, Grid
from crosssim_core.converters import AdcModel
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


def read_literal(
    x: Float[Array, "*batch inputs"],
    grid: Grid,
    /,
    *,
    weight_limit: float,
    noise: NoiseSource | None = None,
) -> Float[Array, "*batch outputs"]:
    """Product of the programmed matrix with each vector of ``x``, step by step.

    Args:
        x: Digital inputs in user units; left unchanged.
        grid: The programmed arrays.
        weight_limit: Matrix value that full scale stands for.
        noise: Where noise of single conversions comes from.
    """
    xp = array_namespace(x)
    rows = [sum(_read(x[..., block.inputs], block, noise) for block in row) for row in grid]
    return weight_limit * xp.concat(rows, axis=-1)


def _read(x: Array, block: Block, noise: NoiseSource | None) -> Array:
    """One array: from its digital inputs to its products, over the weight limit."""
    plan = block.plan
    xp = array_namespace(x)
    scaled = x * plan.input_scale
    voltages = scaled if plan.dac is None else plan.dac.convert(scaled)
    slices = range(block.conductance.shape[0])
    lines = [_read_slice(voltages, block, i, noise) for i in slices]
    return plan.mapping.decode(xp.stack(lines)) / plan.input_scale


def _read_slice(voltages: Array, block: Block, index: int, noise: NoiseSource | None) -> Array:
    """One weight slice: from voltages to the digital value of its lines."""
    plan = block.plan
    xp = array_namespace(voltages)
    signs = range(block.conductance.shape[1])
    currents = [xp.matmul(voltages, block.conductance[index, sign, ...].T) for sign in signs]
    if plan.interleaved:
        currents = [currents[0] - currents[1]]
    currents = [_saturate(current, plan.saturation) for current in currents]
    if plan.analog_subtraction and len(currents) == 2:
        currents = [currents[0] - currents[1]]
    digital = [_digitise(current, plan.adcs[index], noise) for current in currents]
    return digital[0] - digital[1] if len(digital) == 2 else digital[0]


def _saturate(current: Array, limit: float) -> Array:
    return array_namespace(current).clip(current, -limit, limit) if limit > 0 else current


def _digitise(current: Array, adc: AdcModel | None, noise: NoiseSource | None) -> Array:
    return current if adc is None else adc.convert(current, axis=-1, noise=noise)
