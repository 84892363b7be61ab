"""Plain Python values, and the types of single parameters."""

from enum import Enum
from typing import Annotated, Any

from pydantic import Field

Count = Annotated[int, Field(ge=0)]
"""An integer that is not negative."""

AtLeastOne = Annotated[int, Field(ge=1)]
"""An integer above zero."""

MOST_BITS = 53
"""Arithmetic is done in float64, which tells no more codes apart."""

Bits = Annotated[int, Field(ge=0, le=MOST_BITS)]
"""A number of bits, 0 for none."""

Positive = Annotated[float, Field(gt=0)]
"""A number above zero."""

NonNegative = Annotated[float, Field(ge=0)]
"""A number that is not negative."""


def exported(value: Any) -> Any:
    """``value`` as JSON files hold it: a copy of a list or dictionary, the value of an enum."""
    if isinstance(value, list):
        return [exported(item) for item in value]
    if isinstance(value, dict):
        return {name: exported(item) for name, item in value.items()}
    return value.value if isinstance(value, Enum) else value


def plain(value: Any) -> Any:
    """``value`` without traces of an array library: Python numbers, lists and dictionaries.

    Enum members stay what they are.
    """
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if callable(to_list := getattr(value, "tolist", None)):
        return to_list()
    return value
