"""Each defect of CrossSim 3.2 that concerns cores has a test with its number in its name."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
ROOMS = ("core", "devices", "properties")


def test_every_defect_of_cores_has_a_test_by_its_number() -> None:
    files = [path for room in ROOMS for path in (TESTS / room).rglob("test_*.py")]
    names = [name for path in files for name in re.findall(r"def (test_\w+)", path.read_text())]
    tested = {int(number) for name in names for number in re.findall(r"_b(\d\d)(?=_)", name)}
    assert tested == set(range(1, 39))
