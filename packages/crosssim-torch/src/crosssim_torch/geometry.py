"""The geometry of convolutions as stock layers take it, whenever it was assigned."""

from typing import Any

from torch import nn

from crosssim_core.errors import ParameterError
from crosssim_core.layers.checks import check_axes


def each_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """``value`` for each image axis; a single one serves all, as in stock convolutions."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return values * axes if len(values) == 1 else values


def padding_of(conv: nn.modules.conv._ConvNd) -> tuple[tuple[int, int], ...]:
    """Elements before and after, for each image axis.

    Stock convolutions pad zeros by ``padding`` as it is now, and other values by what it was when
    they were made.

    Raises:
        ParameterError: ``padding`` is ``"same"`` with a stride, or another word; or steps and
            sizes are no numbers.
    """
    if conv.padding_mode != "zeros":
        amounts = conv._reversed_padding_repeated_twice
        return tuple(zip(amounts[-2::-2], amounts[-1::-2], strict=True))
    axes = len(conv._reversed_padding_repeated_twice) // 2
    if not isinstance(conv.padding, str):
        return tuple((n, n) for n in each_axis(conv.padding, axes))
    if conv.padding == "valid":
        return ((0, 0),) * axes
    steps = each_axis(conv.stride, axes)
    check_axes(1, axes, stride=steps)
    if conv.padding != "same" or any(step != 1 for step in steps):
        raise ParameterError(
            f"must be numbers, 'valid', or 'same' with stride 1; got {conv.padding!r} with stride "
            f"{conv.stride}.",
            "padding",
        )
    dilation, kernel = each_axis(conv.dilation, axes), each_axis(conv.kernel_size, axes)
    check_axes(1, axes, dilation=dilation, kernel_size=kernel)
    reaches = zip(dilation, kernel, strict=True)
    totals = [step * (size - 1) for step, size in reaches]
    return tuple((total // 2, total - total // 2) for total in totals)
