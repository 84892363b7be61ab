"""The table of plugins and of the models that they bring."""

from threading import RLock
from typing import Any

import pluggy

from crosssim_core.errors import PluginError
from crosssim_core.plugins import specs
from crosssim_core.plugins.discovery import Discovery, Plugin, PluginProblem, discover
from crosssim_core.plugins.entries import (
    FAMILIES,
    Family,
    InstalledModel,
    built_in,
    checked_entries,
)
from crosssim_core.plugins.unknown import clashing_model, unknown_model

_HERE = "this process"


class Registry:
    """Models by name: core's own, those of installed plugins, those registered in this process.

    Plugins are looked for once, when a name is first asked for that is not core's own. All
    methods may be called from several threads.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._manager = pluggy.PluginManager(specs.PROJECT)
        self._manager.add_hookspecs(specs)
        self._discovery: Discovery | None = None
        self._problems: list[PluginProblem] = []
        self._plugins: dict[str, Plugin] = {}
        self._models: dict[str, list[InstalledModel]] = {}

    def models(self, family: Family) -> dict[str, InstalledModel]:
        """Every model of ``family`` that can be used, by name; core's own comes first."""
        claims = self._claims(family)
        return {name: claims[name][0] for name in claims if _rightful(claims[name])}

    def find(self, family: Family, name: str) -> InstalledModel:
        """The model of ``family`` named ``name``.

        Raises:
            UnknownModelError: No usable plugin has it.
            PluginError: Two plugins claim the name.
        """
        own = built_in(family)
        if name == own.entry.name:
            return own
        claim = self._claims(family).get(name)
        if claim is None:
            known, problems = self.models(family), self.problems()
            raise unknown_model(family, name, known, problems, self.left_out())
        if not _rightful(claim):
            raise clashing_model(claim)
        return claim[0]

    def problems(self) -> tuple[PluginProblem, ...]:
        """Everything that is wrong with the installed plugins."""
        found = self._discovered().problems
        with self._lock:
            problems = [*found, *self._problems]
        for family in FAMILIES:
            for claim in self._claims(family).values():
                for late in claim[1:]:
                    error = clashing_model(claim)
                    problems.append(
                        PluginProblem(late.plugin, late.distribution, late.version, error)
                    )
        return tuple(problems)

    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin in use, installed or registered in this process."""
        self._discovered()
        with self._lock:
            return tuple(self._plugins.values())

    def left_out(self) -> tuple[Plugin, ...]:
        """Every plugin that is installed and that the environment variable leaves out."""
        return self._discovered().left_out

    def register(self, plugin: object, name: str) -> None:
        """Use ``plugin`` in this process; one registered before as ``name`` is replaced.

        Raises:
            PluginError: A hook of the plugin cannot be used. Nothing changes then.
        """
        new = Plugin(name, _HERE, "", plugin)
        with self._lock:
            before = self._plugins.get(_key(new))
            self._remove(new)
            if problems := self._add(new):
                self._remove(new)
                if before is not None:
                    self._add(before)
                cause = problems[0].error
                raise PluginError(f"plugin {name!r} cannot be used: {cause}") from cause

    def unregister(self, name: str) -> None:
        """Forget the plugin that was registered in this process as ``name``.

        Raises:
            PluginError: There is none.
        """
        plugin = Plugin(name, _HERE, "")
        with self._lock:
            if _key(plugin) not in self._plugins:
                raise PluginError(f"no plugin was registered in this process as {name!r}")
            self._remove(plugin)

    def add_commands(self, app: Any) -> None:
        """Let every plugin add its sub-commands to the command line ``app``."""
        for plugin in self.plugins():
            try:
                for hook in self._implementations("crosssim_commands", plugin):
                    hook.function(app) if hook.argnames else hook.function()
            except (Exception, SystemExit) as error:
                with self._lock:
                    self._problems.append(PluginProblem.of(plugin, error))

    def _discovered(self) -> Discovery:
        with self._lock:
            if self._discovery is None:
                # A plugin that asks for models while it is imported sees core's own only.
                self._discovery = Discovery((), (), ())
                try:
                    found = discover()
                    for plugin in found.plugins:
                        self._problems += self._add(plugin)
                    self._discovery = found
                except BaseException:
                    self._discovery = None
                    raise
            return self._discovery

    def _claims(self, family: Family) -> dict[str, list[InstalledModel]]:
        own = built_in(family)
        claims = {own.entry.name: [own]}
        self._discovered()
        with self._lock:
            installed = [model for models in self._models.values() for model in models]
        for model in installed:
            if model.family == family:
                claims.setdefault(model.entry.name, []).append(model)
        return claims

    def _add(self, plugin: Plugin) -> list[PluginProblem]:
        """Take up ``plugin``; what cannot be used of it is reported and left out."""
        try:
            self._manager.register(plugin.implementation, _key(plugin))
        except (Exception, SystemExit) as error:
            self._remove(plugin)
            return [PluginProblem.of(plugin, error)]
        self._plugins[_key(plugin)] = plugin
        self._models[_key(plugin)] = models = []
        problems = self._unknown_hooks(plugin)
        for family in FAMILIES:
            hook = f"crosssim_{family}_models"
            try:
                entries = [
                    entry
                    for implementation in self._implementations(hook, plugin)
                    for entry in checked_entries(implementation.function(), hook)
                ]
            except (Exception, SystemExit) as error:
                problems.append(PluginProblem.of(plugin, error))
            else:
                source = (plugin.name, plugin.distribution, plugin.version)
                models += [InstalledModel(family, entry, *source) for entry in entries]
        return problems

    def _remove(self, plugin: Plugin) -> None:
        key = _key(plugin)
        if self._manager.has_plugin(key):
            self._manager.unregister(name=key)
        self._plugins.pop(key, None)
        self._models.pop(key, None)

    def _implementations(self, hook: str, plugin: Plugin) -> list[pluggy.HookImpl]:
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        return [i for i in implementations if i.plugin_name == _key(plugin)]

    def _unknown_hooks(self, plugin: Plugin) -> list[PluginProblem]:
        known = ", ".join(sorted(name for name in vars(specs) if name.startswith("crosssim_")))
        return [
            PluginProblem.of(
                plugin, PluginError(f"there is no hook {caller.name!r}; hooks are: {known}")
            )
            for caller in self._manager.get_hookcallers(plugin.implementation) or ()
            if not caller.has_spec()
        ]


def _key(plugin: Plugin) -> str:
    # Two distributions may use one entry-point name, so the name alone is no key.
    return f"{plugin.distribution}:{plugin.name}"


def _rightful(claim: list[InstalledModel]) -> bool:
    return len(claim) == 1 or claim[0] is built_in(claim[0].family)
