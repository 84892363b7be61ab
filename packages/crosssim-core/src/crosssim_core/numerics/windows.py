"""Padding and sliding windows over images of any number of dimensions."""

from collections.abc import Sequence
from math import prod
from typing import Literal

from jaxtyping import Shaped

from crosssim_core._array import array_namespace, device_of
from crosssim_core.errors import ShapeError
from crosssim_core.typing import Array

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


def pad_image(
    x: Shaped[Array, "batch channels *image"],
    /,
    *,
    widths: Sequence[tuple[int, int]],
    mode: PaddingMode = "zeros",
) -> Shaped[Array, "batch channels *padded"]:
    """``x`` with so many more elements before and after each image axis.

    Args:
        x: Images; left unchanged.
        widths: Elements before and after, for each image axis.
        mode: What they hold, in the terms of ``torch.nn.Conv2d``.

    Raises:
        ShapeError: The image is too small to be reflected or wrapped that far.
    """
    xp = array_namespace(x)
    for axis, (before, after) in enumerate(widths, start=2):
        if before == after == 0:
            continue
        size = x.shape[axis]
        if mode == "zeros":
            shape = list(x.shape)
            ends = []
            for width in (before, after):
                shape[axis] = width
                ends.append(xp.zeros(tuple(shape), dtype=x.dtype, device=device_of(x)))
            x = xp.concat((ends[0], x, ends[1]), axis=axis)
        else:
            index = [_source(i, size, mode) for i in range(-before, size + after)]
            x = xp.take(x, xp.asarray(index, dtype=xp.int64, device=device_of(x)), axis=axis)
    return x


def _source(position: int, size: int, mode: PaddingMode) -> int:
    """Element of an axis of ``size`` that is seen at ``position``, which may lie outside."""
    if mode == "replicate":
        source = min(max(position, 0), size - 1)
    elif mode == "circular":
        source = position % size if -size <= position < 2 * size else -1
    else:
        source = -position if position < 0 else min(position, 2 * (size - 1) - position)
    if not 0 <= source < size:
        raise ShapeError(f"Padding mode {mode!r} cannot reach position {position} of {size}.")
    return source


def window_counts(
    image: Sequence[int], *, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[int, ...]:
    """Positions of the kernel along each axis of an image that is already padded.

    Raises:
        ShapeError: The kernel does not fit into the image.
    """
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if any(n < r for n, r in zip(image, reach, strict=True)):
        raise ShapeError(
            f"A kernel that spans {reach} does not fit into an image of {tuple(image)}."
        )
    return tuple((n - r) // s + 1 for n, r, s in zip(image, reach, stride, strict=True))


def windows(
    x: Shaped[Array, "batch channels *image"],
    /,
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Shaped[Array, "batch positions elements"]:
    """Every window of ``x`` as a vector (im2col).

    Args:
        x: Images, already padded; left unchanged.
        kernel: Elements of the window along each image axis.
        stride: Distance of neighbouring windows, likewise.
        dilation: Distance of neighbouring elements, likewise.

    Returns:
        Positions in row-major order; elements ordered by channel, then row-major over the
        kernel.
    """
    xp = array_namespace(x)
    batch, channels, *image = x.shape
    counts = window_counts(image, kernel=kernel, stride=stride, dilation=dilation)
    for i, (count, k, s, d) in enumerate(zip(counts, kernel, stride, dilation, strict=True)):
        axis = 2 + 2 * i
        index = [s * position + d * offset for position in range(count) for offset in range(k)]
        x = xp.take(x, xp.asarray(index, dtype=xp.int64, device=device_of(x)), axis=axis)
        x = xp.reshape(x, (*x.shape[:axis], count, k, *x.shape[axis + 1 :]))
    axes = range(len(counts))
    order = (0, *(2 + 2 * i for i in axes), 1, *(3 + 2 * i for i in axes))
    return xp.reshape(xp.permute_dims(x, order), (batch, prod(counts), channels * prod(kernel)))
