"""Tables of measured cells, read from CSV files.

The first line names the columns, each with its unit in brackets; their order is free::

    target [uS],time [d],mean [uS],standard deviation [uS],read noise [uS]
    0.5,0,0.5003,0.0101,0.0042

There is one line for each combination of the targets and the times. The column ``read noise``
may be absent. Blank lines and lines that start with ``#`` are skipped.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from os import PathLike, fspath, stat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosssim_core.errors import ParameterError
from crosssim_devices.measured.header import COLUMNS, Column, columns_of

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Statistics of cells that were programmed to several targets and read at several times."""

    source: str
    """The file."""
    time_unit: str
    """Unit of ``times``."""
    targets: Real
    """Target conductances in ascending order, shape (targets,) [S]."""
    times: Real
    """Times after programming in ascending order, shape (times,)."""
    mean: Real
    """Mean conductance, shape (times, targets) [S]."""
    deviation: Real
    """Standard deviation between cells, likewise [S]."""
    read_noise: Real | None
    """Standard deviation of one cell from read to read, likewise [S]; None if not measured."""


class Line(NamedTuple):
    """One measurement and where it stands."""

    number: int
    values: Mapping[str, float]


def read_measurements(path: str | PathLike[str]) -> Measurements:
    """Read a CSV file of measurements; a file that has not changed is read once.

    Raises:
        ParameterError: There is no such file, or something in it is wrong; the message names the
            line, the column, and what is expected there.
    """
    name = fspath(path)
    try:
        found = stat(name)
    except OSError as error:
        raise ParameterError(
            f"the measurements {name!r} cannot be read: {error.strerror}. A relative path starts "
            "at the working directory."
        ) from None
    return _read(name, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=32)
def _read(path: str, modified: int, size: int) -> Measurements:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ParameterError(f"{path}: this is no CSV text: {error}.") from None
    if not rows:
        raise ParameterError(f"{path}: the file is empty; expected a header: {_wanted()}.")
    (head, names), *body = rows
    columns = columns_of(names, where=f"{path}, line {head}")
    lines = [_line(path, number, cells, columns) for number, cells in body]
    return _tabulated(path, lines, columns)


def _rows(file: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with their line numbers."""
    for number, text in enumerate(file, start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            (cells,) = csv.reader([text])
            yield number, [cell.strip() for cell in cells]


def _line(path: str, number: int, cells: Sequence[str], columns: Sequence[Column]) -> Line:
    where = f"{path}, line {number}"
    if len(cells) != len(columns):
        raise ParameterError(
            f"{where}: expected {len(columns)} values, one for each column of the header, got "
            f"{len(cells)}."
        )
    values = {}
    for cell, column in zip(cells, columns, strict=True):
        try:
            value = float(cell)
        except ValueError:
            value = float("nan")
        if not isfinite(value):
            raise ParameterError(
                f"{where}, column {column.heading!r}: expected a finite number, got {cell!r}."
            )
        if value < 0 and column.name != "mean":
            raise ParameterError(
                f"{where}, column {column.heading!r}: expected a number that is not negative, got "
                f"{cell!r}."
            )
        values[column.name] = value * column.factor
    return Line(number, values)


def _tabulated(path: str, lines: Sequence[Line], columns: Sequence[Column]) -> Measurements:
    """Lines in any order as arrays of shape (times, targets)."""
    units = {column.name: column for column in columns}
    places: dict[tuple[float, float], Line] = {}
    for line in lines:
        place = (line.values["time"], line.values["target"])
        if place in places:
            raise ParameterError(
                f"{path}, line {line.number}: expected a new combination of target and time; "
                f"{_place(place, units)} is in line {places[place].number} already."
            )
        places[place] = line
    times, targets = (sorted({place[i] for place in places}) for i in range(2))
    if len(targets) < 2:
        raise ParameterError(f"{path}: expected at least 2 targets, got {len(targets)}.")
    for time in times:
        for target in targets:
            if (time, target) not in places:
                raise ParameterError(
                    f"{path}: expected a line for {_place((time, target), units)}: every target "
                    "is needed at every time."
                )
    rows = [[places[time, target] for target in targets] for time in times]

    def values(name: str) -> Real:
        return np.array([[line.values[name] for line in row] for row in rows])

    if "read noise" in units:
        _check_rising(path, rows, units["mean"])
    return Measurements(
        source=path,
        time_unit=units["time"].unit,
        targets=np.array(targets),
        times=np.array(times),
        mean=values("mean"),
        deviation=values("standard deviation"),
        read_noise=values("read noise") if "read noise" in units else None,
    )


def _check_rising(path: str, rows: Sequence[Sequence[Line]], mean: Column) -> None:
    """Read noise is told by the conductance that cells hold, so that must tell targets apart."""
    for row in rows:
        for lower, upper in pairwise(row):
            if upper.values["mean"] <= lower.values["mean"]:
                raise ParameterError(
                    f"{path}, line {upper.number}, column {mean.heading!r}: expected a mean above "
                    f"that of the next lower target in line {lower.number}, which the read noise "
                    "needs."
                )


def _place(place: tuple[float, float], units: Mapping[str, Column]) -> str:
    time, target = (
        f"{value / units[name].factor:g} {units[name].unit}"
        for value, name in zip(place, ("time", "target"), strict=True)
    )
    return f"target {target} at time {time}"


def _wanted() -> str:
    return ",".join(f"{name} [{units[0]}]" for name, units in COLUMNS.items())
