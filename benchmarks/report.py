"""What benchmarks find: rows of one table, which is printed and kept as JSON."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table
from rich.text import Text

Notes = dict[str, int | float | str]
"""What else was found, by its name and unit."""

COLUMNS = {
    "time [ms]": 7,
    "time ratio": 5,
    "at most": 4,
    "CrossSim 3.2": 10,
    "memory [MB]": 6,
    "memory ratio": 6,
}
"""Width of each column of figures; that of cases takes the rest."""
WIDEST = 120


@dataclass(frozen=True)
class Row:
    """One case of a subject."""

    case: str
    milliseconds: float
    ratio: float
    """Time over that of what the section compares with [1]."""
    limit: float | None = None
    """Largest ratio that the project allows itself."""
    crosssim: str = ""
    """Ratio of CrossSim 3.2."""
    megabytes: float | None = None
    """Most memory that was held at once."""
    memory: float | None = None
    """The same over that of what the section compares with [1]."""
    notes: Notes = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Rows of one subject."""

    subject: str
    over: str
    """What ratios compare with."""
    rows: list[Row]
    notes: Notes = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What one benchmark found, and on which machine."""

    machine: Notes
    sections: list[Section]


REPORTS = TypeAdapter(dict[str, Report])


def write(reports: Mapping[str, Report], path: Path) -> None:
    """Keep the reports of some benchmarks as JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(REPORTS.dump_json(dict(reports), indent=2))


def read(path: Path) -> dict[str, Report]:
    """The reports that were kept there."""
    return REPORTS.validate_json(path.read_bytes())


def show(reports: Iterable[Report], console: Console) -> None:
    """Print one table of all reports."""
    reports = list(reports)
    width = min(console.width, WIDEST)
    console.print(_table([], width, show_header=True))
    console.print("─" * width)
    for section in (section for report in reports for section in report.sections):
        console.print(Text(f"{section.subject}, over {section.over}", "bold"), width=width)
        if section.rows:
            console.print(_table(section.rows, width, show_header=False))
        if section.notes:
            console.print(Text(_listed(section.notes), "dim"), width=width)
        console.print()
    for machine in dict.fromkeys(_listed(report.machine) for report in reports):
        console.print(Text(machine, "dim"), width=width)


def _table(rows: Iterable[Row], width: int, *, show_header: bool) -> Table:
    table = Table(box=None, width=width, show_header=show_header, pad_edge=False)
    table.add_column("case", ratio=1, vertical="bottom")
    for name, characters in COLUMNS.items():
        header = Text(name, justify="right")
        table.add_column(header, justify="right", width=characters, vertical="bottom")
    for row in rows:
        missed = row.limit is not None and row.ratio > row.limit
        table.add_row(
            Text(row.case).append(f" ({_listed(row.notes)})" if row.notes else "", "dim"),
            _figure(row.milliseconds),
            Text(_figure(row.ratio), "bold red" if missed else ""),
            "" if row.limit is None else f"{row.limit:g}",
            row.crosssim,
            _figure(row.megabytes),
            _figure(row.memory),
        )
    return table


def _listed(notes: Notes) -> str:
    return ", ".join(f"{name}: {_figure(value)}" for name, value in notes.items())


def _figure(value: int | float | str | None) -> str:
    """Three digits at least, and all before the point."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(digits, 0)}f}"
