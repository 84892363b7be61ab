"""Each defect of CrossSim 3.2 of cores and of arrays has a test with its number in its name."""

import re
from collections.abc import Iterable
from pathlib import Path

TESTS = Path(__file__).parent
ROOMS = ("core", "devices", "properties")


def names_of(files: Iterable[Path]) -> list[str]:
    """Names of the tests in these files."""
    return [name for path in files for name in re.findall(r"def (test_\w+)", path.read_text())]


def test_every_defect_of_cores_has_a_test_by_its_number() -> None:
    names = names_of(path for room in ROOMS for path in (TESTS / room).rglob("test_*.py"))
    tested = {int(number) for name in names for number in re.findall(r"_b(\d\d)(?=_)", name)}
    assert tested == set(range(1, 39))


def test_every_defect_of_arrays_has_a_test_by_its_number() -> None:
    solvers = TESTS / "core" / "numerics" / "wires" / "test_defects.py"
    names = names_of((solvers, TESTS / "core" / "cores" / "test_wire_defects.py"))
    numbers = [re.match(r"test_defects?_(\d+)(?:_and_(\d+))?_", name) for name in names]
    tested = {int(number) for match in numbers if match for number in match.groups() if number}
    assert tested == set(range(1, 18))
