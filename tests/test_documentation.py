"""What the READMEs show works."""

import re
from pathlib import Path

import pytest

for needed in ("crosssim_devices", "crosssim_torch"):
    pytest.importorskip(needed, reason="the examples use all packages")

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
EXAMPLES = [
    pytest.param(code, id=f"{path.parent.name}-{number}")
    for path in READMES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_runs(code: str) -> None:
    exec(code, {})


def test_the_quick_start_is_two_lines() -> None:
    block = re.search(r"```sh\n(.*?)```", READMES[0].read_text(), re.DOTALL)
    assert block is not None
    job, tests = block[1].splitlines()
    assert job.endswith("crosssim demo")
    assert tests.endswith("nox -s tests")


def test_every_decision_has_its_three_parts() -> None:
    for path in ROOT.glob("docs/decisions/*.md"):
        titles = re.findall(r"^## (.*)", path.read_text(), re.MULTILINE)
        assert titles == ["Context", "Decision", "Consequences"], path.name


def test_every_benchmark_is_described() -> None:
    described = (ROOT / "benchmarks/README.md").read_text()
    for path in ROOT.glob("benchmarks/bench_*.py"):
        assert f"| `{path.name}` |" in described
