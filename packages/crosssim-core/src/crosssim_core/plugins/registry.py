"""Which models are installed, and how a name becomes a model."""

from collections.abc import Callable
from typing import Any

from crosssim_core.errors import PluginError
from crosssim_core.plugins.discovery import Plugin, PluginProblem
from crosssim_core.plugins.entries import Family, InstalledModel
from crosssim_core.plugins.table import Registry

_registry = Registry()


def installed_models(family: Family) -> dict[str, InstalledModel]:
    """Every model of ``family`` that can be used, by name; core's own comes first."""
    return _registry.models(family)


def find_model(family: Family, name: str) -> InstalledModel:
    """The model of ``family`` named ``name``.

    Raises:
        UnknownModelError: No usable plugin has it; the message says what is near, what is
            installed, and which plugin failed to load.
        PluginError: Two plugins claim the name.
    """
    return _registry.find(family, name)


def params_class(family: Family, name: str) -> type | None:
    """Parameter class that the model ``name`` brings; None if it has no parameters of its own.

    Raises:
        UnknownModelError: As in `find_model`.
        PluginError: Likewise, or the class cannot be imported.
    """
    model = _registry.find(family, name)
    if not model.entry.params:
        return None
    found = model.load(model.entry.params)
    if not isinstance(found, type):
        raise PluginError(f"{model.entry.params} of plugin {model.plugin!r} is not a class")
    return found


def factory(family: Family, name: str) -> Callable[..., Any]:
    """What builds the model ``name`` from its parameters and its cell or site.

    Raises:
        UnknownModelError: As in `find_model`.
        PluginError: Likewise, or the factory cannot be imported.
    """
    model = _registry.find(family, name)
    found = model.load(model.entry.factory)
    if not callable(found):
        raise PluginError(f"{model.entry.factory} of plugin {model.plugin!r} cannot be called")
    return found  # type: ignore[no-any-return]


def problems() -> tuple[PluginProblem, ...]:
    """Everything that is wrong with the installed plugins."""
    return _registry.problems()


def plugins() -> tuple[Plugin, ...]:
    """Every plugin in use."""
    return _registry.plugins()


def left_out() -> tuple[Plugin, ...]:
    """Every plugin that is installed and that the environment variable leaves out."""
    return _registry.left_out()


def add_commands(app: Any) -> None:
    """Let every plugin add its sub-commands to the command line ``app``."""
    _registry.add_commands(app)


def register(plugin: object, name: str) -> None:
    """Use ``plugin``, any object with hook implementations, in this process.

    One that was registered before under the same ``name`` is replaced.

    Raises:
        PluginError: A hook of the plugin cannot be used. Nothing changes then.
    """
    _registry.register(plugin, name)


def unregister(name: str) -> None:
    """Forget the plugin that was registered in this process as ``name``.

    Raises:
        PluginError: There is none.
    """
    _registry.unregister(name)
