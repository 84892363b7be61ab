"""Capacitive DACs inside converters: the level of each code, with mismatch and finite gain.

A capacitor of nominally ``u`` units has ``u + m sqrt(u)``, where ``m`` is its mismatch. Levels are
in the unit of the reference voltage ``V``; ``A`` is the gain of the amplifier, ``B`` the bits.

Source: M. Spear, J. E. Kim, C. H. Bennett, S. Agarwal, M. J. Marinella, T. P. Xiao, "The Impact of
Analog-to-Digital Converter Architecture and Variability on Analog Neural Network Accuracy", IEEE
J. Exploratory Solid-State Comput. Devices and Circuits, 2023.
"""

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


def symmetric_levels(mismatch: Real, *, bits: int, reference: float, gain: float) -> Real:
    """Levels of a DAC that works outward from zero.

    With ``k = c - 2**(B-1)`` the level of code ``c`` is ``(sgn(k) V Σ / C + V / 2**B) / D``,
    where ``Σ`` is the sum of the capacitors that ``|k|`` switches on, ``C`` the largest of them
    and ``D`` the gain error.

    Args:
        mismatch: Mismatch of the capacitors, shape ``(…, B + 1)`` [1]; the last one is the
            feedback capacitor.
        bits: Resolution ``B`` [bit].
        reference: Reference voltage ``V``.
        gain: Gain ``A`` [1].

    Returns:
        Levels, shape ``(…, 2**B)``.
    """
    switched = capacitors(mismatch[..., :-1], np.arange(bits))
    feedback = capacitors(mismatch[..., -1:], np.array([bits - 1]))
    k = np.arange(2**bits) - 2 ** (bits - 1)
    total = switched @ binary(abs(k), bits)
    level = _sign(k) * reference * total / switched[..., -1:] + reference / 2**bits
    return np.asarray(level / (1 + (feedback + total) / feedback / gain))


def asymmetric_levels(mismatch: Real, *, bits: int, reference: float, gain: float) -> Real:
    """Levels of a DAC that works upward from the lower end of the range.

    The level of code ``c`` is ``(2 V Σ / C - V (2**B - 1) / 2**B) / D``, with the sum ``Σ`` of
    the capacitors that ``c`` switches on and the feedback capacitor ``C``. Arguments and result
    as in `symmetric_levels`.
    """
    switched = capacitors(mismatch[..., :-1], np.arange(bits))
    feedback = capacitors(mismatch[..., -1:], np.array([bits]))
    total = switched @ binary(np.arange(2**bits), bits)
    level = 2 * reference * total / feedback - reference * (2**bits - 1) / 2**bits
    return np.asarray(level / (1 + (feedback + total) / feedback / gain))


def split_levels(mismatch: Real, *, bits: int, reference: float, gain: float) -> Real:
    """Levels of a DAC of two arrays that a bridge capacitor joins.

    The lower ``H = B // 2`` bits switch one array, which has a dummy capacitor of one unit, all
    but one of the others the second; the bridge has ``2**H / (2**H - 1)`` units.

    Args:
        mismatch: Mismatch of the capacitors, shape ``(…, B + 1)`` [1]; the last two are the
            dummy and the bridge.
        bits: Resolution ``B`` [bit], at least 2.
        reference: Reference voltage ``V``.
        gain: Gain ``A`` [1].

    Returns:
        Levels, shape ``(…, 2**B)``.
    """
    half = bits // 2
    lower = capacitors(mismatch[..., :half], np.arange(half))
    upper = capacitors(mismatch[..., half : bits - 1], np.arange(bits - 1 - half))
    dummy = 1 + mismatch[..., bits - 1 : bits]
    units = 2**half / (2**half - 1)
    bridge = units + mismatch[..., bits:] * units**0.5
    all_lower = dummy + lower.sum(axis=-1, keepdims=True)
    all_upper = upper.sum(axis=-1, keepdims=True)

    k = np.arange(2**bits) - 2 ** (bits - 1)
    digits = binary(abs(k), bits - 1)
    share = bridge * (lower @ digits[:half]) + (all_lower + bridge) * (upper @ digits[half:])
    share = share / ((all_lower + bridge) * (all_upper + bridge) - bridge**2)
    # The lowest code connects every capacitor to the reference.
    share[..., 0] = 1.0
    return np.asarray((_sign(k) * reference * share + reference / 2**bits) / (1 + 1 / gain))


def capacitors(mismatch: Real, exponents: NDArray[np.int64]) -> Real:
    """Capacitors of nominally ``2**exponents`` units."""
    units = 2.0**exponents
    return np.asarray(units + mismatch * np.sqrt(units))


def binary(numbers: NDArray[np.int64], bits: int) -> Real:
    """Binary digits of ``numbers``, shape ``(bits, numbers)``, the least significant first."""
    return ((numbers >> np.arange(bits)[:, None]) & 1).astype(np.float64)


def _sign(k: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(k < 0, -1, 1)
