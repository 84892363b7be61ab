"""Converter ranges from profiled values, by the names and formulas of CrossSim.

Values may be an array of any library, or a `Distribution`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import floor, log2
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from scipy.optimize import minimize

from crosssim_core._array import is_array
from crosssim_core.errors import ParameterError
from crosssim_core.numerics.best_ranges import Range, quantization_error
from crosssim_core.numerics.distribution import Distribution, Histogram, Host, Values
from crosssim_core.typing import Array

Sample = Distribution | Shaped[Array, "*shape"]

START = -4.0
"""Decimal exponent of the share outside a range, where searches for the best one begin."""

TOLERANCE = 0.1
"""Accuracy of such exponents, and of the errors that are minimized."""


def quantizationError_ReLU(eta: float, x: Sample, Nbits: int, norm_ord: float = 1.0) -> float:
    """Error on ``[0, Q_P(x)]`` with ``P = 100 (1 − 10**eta)``, for values that are not negative."""
    found = distribution(x)
    high = found.quantile(_fraction(1.0 - 10.0 ** float(eta)))
    return quantization_error(found, low=0.0, high=high, levels=2**Nbits, norm=norm_ord)


def quantizationError_minMax(
    etas: Sequence[float], x: Sample, Nbits: int, norm_ord: float = 1.0
) -> float:
    """Error on ``[Q_P1(x), Q_P2(x)]``, ``P1 = 100·10**etas[0]``, ``P2 = 100 (1 − 10**etas[1])``."""
    found = distribution(x)
    low, high = (found.quantile(f) for f in _tails(etas))
    return quantization_error(found, low=low, high=high, levels=2**Nbits, norm=norm_ord)


def calibrate_input_limits(
    all_xbar_inputs: Sequence[Sample], Nbits: int = 0, norm_ord: float = 1.0
) -> Float[Host, "layers 2"]:
    """Ranges ``[0, x_max]`` of inputs that are not negative, layer by layer.

    Args:
        all_xbar_inputs: What ``get_profiled_xbar_inputs`` returns.
        Nbits: Resolution of the DACs [bit]; 0 takes the largest input.
        norm_ord: Order of the norm of the error that is minimized.

    Raises:
        ParameterError: The inputs of a layer were not recorded.
    """
    limits = []
    for found in map(distribution, all_xbar_inputs):
        if Nbits == 0:
            limits.append(found.high)
            continue
        error = partial(quantizationError_ReLU, x=found, Nbits=Nbits, norm_ord=norm_ord)
        (eta,) = _minimize(lambda etas, of=error: of(etas[0]), 1)  # type: ignore[misc]
        limits.append(found.quantile(_fraction(1.0 - 10.0 ** float(eta))))
    return np.array([(0.0, limit) for limit in limits]).reshape(-1, 2)


def optimize_adc_limits_unsliced(
    adc_inputs: Sample, Nbits: int = 0, norm_ord: float = 1.0
) -> Float[Host, " 2"]:
    """Range of the ADCs of a layer without weight slices; input digits are pooled.

    Args:
        adc_inputs: Currents before the ADCs.
        Nbits: Resolution of the ADCs [bit]; 0 takes the smallest and the largest current.
        norm_ord: Order of the norm of the error that is minimized.
    """
    found = distribution(adc_inputs)
    if Nbits == 0:
        return np.array((found.low, found.high))
    etas = _minimize(lambda etas: quantizationError_minMax(etas, found, Nbits, norm_ord), 2)
    return np.array([found.quantile(f) for f in _tails(etas)])


def optimize_adc_limits_bitsliced(
    adc_inputs: Sequence[Sample], Nrows: int = 1, pct: float = 99.99
) -> Float[Host, "slices 2"]:
    """Ranges of the ADCs of a layer with weight slices, ``±Nrows`` over powers of 2.

    The power is the largest for which the percentiles ``pct`` and ``100 − pct`` of a slice lie
    inside. Where no current is negative, the lower end is 0.

    Args:
        adc_inputs: Currents before the ADCs of each slice.
        Nrows: Inputs of the whole matrix [1].
        pct: Percentile [%].

    Raises:
        ParameterError: All currents of a slice are 0.
    """
    found = [distribution(values) for values in adc_inputs]
    ranges = []
    for index, values in enumerate(found):
        fractions = (1.0 - pct / 100.0, pct / 100.0)
        largest = max(abs(values.quantile(f)) for f in fractions)
        if largest == 0:
            raise ParameterError(f"All currents of slice {index} are 0: they tell no range.")
        limit = Nrows / 2.0 ** floor(log2(Nrows / largest))
        ranges.append((0.0 if all(v.low >= 0 for v in found) else -limit, limit))
    return np.array(ranges)


def distribution(x: Any, /) -> Distribution:
    """How the values of an array, or of nested lists, are distributed.

    Raises:
        ParameterError: There are no values.
    """
    if x is None:
        raise ParameterError("The values of a layer were not recorded: switch profiling on.")
    known = isinstance(x, Values | Histogram)
    found: Distribution = x if known else Values(x if is_array(x) else np.asarray(x))
    if not found.count:
        raise ParameterError("There are no values to choose a range from.")
    return found


def _tails(etas: Any) -> Range:
    return _fraction(10.0 ** float(etas[0])), _fraction(1.0 - 10.0 ** float(etas[1]))


def _fraction(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _minimize(error: Callable[[Any], float], count: int) -> Float[Host, " count"]:
    """As CrossSim looks for the best percentiles."""
    found = minimize(error, [START] * count, method="Nelder-Mead", tol=TOLERANCE)
    return np.asarray(found.x)
