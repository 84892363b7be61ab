"""Elementwise chains as single GPU kernels, for Triton to compile.

Each is what `TorchArithmetic` does in several passes over memory. Tensors are float32, of
``count`` elements that lie in one piece.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, import-not-found"

import triton
from triton import language as tl

BLOCK = 1024
"""Elements of one program, of which there are as many as it takes."""
INTEGERS = tl.constexpr(1.5 * 2.0**23)
"""Numbers of up to 22 bits lose their fraction when it is added, by rounding halves to even."""


@triton.jit
def rounded_kernel(x, count, factor, offset, top, origin, y, block: tl.constexpr):
    """``y``: the nearest integers of ``0 … top`` to ``offset + factor * x``, minus ``origin``.

    ``y`` may be ``x``.
    """
    place = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = place < count
    position = tl.load(x + place, mask=inside) * factor + offset
    position = tl.clamp(position, 0.0, top, propagate_nan=tl.PropagateNan.ALL)
    code = (position + INTEGERS) - INTEGERS
    tl.store(y + place, code - origin, mask=inside)


@triton.jit
def noisy_kernel(lines, count, variance, key, block: tl.constexpr):
    """Add to ``lines`` independent normal deviates of this variance; negative ones count as 0.

    The generator is Philox, whose key is the integer that ``key`` points to.
    """
    quarter: tl.constexpr = block // 4
    first = tl.program_id(0).to(tl.int64) * quarter + tl.arange(0, quarter)
    drawn = tl.randn4x(tl.load(key), first)
    start = tl.program_id(0).to(tl.int64) * block + tl.arange(0, quarter)
    for part in tl.static_range(4):
        place = start + part * quarter
        inside = place < count
        own = tl.load(variance + place, mask=inside)
        deviation = tl.sqrt(tl.maximum(own, 0.0, propagate_nan=tl.PropagateNan.ALL))
        noise = deviation * drawn[part]
        tl.store(lines + place, tl.load(lines + place, mask=inside) + noise, mask=inside)
