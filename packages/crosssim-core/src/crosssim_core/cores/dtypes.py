"""Which data type a product comes back in."""

import warnings

from crosssim_core._array import array_namespace
from crosssim_core.errors import CrossSimWarning
from crosssim_core.parameters import OutputDType
from crosssim_core.typing import Array, DType


def output_dtype(rule: OutputDType, matrix: DType, vector: Array) -> DType:
    """Data type of the product of a matrix of type ``matrix`` with ``vector``.

    Source: CrossSim parameter ``core.output_dtype``; NATIVE promotes like the array library.
    """
    xp = array_namespace(vector)
    match rule:
        case OutputDType.NATIVE:
            return xp.result_type(matrix, vector.dtype)
        case OutputDType.MATRIX:
            return matrix
        case OutputDType.INPUT:
            return vector.dtype
        case _:
            return getattr(xp, rule.name.lower())


def cast(y: Array, dtype: DType) -> Array:
    """``y`` in ``dtype``; integers are rounded to the nearest and never wrap around.

    Warns:
        CrossSimWarning: A value is out of the range of an integer type, and was set to its end;
            or imaginary parts were dropped.
    """
    xp = array_namespace(y)
    if y.dtype == dtype:
        return y
    if xp.isdtype(y.dtype, "complex floating"):
        if xp.isdtype(dtype, "complex floating"):
            return xp.astype(y, dtype)
        warnings.warn(
            f"A complex product is returned as {dtype}: imaginary parts are dropped.",
            CrossSimWarning,
            stacklevel=4,
        )
        y = xp.real(y)
    if xp.isdtype(dtype, "integral"):
        y = _fit(xp.round(y), dtype)
    return xp.astype(y, dtype)


def _fit(y: Array, dtype: DType) -> Array:
    xp = array_namespace(y)
    ends = xp.iinfo(dtype)
    fitted = xp.clip(y, float(ends.min), float(ends.max))
    if bool(xp.any(fitted != y)):
        warnings.warn(
            f"Products exceed the range of {dtype} and were set to its ends; choose another "
            "core.output_dtype.",
            CrossSimWarning,
            stacklevel=5,
        )
    return fitted
