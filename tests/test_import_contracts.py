"""The import contracts hold, and would notice if they did not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter")

ROOT = Path(__file__).parents[1]
RANDOM = "crosssim-core/src/crosssim_core/random.py"
SPECS = "crosssim-core/src/crosssim_core/plugins/specs.py"
DEVICES = "crosssim-devices/src/crosssim_devices/plugin.py"
TORCH = "crosssim-torch/src/crosssim_torch/plugin.py"

DOWNWARDS = "Inside core, imports run downwards only"
DISCOVERY = "Plugin discovery knows nothing of numerics"
LIBRARIES = "Core knows neither torch nor cupy"
ALONE = "Core knows none of the packages above it"
APART = "Devices and torch layers never import each other"


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the packages under ``root`` against the contracts in its pyproject.toml."""
    sources = os.pathsep.join(map(str, root.glob("packages/*/src")))
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": sources, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts, where a test may plant an import."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "packages", tmp_path / "packages", ignore=ignore)
    return tmp_path


def test_the_packages_keep_the_import_contracts(copy: Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        (RANDOM, "torch", LIBRARIES),
        (RANDOM, "cupy", LIBRARIES),
        (RANDOM, "crosssim_devices", ALONE),
        (RANDOM, "crosssim_core.cores", DOWNWARDS),
        (SPECS, "crosssim_core.random", DISCOVERY),
        (DEVICES, "crosssim_torch", APART),
        (TORCH, "crosssim_devices", APART),
    ],
)
def test_a_planted_import_breaks_its_contract(
    copy: Path, module: str, planted: str, contract: str
) -> None:
    path = copy / "packages" / module
    path.write_text(f"{path.read_text()}\nimport {planted}\n")
    result = lint_imports(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{contract} BROKEN" in result.stdout


def test_an_import_inside_a_function_counts_too(copy: Path) -> None:
    path = copy / "packages" / RANDOM
    path.write_text(f"{path.read_text()}\n\ndef planted() -> None:\n    import torch\n")
    assert f"{LIBRARIES} BROKEN" in lint_imports(copy).stdout
