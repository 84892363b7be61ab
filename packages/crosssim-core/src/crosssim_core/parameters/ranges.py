"""Ranges of ADCs that were calibrated beforehand."""

from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator

from crosssim_core.errors import ParameterError
from crosssim_core.parameters.messages import shown


def checked_range(value: Any) -> Any:
    """``value`` if it is ``[low, high]``, or a list of such pairs; None as an empty list.

    Raises:
        ParameterError: It is neither, or a range does not ascend.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise ParameterError(f"must be [low, high] or a list of such pairs, got {shown(value)}.")
    pairs = value if value and isinstance(value[0], list) else [value]
    for pair in pairs if value else []:
        if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair))):
            raise ParameterError(
                f"must be [low, high] or a list of such pairs, got {shown(value)}."
            )
        if not all(map(isfinite, pair)):
            raise ParameterError(f"must be finite, got {shown(value)}.")
        if not pair[0] < pair[1]:
            raise ParameterError(f"low ({pair[0]:g}) must be below high ({pair[1]:g}).")
    return value


CalibratedRange = Annotated[list[float] | list[list[float]], BeforeValidator(checked_range)]
"""No range, one range, or one for each weight slice."""


def lowest(value: list[float] | list[list[float]]) -> float:
    """Smallest number in a range that is not empty."""
    return min(min(item) if isinstance(item, list) else item for item in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
