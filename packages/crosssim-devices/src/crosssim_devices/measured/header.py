"""The first line of a table of measurements: names of columns, and their units."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crosssim_core.errors import ParameterError

SIEMENS: Mapping[str, float] = {
    "uS": 1e-6,
    "µS": 1e-6,
    "μS": 1e-6,
    "nS": 1e-9,
    "mS": 1e-3,
    "S": 1.0,
}
"""Units of conductance [S]."""

TIMES = ("s", "min", "h", "d")
"""Units of time; the times of a simulation are in the unit of the table."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "target": tuple(SIEMENS),
    "time": TIMES,
    "mean": tuple(SIEMENS),
    "standard deviation": tuple(SIEMENS),
    "read noise": tuple(SIEMENS),
}
"""Every column and the units that it may have."""

OPTIONAL = frozenset({"read noise"})

_HEADING = re.compile(r"(?P<name>[^\[\]]+?)\s*\[\s*(?P<unit>[^\[\]]+?)\s*\]")


class Column(NamedTuple):
    """One column of a table."""

    name: str
    unit: str
    factor: float
    """What a number of the column is multiplied by [S]; 1 for times."""

    @property
    def heading(self) -> str:
        """The column as the file calls it."""
        return f"{self.name} [{self.unit}]"


def columns_of(headings: Sequence[str], *, where: str) -> list[Column]:
    """Columns that a header describes, in its order.

    Args:
        headings: Its parts.
        where: File and line, for messages.

    Raises:
        ParameterError: A part is not a known name with one of its units, or a column is there
            twice or missing.
    """
    if len(headings) == 1:
        raise ParameterError(
            f"{where}: expected columns that are separated by commas, got {headings[0]!r} alone."
        )
    columns = [_column(heading, where) for heading in headings]
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ParameterError(f"{where}: expected the column {name!r} once.")
    for name, units in COLUMNS.items():
        if name not in names and name not in OPTIONAL:
            raise ParameterError(
                f"{where}: expected a column {name!r}, such as '{name} [{units[0]}]'; the header "
                f"has {', '.join(map(repr, headings))}."
            )
    return columns


def _column(heading: str, where: str) -> Column:
    found = _HEADING.fullmatch(heading)
    name = " ".join(found["name"].lower().split()) if found else ""
    if not found or name not in COLUMNS:
        raise ParameterError(
            f"{where}, column {heading!r}: expected a name with its unit in brackets, such as "
            f"'mean [uS]'; names are: {', '.join(COLUMNS)}."
        )
    unit = found["unit"]
    if unit not in COLUMNS[name]:
        raise ParameterError(
            f"{where}, column {heading!r}: expected one of the units {', '.join(COLUMNS[name])}."
        )
    return Column(name, unit, SIEMENS.get(unit, 1.0) if name != "time" else 1.0)
