"""Writing some cells of programmed arrays again, and touching no other."""

import warnings

from jaxtyping import Bool, Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.block import WeightRange
from crosssim_core.cores.plan import ArrayPart, ArrayPlan, ArrayState
from crosssim_core.cores.weights import check_numbers, weights_within
from crosssim_core.errors import CrossSimWarning
from crosssim_core.typing import Array

ROUND_OFF = 1e-12
"""Excess over the limits that is round-off, over half their distance [1]."""


def reprogrammed(
    plan: ArrayPlan,
    state: ArrayState,
    matrix: Float[Array, "outputs inputs"],
    addressed: Bool[Array, "outputs inputs"],
    *,
    occasion: int,
) -> ArrayState:
    """The state after the addressed cells were written again.

    They get fresh errors, in all slices and both signs. Every other conductance, those of unit
    lines included, stays bit for bit what it was. Limits are those of ``state``.

    Args:
        plan: The arrays.
        state: What they hold; left unchanged.
        matrix: Real values that all cells are meant to hold, the new ones included.
        addressed: Which of them to write.
        occasion: Number of this programming, unlike that of any other.

    Raises:
        ParameterError: An addressed value is NaN, or exceeds the limits and ``clipping`` is off.

    Warns:
        CrossSimWarning: An addressed value exceeds the limits, and was set to them.
        ParameterWarning: Cells hold what a device model was not measured at.
    """
    check_numbers(matrix)
    core = plan.params[0].core
    if core.mapping.weights.clipping:
        _warn_beyond(matrix, addressed, state.weights)
    weights = weights_within(matrix, state.weights, core)
    arrays = (
        _reprogrammed(
            part,
            held,
            weights[part.outputs, part.inputs],
            addressed[part.outputs, part.inputs],
            occasion,
        )
        for part, held in zip(plan.arrays, state.conductance, strict=True)
    )
    return ArrayState(state.weights, tuple(arrays))


def _reprogrammed(
    part: ArrayPart, held: Array, weights: Array, addressed: Array, occasion: int
) -> Array:
    """Conductances of one array, with new ones in the addressed cells."""
    xp = array_namespace(held)
    if not bool(xp.any(addressed)):
        return held
    target = part.mapping.conductances(weights)
    written = part.writer.write(target, noise=part.noise(occasion))
    if part.mapping.unit_line:
        addressed = _after_unit_lines(addressed)
    now = xp.where(addressed, xp.astype(written, held.dtype), held)
    part.writer.warn(now)
    return now


def _after_unit_lines(addressed: Array) -> Array:
    """The mask for an array with unit lines, of which none is addressed."""
    xp = array_namespace(addressed)
    below = xp.concat((xp.zeros_like(addressed[:, :1]), addressed), axis=1)
    return xp.concat((xp.zeros_like(below[:1, :]), below), axis=0)


def _warn_beyond(matrix: Array, addressed: Array, limits: WeightRange) -> None:
    xp, slack = array_namespace(matrix), ROUND_OFF * limits.half
    beyond = (matrix < limits.low - slack) | (matrix > limits.high + slack)
    if bool(xp.any(beyond & addressed)):
        warnings.warn(
            f"Values beyond the weight limits [{limits.low:g}, {limits.high:g}] of the last "
            "programming of the whole matrix were set to these limits. Assign the whole matrix, "
            "or set core.mapping.weights.min and max, to make room for them.",
            CrossSimWarning,
            stacklevel=5,
        )
