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


@pytest.mark.parametrize("guide", ["calibration"])
def test_the_blocks_of_a_guide_are_one_program(
    guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / f"docs/how-to/{guide}.md").read_text()
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, scope)


def test_the_calibration_guide_prints_the_ranges_that_it_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "docs/how-to/calibration.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    table = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert code is not None
    assert table is not None
    exec(code[1], {})
    shown, printed = (
        [line.split() for line in lines.splitlines()]
        for lines in (table[1], capsys.readouterr().out)
    )
    assert [row[:3] for row in printed] == [row[:3] for row in shown]
    for want, got in zip(shown[1:], printed[1:], strict=True):
        # Sums in another order may move a quantile a little.
        assert float(got[4][:-1]) == pytest.approx(float(want[4][:-1]), rel=0.02)


def test_the_quick_start_is_two_lines() -> None:
    block = re.search(r"```sh\n(.*?)```", READMES[0].read_text(), re.DOTALL)
    assert block is not None
    job, tests = block[1].splitlines()
    assert job.endswith("crosssim demo")
    assert tests.endswith("nox -s tests")


def test_every_decision_has_its_three_parts() -> None:
    for path in ROOT.glob("docs/decisions/[0-9]*.md"):
        titles = re.findall(r"^## (.*)", path.read_text(), re.MULTILINE)
        assert titles == ["Context", "Decision", "Consequences"], path.name


def test_every_benchmark_is_described_once() -> None:
    described = (ROOT / "benchmarks/README.md").read_text()
    for path in ROOT.glob("benchmarks/bench_*.py"):
        assert described.count(f"| `{path.name}` |") == 1


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*READMES, ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
    ]
    lost = [(str(page), link) for page, link in links if not (page.parent / link).exists()]
    assert links
    assert not lost


def test_the_index_of_decisions_has_all_titles() -> None:
    folder = ROOT / "docs/decisions"
    shown = re.findall(r"- \[(.*)\]\((.*)\)", (folder / "README.md").read_text())
    records = folder.glob("[0-9]*.md")
    titles = [(path.read_text().splitlines()[0].removeprefix("# "), path.name) for path in records]
    assert sorted(shown) == sorted(titles)
