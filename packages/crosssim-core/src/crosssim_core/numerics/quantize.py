"""Rounding to equidistant levels, the core of every plain converter."""

from typing import Any

import numpy as np
from jaxtyping import Float

from crosssim_core._array import array_namespace, is_floating, rounded
from crosssim_core.typing import Array


def quantize_uniform(
    x: Float[Array, "*shape"], /, *, low: float, high: float, levels: int
) -> Float[Array, "*shape"]:
    """Round to the nearest of ``levels`` equidistant levels on ``[low, high]``.

    Args:
        x: Signal in the unit of the range; left unchanged. Values outside the range go to its
            ends. Integers are converted to the default real data type.
        low: Level of code 0.
        high: Level of code ``levels - 1``, above ``low``.
        levels: Number of levels [1], at least 2.

    Returns:
        Signal that the code stands for. Library, device and data type of ``x``; data types
        shorter than 32 bits are computed in float32. Ties go to the even code; NaN stays NaN.

    Source: CrossSim models ``QuantizerADC`` and ``QuantizerDAC``; the order of operations is
        theirs, which makes the results agree to the last bit.
    """
    per_unit = (levels - 1) / (high - low)
    code = rounded(_position(x, low, high, per_unit))
    return _as_signal(code, x, low, per_unit)


def quantize_stochastic(
    x: Float[Array, "*shape"],
    /,
    *,
    low: float,
    high: float,
    levels: int,
    noise: Float[Array, "*shape"],
) -> Float[Array, "*shape"]:
    """Round to a neighbouring level, up with a probability equal to the fraction of the step.

    Args:
        x: Signal in the unit of the range; left unchanged.
        low: Level of code 0.
        high: Level of code ``levels - 1``, above ``low``.
        levels: Number of levels [1], at least 2.
        noise: Uniform deviates of [0, 1), one for each element of ``x``.

    Returns:
        As `quantize_uniform`; the mean over ``noise`` is ``x`` inside the range.

    Source: CrossSim parameter ``stochastic_rounding``.
    """
    xp = array_namespace(x)
    per_unit = (levels - 1) / (high - low)
    position = _position(x, low, high, per_unit)
    below = xp.floor(position)
    up = xp.astype(noise < position - below, position.dtype)
    return _as_signal(below + up, x, low, per_unit)


def position_of_zero(*, low: float, high: float, levels: int, bits: int) -> float:
    """Where the signal 0 lies on the range, in steps from ``low``.

    It is often a tie, and then rounding decides. So it is rounded as `quantize_uniform` rounds it:
    in the arithmetic of ``bits`` bits, and of 32 for shorter ones.
    """
    real: type[np.floating[Any]] = np.float64 if bits == 64 else np.float32
    return float((real(0.0) - real(low)) * real((levels - 1) / (high - low)))


def _position(x: Array, low: float, high: float, per_unit: float) -> Array:
    """Where ``x`` lies on the range, in steps from ``low``; a new array."""
    xp = array_namespace(x)
    if not is_floating(x):
        x = xp.astype(x, xp.asarray(0.0).dtype)
    elif xp.finfo(x.dtype).bits < 32:
        x = xp.astype(x, xp.float32)
    position = xp.clip(x, low, high)
    position -= low
    position *= per_unit
    return position


def _as_signal(code: Array, x: Array, low: float, per_unit: float) -> Array:
    """Signal of ``code``, which is overwritten, in the data type of ``x``."""
    code /= per_unit
    code += low
    if is_floating(x) and code.dtype != x.dtype:
        return array_namespace(x).astype(code, x.dtype)
    return code
