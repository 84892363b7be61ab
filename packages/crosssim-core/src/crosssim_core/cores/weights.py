"""From the values of a matrix to weights within full scale."""

from math import inf, isnan, prod

from jaxtyping import Float

from crosssim_core._array import array_namespace, is_complex
from crosssim_core.chain.block import WeightRange
from crosssim_core.errors import ParameterError, UnsupportedError
from crosssim_core.numerics.complexes import clip_blocks
from crosssim_core.numerics.limits import symmetric_limit
from crosssim_core.parameters import CoreParameters, WeightMappingParameters
from crosssim_core.typing import Array


def weight_range(
    matrix: Float[Array, "outputs inputs"], mapping: WeightMappingParameters
) -> WeightRange:
    """Values that the ends of the weight scale stand for, when ``matrix`` is programmed.

    Raises:
        ParameterError: ``matrix`` has NaN, for which no conductance stands; or they follow from
            it, and it has infinite values.

    Source: CrossSim parameters ``core.mapping.weights.{min,max,percentile}``.
    """
    if mapping.percentile is None:
        check_numbers(matrix)
        assert mapping.min is not None
        assert mapping.max is not None
        return WeightRange(mapping.min, mapping.max)
    limit, xp = symmetric_limit(matrix, percentile=mapping.percentile), array_namespace(matrix)
    if isnan(limit):
        check_numbers(matrix)
    # Quantiles may leave them out.
    if limit == inf or (mapping.percentile < 1 and bool(xp.any(xp.isinf(matrix)))):
        raise ParameterError(
            f"percentile is {mapping.percentile:g} and the matrix has infinite values, so there "
            "are no limits: give core.mapping.weights.min and max, or a finite matrix.",
            "core.mapping.weights",
        )
    return WeightRange(-limit, limit)


def check_numbers(matrix: Float[Array, "outputs inputs"]) -> None:
    """No conductance stands for NaN.

    Raises:
        ParameterError: There is one in ``matrix``.
    """
    xp = array_namespace(matrix)
    lost = xp.isnan(matrix)
    if bool(xp.any(lost)):
        count = int(xp.sum(xp.astype(lost, xp.int64)))
        raise ParameterError(
            f"{count} of the {prod(matrix.shape)} values of the matrix are not numbers (NaN), "
            "and no conductance stands for that. In a trained network it means that training has "
            "diverged.",
            "core.mapping.weights",
        )


def check_real(x: Array) -> None:
    """One array holds real weights and takes real inputs."""
    if is_complex(x):
        raise UnsupportedError(
            f"An analog layer holds real weights and takes real inputs, got {x.dtype}: use "
            "AnalogCore with core.complex_matrix and core.complex_input for complex products."
        )


def check_holds_zero(limits: WeightRange) -> None:
    """Structural zeros need cells that can hold them."""
    if not limits.low <= 0 <= limits.high:
        raise ParameterError(
            f"min ({limits.low:g}) and max ({limits.high:g}) do not enclose 0, which the matrix of "
            "a layer with groups holds where no weight is.",
            "core.mapping.weights",
        )


def weights_within(
    matrix: Float[Array, "outputs inputs"], limits: WeightRange, core: CoreParameters
) -> Float[Array, "outputs inputs"]:
    """Weights in [-1, 1] that stand for ``matrix``; beyond them there is no conductance.

    Args:
        matrix: Real values, of a complex matrix its real blocks; left unchanged.
        limits: Values that the ends of the weight scale stand for.
        core: Tells whether to clip, and whether ``matrix`` stands for a complex one.

    Raises:
        ParameterError: A value exceeds the limits and ``clipping`` is off.
    """
    xp = array_namespace(matrix)
    clipping = core.mapping.weights.clipping
    if not clipping and bool(xp.any((matrix < limits.low) | (matrix > limits.high))):
        raise ParameterError(
            "the matrix has values beyond the weight limits, which no conductance can hold: widen "
            "the limits, or set clipping = True.",
            "core.mapping.weights.clipping",
        )
    if clipping and limits.middle and core.holds_complex:
        matrix = clip_blocks(matrix, low=limits.low, high=limits.high)
    around = matrix - limits.middle if limits.middle else matrix
    return xp.clip(around / limits.half, -1.0, 1.0)
