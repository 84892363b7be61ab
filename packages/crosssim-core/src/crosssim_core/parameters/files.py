"""JSON files: reading, writing, and those that come with the package."""

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from crosssim_core.errors import MissingFileError, ParameterError

_SHIPPED = files("crosssim_core.parameters") / "configs"


def shipped_configurations() -> list[str]:
    """Names of the configurations that come with the package."""
    names = (Path(entry.name) for entry in _SHIPPED.iterdir())
    return sorted(name.stem for name in names if name.suffix == ".json")


def read_json(path: str | PathLike[str]) -> Any:
    """Content of the file ``path``, or else of the shipped configuration of that name.

    Raises:
        MissingFileError: There is neither.
        ParameterError: The file is not JSON.
    """
    try:
        # Editors on Windows put a byte-order mark before UTF-8.
        return json.loads(_found(path).read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{fspath(path)} is not a JSON file: {error}.") from None


def write_json(values: Any, path: str | PathLike[str]) -> None:
    """Write ``values`` in the form that CrossSim writes: indented by 4."""
    Path(path).write_text(json.dumps(values, indent=4) + "\n", encoding="utf-8")


def _found(path: str | PathLike[str]) -> Path | Traversable:
    given = Path(path)
    if given.is_file():
        return given
    shipped = _SHIPPED / f"{given.stem}.json"
    if given.name == fspath(path) and shipped.is_file():
        return shipped
    raise MissingFileError(
        f"No file is named {fspath(path)!r}, and no configuration that comes with CrossSim: "
        f"{', '.join(shipped_configurations())}."
    )
