"""Plugins of notebooks and tests are registered without being installed."""

import pytest

from crosssim_core.errors import PluginError, UnknownModelError
from crosssim_core.plugins import ModelEntry, hookimpl
from crosssim_core.plugins import registry as installed
from crosssim_core.plugins.table import Registry


class Cells:
    """A plugin that is an object, not a module."""

    def __init__(self, *names, place="collections:OrderedDict", params=""):
        self.entries = [ModelEntry(name, place, params) for name in names]

    @hookimpl
    def crosssim_device_models(self):
        return self.entries


class Broken:
    @hookimpl
    def crosssim_device_models(self):
        return 3


class Commands:
    def __init__(self, called):
        self.called = called

    @hookimpl
    def crosssim_commands(self, app):
        self.called.append(app)


class BrokenCommands:
    @hookimpl
    def crosssim_commands(self, app):
        raise RuntimeError("no terminal")


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setenv("CROSSSIM_PLUGINS", "")
    return Registry()


def test_a_registered_plugin_is_found_until_it_is_unregistered(registry):
    registry.register(Cells("mine.cell"), "mine")
    assert registry.find("device", "mine.cell").plugin == "mine"
    registry.unregister("mine")
    with pytest.raises(UnknownModelError):
        registry.find("device", "mine.cell")


def test_registering_again_replaces_the_plugin_of_that_name(registry):
    registry.register(Cells("mine.old"), "mine")
    registry.register(Cells("mine.new"), "mine")
    assert list(registry.models("device")) == ["IdealDevice", "mine.new"]


def test_a_plugin_that_cannot_be_registered_changes_nothing(registry):
    registry.register(Cells("mine.cell"), "mine")
    with pytest.raises(PluginError, match="returned 3"):
        registry.register(Broken(), "mine")
    assert list(registry.models("device")) == ["IdealDevice", "mine.cell"]
    assert not registry.problems()


def test_unregistering_what_was_never_registered_is_an_error(registry):
    with pytest.raises(PluginError, match="ghost"):
        registry.unregister("ghost")


def test_commands_of_one_plugin_do_not_stop_those_of_another(registry):
    called, app = [], object()
    registry.register(BrokenCommands(), "broken")
    registry.register(Commands(called), "working")
    registry.add_commands(app)
    assert called == [app]
    assert "no terminal" in str(registry.problems()[0])


@pytest.fixture
def mine():
    """Register a plugin in the registry that everybody uses, for one test."""

    def register(plugin):
        installed.register(plugin, "mine")

    yield register
    installed.unregister("mine")


def test_factory_and_parameter_class_are_imported_when_asked_for(mine):
    mine(Cells("mine.cell", params="collections:Counter"))
    assert installed.factory("device", "mine.cell").__name__ == "OrderedDict"
    assert installed.params_class("device", "mine.cell").__name__ == "Counter"


def test_a_model_without_parameters_of_its_own_has_no_class(mine):
    mine(Cells("mine.cell"))
    assert installed.params_class("device", "mine.cell") is None
    assert installed.params_class("adc", "IdealADC") is None


@pytest.mark.parametrize("place", ["module_not_there:Model", "collections:Not_there"])
def test_a_place_that_cannot_be_imported_names_the_plugin(mine, place):
    mine(Cells("mine.cell", place=place))
    with pytest.raises(PluginError, match=rf"'mine.cell'.*'mine'.*{place}"):
        installed.factory("device", "mine.cell")


def test_a_place_that_holds_the_wrong_thing_is_refused(mine):
    mine(Cells("mine.cell", place="math:pi", params="math:sqrt"))
    with pytest.raises(PluginError, match="cannot be called"):
        installed.factory("device", "mine.cell")
    with pytest.raises(PluginError, match="not a class"):
        installed.params_class("device", "mine.cell")
