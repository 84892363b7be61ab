"""What the layout of a layer refuses."""

from typing import Any, get_args

import numpy as np

from crosssim_core.errors import ParameterError, ShapeError
from crosssim_core.numerics.windows import PaddingMode

MODES = get_args(PaddingMode)

INTEGERS = frozenset({int, np.int32, np.int64})
"""Types of numbers that count something; True is none."""


def check_counts(least: int, **fields: Any) -> None:
    """Check that each of these fields is an integer from ``least`` upwards.

    Raises:
        ParameterError: One is not.
    """
    for name, value in fields.items():
        if not _is_count(value, least):
            raise ParameterError(f"must be an integer of at least {least}, got {value!r}.", name)


def check_axes(least: int, axes: int, **fields: Any) -> None:
    """Check that each of these fields holds an integer from ``least`` upwards for each image axis.

    Raises:
        ParameterError: One does not.
    """
    for name, values in fields.items():
        if not _are_counts(values, axes, least):
            raise ParameterError(
                f"must hold an integer of at least {least} for each of the {axes} image axes, got "
                f"{values!r}.",
                name,
            )


def check_padding(padding: Any, mode: Any, axes: int) -> None:
    """Check how images are padded.

    Raises:
        ParameterError: The mode is unknown, or the widths are no pair for each image axis.
    """
    if mode not in MODES:
        raise ParameterError(f"must be one of {', '.join(MODES)}, got {mode!r}.", "padding_mode")
    if not _are_pairs(padding, axes):
        raise ParameterError(
            "must hold a pair, of the elements before and after, for each of the "
            f"{axes} image axes, got {padding!r}.",
            "padding",
        )


def check_groups(groups: Any, **channels: int) -> None:
    """Check that channels divide into ``groups``.

    Raises:
        ParameterError: They do not.
    """
    check_counts(1, groups=groups)
    for name, count in channels.items():
        if count % groups:
            raise ParameterError(
                f"{name} ({count}) must be a multiple of it, got {groups}.", "groups"
            )


def check_shapes(**variables: tuple[Any, tuple[int, ...]]) -> None:
    """Check variables, each given with the shape that the layer takes; None is absent.

    Raises:
        ShapeError: One has another shape.
    """
    for name, (value, wanted) in variables.items():
        if value is not None and tuple(value.shape) != wanted:
            raise ShapeError(
                f"This layer takes a {name} of shape {wanted}, got {tuple(value.shape)}."
            )


def _is_count(value: Any, least: int) -> bool:
    return type(value) in INTEGERS and bool(value >= least)


def _are_counts(values: Any, axes: int, least: int) -> bool:
    return (
        isinstance(values, tuple | list)
        and len(values) == axes
        and INTEGERS.issuperset(map(type, values))
        and bool(min(values, default=least) >= least)
    )


def _are_pairs(values: Any, axes: int) -> bool:
    if not isinstance(values, tuple | list) or len(values) != axes:
        return False
    return all(_are_counts(pair, 2, 0) for pair in values)
