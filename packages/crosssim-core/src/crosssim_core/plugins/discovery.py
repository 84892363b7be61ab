"""Which plugins are installed: every entry point of the group, each loaded in its own try."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points

from crosssim_core.errors import PluginError
from crosssim_core.plugins.specs import INTERFACE_VERSION, PROJECT

RESTRICTION = "CROSSSIM_PLUGINS"
"""Environment variable with the entry-point names to load, separated by commas; an empty string
loads none, an absent variable loads all."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin: an object with hook implementations, and who brought it."""

    name: str
    """Name of its entry point."""
    distribution: str
    """Distribution that it was installed with."""
    version: str
    """Version of that distribution."""
    implementation: object = field(default=None, repr=False)
    """The module or object that the entry point names; None while it is not loaded."""


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a plugin, or a part of it, cannot be used."""

    plugin: str
    """Name of its entry point."""
    distribution: str
    """Distribution that it was installed with, ``""`` if unknown."""
    version: str
    """Version of that distribution, ``""`` if unknown."""
    error: BaseException
    """What went wrong."""

    @classmethod
    def of(cls, plugin: Plugin, error: BaseException) -> "PluginProblem":
        """The report that ``plugin`` met ``error``."""
        return cls(plugin.name, plugin.distribution, plugin.version, error)

    def __str__(self) -> str:
        source = f" ({self.distribution} {self.version})" if self.distribution else ""
        return f"Plugin {self.plugin!r}{source}: {type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True)
class Discovery:
    """What one look at the environment found."""

    plugins: tuple[Plugin, ...]
    """Plugins that loaded, by name."""
    problems: tuple[PluginProblem, ...]
    """Those that did not."""
    left_out: tuple[Plugin, ...]
    """Those that the environment variable leaves out; never imported."""


def discover() -> Discovery:
    """Load every plugin that is installed and allowed; nothing that a plugin does stops another."""
    wanted = _wanted()
    plugins, problems, left_out = [], [], []
    entries = sorted(entry_points(group=PROJECT), key=lambda entry: (entry.name, entry.value))
    for entry in entries:
        plugin = _described(entry)
        if wanted is not None and entry.name not in wanted:
            left_out.append(plugin)
            continue
        try:
            plugins.append(_loaded(entry, plugin))
        except (Exception, SystemExit) as error:
            problems.append(PluginProblem.of(plugin, error))
    problems += _missing(wanted or (), {entry.name for entry in entries})
    return Discovery(tuple(plugins), tuple(problems), tuple(left_out))


def _wanted() -> tuple[str, ...] | None:
    text = os.environ.get(RESTRICTION)
    if text is None:
        return None
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _described(entry: EntryPoint) -> Plugin:
    try:
        assert entry.dist is not None
        return Plugin(entry.name, str(entry.dist.name), str(entry.dist.version))
    except Exception:
        # Broken metadata of a distribution must not hide the plugin.
        return Plugin(entry.name, "", "")


def _loaded(entry: EntryPoint, plugin: Plugin) -> Plugin:
    implementation = entry.load()
    version = getattr(implementation, "CROSSSIM_INTERFACE", INTERFACE_VERSION)
    if version != INTERFACE_VERSION:
        raise PluginError(
            f"it was written for version {version!r} of the plugin interface; "
            f"this crosssim-core has version {INTERFACE_VERSION}"
        )
    return Plugin(plugin.name, plugin.distribution, plugin.version, implementation)


def _missing(wanted: Iterable[str], present: set[str]) -> list[PluginProblem]:
    return [
        PluginProblem(name, "", "", PluginError(f"{RESTRICTION} names it, and it is not installed"))
        for name in wanted
        if name not in present
    ]
