"""What the layout of a layer refuses."""

from collections.abc import Sequence
from typing import Any, get_args

from crosssim_core.errors import ParameterError, ShapeError
from crosssim_core.numerics.windows import PaddingMode


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
        if not _is_tuple(values, axes) or not all(_is_count(value, least) for value in values):
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
    if mode not in get_args(PaddingMode):
        raise ParameterError(
            f"must be one of {', '.join(get_args(PaddingMode))}, got {mode!r}.", "padding_mode"
        )
    if not _is_tuple(padding, axes) or not all(
        _is_tuple(pair, 2) and all(_is_count(width, 0) for width in pair) for pair in padding
    ):
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
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_tuple(values: Any, length: int) -> bool:
    return isinstance(values, Sequence) and len(values) == length
