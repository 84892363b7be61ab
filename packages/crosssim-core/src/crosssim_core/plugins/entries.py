"""What plugins say about their models, checked; core's own models."""

import pkgutil
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, get_args

from crosssim_core.errors import PluginError
from crosssim_core.plugins.specs import ModelEntry

Family = Literal["device", "adc", "dac"]

FAMILIES: tuple[Family, ...] = get_args(Family)

CORE = "crosssim-core"

BUILT_IN: dict[Family, ModelEntry] = {
    "device": ModelEntry("IdealDevice", "crosssim_core.devices.ideal:IdealDevice"),
    "adc": ModelEntry("IdealADC", "crosssim_core.converters.ideal:IdealAdc"),
    "dac": ModelEntry("IdealDAC", "crosssim_core.converters.ideal:IdealDac"),
}

_NAME = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_PLACE = re.compile(f"{_NAME}:{_NAME}")


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model that can be selected by name, and who brought it."""

    family: Family
    entry: ModelEntry
    plugin: str
    """Entry-point name of its plugin; ``"crosssim-core"`` for core's own."""
    distribution: str
    """Distribution that the plugin was installed with."""
    version: str
    """Version of that distribution."""

    def load(self, place: str) -> Any:
        """The object at ``place``, one of the two places of the entry.

        Raises:
            PluginError: It cannot be imported.
        """
        try:
            return pkgutil.resolve_name(place)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"Model {self.entry.name!r} of plugin {self.plugin!r} ({self.distribution} "
                f"{self.version}) is installed, but {place!r} cannot be imported: "
                f"{type(error).__name__}: {error}"
            ) from error


@cache
def built_in(family: Family) -> InstalledModel:
    """Core's own model of ``family``."""
    return InstalledModel(family, BUILT_IN[family], CORE, CORE, _core_version())


def checked_entries(returned: object, hook: str) -> list[ModelEntry]:
    """What an implementation of ``hook`` returned, if it is what the hook asks for.

    Raises:
        PluginError: It is not.
    """
    if not isinstance(returned, Iterable) or isinstance(returned, str | bytes):
        raise PluginError(f"{hook} returned {returned!r}, not a list of ModelEntry")
    entries = list(returned)
    for entry in entries:
        if not isinstance(entry, ModelEntry):
            raise PluginError(f"{hook} returned {entry!r} in its list, not a ModelEntry")
        name: object = entry.name
        if not isinstance(name, str) or not name.strip():
            raise PluginError(f"{hook} returned a model without a name: {entry!r}")
        _check_place(entry.factory, entry, hook)
        if entry.params != "":
            _check_place(entry.params, entry, hook)
    names = [entry.name for entry in entries]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PluginError(f"{hook} returned two models named {min(twice)!r}")
    return entries


def _check_place(place: object, entry: ModelEntry, hook: str) -> None:
    if not isinstance(place, str) or not _PLACE.fullmatch(place):
        raise PluginError(
            f"{hook}: the place {place!r} of model {entry.name!r} "
            "does not have the form 'package.module:Name'"
        )


def _core_version() -> str:
    try:
        return version(CORE)
    except PackageNotFoundError:
        return "not installed"
