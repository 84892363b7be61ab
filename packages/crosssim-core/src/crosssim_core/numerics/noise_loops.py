"""Read noise as a loop that Numba compiles: drawn, scaled and added in one pass over memory.

Without Numba this function runs as well, a thousand times slower.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Float32

Numbers = np.ndarray[Any, np.dtype[Any]]

COUNTERS = 512
"""Counters whose four numbers are made at once, so that the nearest cache holds them."""


def add_noise_loops(
    lines: Float32[Numbers, " elements"], variance: Float32[Numbers, " elements"], key: int
) -> None:
    """Add to ``lines`` independent normal deviates of this variance; negative ones count as 0.

    Source: Philox4x32-10 of J. K. Salmon et al., SC'11, doi:10.1145/2063384.2063405, whose
    counters start at 0; G. E. P. Box and M. E. Muller, doi:10.1214/aoms/1177706645.

    Args:
        lines: Overwritten.
        variance: Left unchanged.
        key: Of the generator, from 0 to 2**63 - 1; each gives deviates of its own.
    """
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    bits = np.empty((4, COUNTERS), np.uint32)
    signed = bits.view(np.int32)
    deviates = np.empty((4, COUNTERS), np.float32)
    exponents = deviates.view(np.int32)
    one, two, root = np.float32(1.0), np.float32(2.0), np.int32(0x3F3504F3)  # Bits of 1/√2.
    for start in range(0, lines.size, 4 * COUNTERS):
        for i in range(COUNTERS):
            a, b, c, d = np.uint64(start // 4 + i), np.uint64(0), np.uint64(0), np.uint64(0)
            first, second = np.uint64(key) & low, np.uint64(key) >> half
            for _ in range(10):
                p, q = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
                a, b, c, d = (q >> half) ^ b ^ first, q & low, (p >> half) ^ d ^ second, p & low
                first = (first + np.uint64(0x9E3779B9)) & low
                second = (second + np.uint64(0xBB67AE85)) & low
            bits[0, i], bits[1, i] = np.uint32(a), np.uint32(b)
            bits[2, i], bits[3, i] = np.uint32(c), np.uint32(d)
        for pair in range(2):
            x, y = deviates[pair], deviates[pair + 2]
            for i in range(COUNTERS):
                # Uniform within 0 and 1, and neither of them, but for rounding to 1.
                x[i] = (np.float32(bits[pair, i]) + np.float32(0.5)) * np.float32(2.0**-32)
            for i in range(COUNTERS):
                # Split into a power of two and a factor between 1/√2 and √2.
                above = exponents[pair, i] - root
                y[i] = np.float32(above >> np.int32(23))
                exponents[pair, i] = (above & np.int32(0x7FFFFF)) + root
            for i in range(COUNTERS):
                # Twice the inverse hyperbolic tangent is the logarithm of the factor.
                s = (x[i] - one) / (x[i] + one)
                t = s * s
                u = np.float32(1 / 5) + t * (np.float32(1 / 7) + t * np.float32(1 / 9))
                u = one + t * (np.float32(1 / 3) + t * u)
                logarithm = two * s * u + y[i] * np.float32(math.log(2.0))
                radius = np.float32(math.sqrt(-two * logarithm))
                # An angle of the quarter turn around 0, and two bits that say which quarter it is.
                angle = np.float32(signed[pair + 2, i] >> np.int32(2))
                angle *= np.float32(math.pi * 2.0**-31)
                t = angle * angle
                u = np.float32(1 / 120) - t * (np.float32(1 / 5040) - t * np.float32(1 / 362880))
                sine = one - t * (np.float32(1 / 6) - t * u)
                u = np.float32(1 / 24) - t * (np.float32(1 / 720) - t * np.float32(1 / 40320))
                cosine = one - t * (np.float32(1 / 2) - t * u)
                sine *= radius * angle
                cosine *= radius if bits[pair + 2, i] & np.uint32(2) else -radius
                across = bits[pair + 2, i] & np.uint32(1)
                x[i], y[i] = (sine, cosine) if across else (cosine, sine)
        drawn = deviates.reshape(-1)
        for i in range(min(4 * COUNTERS, lines.size - start)):
            own = variance[start + i]
            own = np.float32(0.0) if own < 0 else own
            lines[start + i] += np.float32(math.sqrt(own)) * drawn[i]
