"""Numbers cut into digits, least significant first."""

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.typing import Array


def digit_count(bits: int, size: int) -> int:
    """Digits of ``size`` bits that hold ``bits`` bits."""
    return -(-bits // size)


def digit(z: Float[Array, "*batch"], k: int, /, *, bits: int, size: int) -> Float[Array, "*batch"]:
    """Digit ``k`` of the voltages ``z``, over the largest digit, with the sign of ``z``.

    Args:
        z: Voltages in [-1, 1], multiples of ``1 / (2**bits - 1)``; left unchanged.
        k: Position, 0 being the least significant.
        bits: Magnitude bits of ``z`` [bit].
        size: Bits of one digit [bit].

    Source: CrossSim parameter ``xbar.dac.mvm.input_bitslicing``.
    """
    xp = array_namespace(z)
    magnitude = xp.round(xp.abs(z) * (2**bits - 1))
    own = xp.floor(magnitude / 2 ** (size * k)) % 2**size / (2**size - 1)
    # The sign of the standard looks for NaN in a way that PyTorch cannot map over samples.
    return xp.where(z < 0, -own, own)


def digit_weight(k: int, /, *, bits: int, size: int) -> float:
    """Factor of digit ``k`` in the sum of digits that makes up the voltage."""
    return float((2**size - 1) * 2 ** (size * k) / (2**bits - 1))
