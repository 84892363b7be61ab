"""Python environments with other distributions than the one that runs the tests."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def install(
    site: Path, distribution: str, files: Mapping[str, str], *, plugin: str = "", version: str = "1"
) -> None:
    """Put a distribution into the directory ``site``.

    Args:
        site: A directory that is on the path of a process.
        distribution: Its name.
        files: Texts of its modules, by path.
        plugin: Its entry point in the group ``crosssim``, such as ``"acme = acme_rram.plugin"``.
        version: Its version.
    """
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    )
    (info / "entry_points.txt").write_text(f"[crosssim]\n{plugin}\n" if plugin else "")


def python(
    *arguments: str, path: Iterable[Path] = (), only: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in an environment that has the directories of ``path`` as well.

    Args:
        *arguments: Of the interpreter.
        path: Directories that come first on its path.
        only: Leave everything else out but the standard library.
        **environment: Variables of the environment.
    """
    variables = {k: v for k, v in os.environ.items() if k not in ("CROSSSIM_PLUGINS", "PYTHONPATH")}
    variables |= {"COLUMNS": "400", "NO_COLOR": "1", **environment}
    variables["PYTHONPATH"] = os.pathsep.join(map(str, path))
    # Without the module site nothing is added to the path by itself.
    flags = ["-S"] if only else []
    return subprocess.run(
        [sys.executable, *flags, *arguments], env=variables, capture_output=True, text=True
    )


def without_ours(site: Path) -> None:
    """Fill ``site`` with links to everything that is installed but the CrossSim packages."""
    site.mkdir(exist_ok=True)
    # An environment may stand on another one.
    for directory in (Path(p) for p in sys.path if p.endswith("-packages")):
        for entry in directory.iterdir():
            own = "crosssim" in entry.name.replace("-", "_") or entry.suffix == ".pth"
            if not own and not (site / entry.name).exists():
                (site / entry.name).symlink_to(entry)
