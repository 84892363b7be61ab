"""Which data type a product comes back in."""

import warnings
from math import nextafter

import numpy as np

from crosssim_core._array import array_namespace, is_complex
from crosssim_core.errors import CrossSimWarning, OperationError
from crosssim_core.parameters import OutputDType
from crosssim_core.typing import Array, DType


def output_dtype(rule: OutputDType, matrix: DType, vector: Array) -> DType:
    """Data type of the product of a matrix of type ``matrix`` with ``vector``.

    Source: CrossSim parameter ``core.output_dtype``; NATIVE promotes like the array library, and
    like NumPy where the library refuses to promote integers with floating-point numbers.
    """
    xp = array_namespace(vector)
    match rule:
        case OutputDType.NATIVE:
            try:
                return xp.result_type(matrix, vector.dtype)
            except TypeError:
                return getattr(xp, np.result_type(_name(matrix), _name(vector.dtype)).name)
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

    Raises:
        OperationError: A value is not a number, and the type is an integer one.
    """
    xp = array_namespace(y)
    if y.dtype == dtype:
        return y
    if is_complex(y):
        if xp.isdtype(dtype, "complex floating"):
            return xp.astype(y, dtype)
        warnings.warn(
            f"A complex product is returned as {dtype}: imaginary parts are dropped.",
            CrossSimWarning,
            stacklevel=5,
        )
        y = xp.real(y)
    if xp.isdtype(dtype, "bool"):
        return xp.round(y) != 0
    if xp.isdtype(dtype, "integral"):
        y = _fit(xp.round(y), dtype)
    return xp.astype(y, dtype)


def assigned(value: Array, dtype: DType) -> Array:
    """Real ``value`` as NumPy stores it in an array of type ``dtype``: integers are cut off.

    Returns:
        Values in float64; beyond an integer type those of its ends.

    Warns:
        CrossSimWarning: A value is out of the range of an integer type.

    Raises:
        OperationError: A value is not a number, and the type is an integer one.
    """
    xp = array_namespace(value)
    exact = xp.astype(value, xp.float64)
    if xp.isdtype(dtype, "bool"):
        return xp.astype(exact != 0, xp.float64)
    if xp.isdtype(dtype, "integral"):
        return _fit(xp.trunc(exact), dtype)
    return xp.astype(xp.astype(exact, dtype), xp.float64)


def _name(dtype: DType) -> str:
    return str(dtype).rpartition(".")[2]


def _fit(y: Array, dtype: DType) -> Array:
    xp = array_namespace(y)
    if bool(xp.any(xp.isnan(y))):
        raise OperationError(
            f"A value is not a number (NaN), and {dtype} has none for that: choose another "
            "core.output_dtype, or data type of the matrix."
        )
    ends = xp.iinfo(dtype)
    top = float(ends.max)
    # The last float64 that fits: 2**63 - 1 itself is none.
    fitted = xp.clip(y, float(ends.min), top if top <= ends.max else nextafter(top, 0.0))
    if bool(xp.any(fitted != y)):
        warnings.warn(
            f"Values exceed the range of {dtype} and were set to its ends; choose another "
            "core.output_dtype, or data type of the matrix.",
            CrossSimWarning,
            stacklevel=6,
        )
    return fitted
