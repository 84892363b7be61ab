"""Plugins are found through entry points, and none can stop another."""

import subprocess
import sys
from pathlib import Path
from threading import Barrier, Thread

import pytest

from crosssim_core.errors import CrossSimError, PluginError, UnknownModelError
from crosssim_core.plugins.table import Registry

GOOD = """
from crosssim_core.plugins import ModelEntry, hookimpl

@hookimpl
def crosssim_device_models():
    return [ModelEntry("{name}", "somewhere.{name}:Model", "somewhere:Params")]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Function that installs a distribution with one plugin module, for this test only."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("CROSSSIM_PLUGINS", raising=False)
    modules = []

    def install(distribution, plugin, source, version="1.2"):
        module = f"planted_{plugin}_{distribution.replace('-', '_')}_{tmp_path.name}"
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[crosssim]\n{plugin} = {module}\n")

    yield install
    for module in modules:
        sys.modules.pop(module, None)


def _problems_of(registry, plugin):
    return [problem for problem in registry.problems() if problem.plugin == plugin]


def test_an_installed_plugin_is_found_with_its_distribution_and_version(install):
    install("acme-rram", "acme", GOOD.format(name="acme.rram"))
    model = Registry().find("device", "acme.rram")
    assert (model.plugin, model.distribution, model.version) == ("acme", "acme-rram", "1.2")
    assert model.entry.params == "somewhere:Params"
    assert "acme.rram" in Registry().models("device")


def test_core_has_its_ideal_models_without_looking_for_plugins(install):
    install("bad", "bad", "raise RuntimeError('imported')")
    registry = Registry()
    for family, name in (("device", "IdealDevice"), ("adc", "IdealADC"), ("dac", "IdealDAC")):
        assert registry.find(family, name).plugin == "crosssim-core"
    assert registry._discovery is None
    assert _problems_of(registry, "bad")


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        ("import module_that_is_not_there", "ModuleNotFoundError", "module_that_is_not_there"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("def broken(:", "SyntaxError", "invalid"),
        ("CROSSSIM_INTERFACE = 99", "PluginError", "99"),
    ],
)
def test_a_plugin_that_fails_to_load_is_reported_and_stops_nobody(install, source, kind, said):
    install("bad-one", "bad", source)
    install("acme-rram", "acme", GOOD.format(name="acme.rram"))
    registry = Registry()
    assert registry.find("device", "acme.rram").plugin == "acme"
    (problem,) = _problems_of(registry, "bad")
    assert (problem.distribution, problem.version) == ("bad-one", "1.2")
    assert type(problem.error).__name__ == kind
    assert said in str(problem)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 3", "returned 3"),
        ("return 'acme.rram'", "not a list"),
        ("return None", "returned None"),
        ("return [('acme.rram', 'a:b')]", "not a ModelEntry"),
        ("return [ModelEntry('', 'a:b')]", "without a name"),
        ("return [ModelEntry(7, 'a:b')]", "without a name"),
        ("return [ModelEntry('x', 'no colon')]", "package.module:Name"),
        ("return [ModelEntry('x', '')]", "package.module:Name"),
        ("return [ModelEntry('x', 'a:b', None)]", "package.module:Name"),
        ("return [ModelEntry('x', 'a:b'), ModelEntry('x', 'a:c')]", "two models named 'x'"),
        ("raise ValueError('no data')", "no data"),
    ],
)
def test_nonsense_from_a_hook_is_reported_and_leaves_the_other_hooks(install, body, said):
    source = GOOD.format(name="acme.rram") + (
        f"\n@hookimpl\ndef crosssim_adc_models():\n    {body}\n"
    )
    install("acme-rram", "acme", source)
    registry = Registry()
    (problem,) = _problems_of(registry, "acme")
    assert said in str(problem)
    assert list(registry.models("adc"))[:1] == ["IdealADC"]
    assert registry.find("device", "acme.rram").plugin == "acme"


def test_a_hook_that_does_not_exist_is_reported(install):
    source = GOOD.format(name="acme.rram") + (
        "\n@hookimpl\ndef crosssim_device_modles():\n    return []\n"
    )
    install("acme-rram", "acme", source)
    (problem,) = _problems_of(Registry(), "acme")
    assert "crosssim_device_modles" in str(problem)
    assert "crosssim_device_models" in str(problem)


def test_a_hook_with_an_argument_that_does_not_exist_is_reported(install):
    source = GOOD.replace("models()", "models(magic)").format(name="acme.rram")
    install("acme-rram", "acme", source)
    (problem,) = _problems_of(Registry(), "acme")
    assert "magic" in str(problem)


def test_a_name_claimed_twice_is_an_error_only_for_who_asks_for_it(install):
    install("acme-rram", "acme", GOOD.format(name="rram"))
    install("rival-cells", "rival", GOOD.format(name="rram"))
    install("third", "third", GOOD.format(name="third.cell"))
    registry = Registry()
    with pytest.raises(PluginError, match=r"acme-rram.* and rival-cells"):
        registry.find("device", "rram")
    assert "rram" not in registry.models("device")
    assert registry.find("device", "third.cell").plugin == "third"
    assert any("claimed by" in str(problem.error) for problem in registry.problems())


def test_nobody_takes_a_name_of_core(install):
    install("acme-rram", "acme", GOOD.format(name="IdealDevice"))
    registry = Registry()
    assert registry.models("device")["IdealDevice"].distribution == "crosssim-core"
    assert registry.find("device", "IdealDevice").distribution == "crosssim-core"
    (problem,) = _problems_of(registry, "acme")
    assert "crosssim-core" in str(problem)


def test_two_distributions_may_use_one_entry_point_name(install):
    install("acme-rram", "cells", GOOD.format(name="acme.rram"))
    install("rival-cells", "cells", GOOD.format(name="rival.rram"))
    assert {"acme.rram", "rival.rram"} <= set(Registry().models("device"))


@pytest.mark.parametrize(
    ("value", "loaded"),
    [("", set()), ("acme", {"acme.rram"}), (" rival , acme ", {"acme.rram", "rival.rram"})],
)
def test_the_environment_variable_chooses_the_plugins(install, monkeypatch, value, loaded):
    install("acme-rram", "acme", GOOD.format(name="acme.rram"))
    install("rival-cells", "rival", GOOD.format(name="rival.rram"))
    monkeypatch.setenv("CROSSSIM_PLUGINS", value)
    assert set(Registry().models("device")) == {"IdealDevice"} | loaded


def test_a_plugin_that_is_left_out_is_not_imported_and_is_named_when_missed(install, monkeypatch):
    install("acme-rram", "acme", "raise RuntimeError('imported')")
    monkeypatch.setenv("CROSSSIM_PLUGINS", "")
    registry = Registry()
    with pytest.raises(UnknownModelError, match=r"'acme' \(acme-rram\).*CROSSSIM_PLUGINS"):
        registry.find("device", "acme.rram")
    assert not registry.problems()


def test_a_plugin_that_is_chosen_and_not_installed_is_reported(install, monkeypatch):
    monkeypatch.setenv("CROSSSIM_PLUGINS", "ghost")
    (problem,) = _problems_of(Registry(), "ghost")
    assert "not installed" in str(problem)


def test_discovery_happens_once_even_if_many_threads_ask(install, tmp_path):
    log = tmp_path / "log"
    source = GOOD.format(name="acme.rram").replace(
        "    return",
        f"    with open({str(log)!r}, 'a') as log:\n        log.write('called ')\n    return",
    )
    install("acme-rram", "acme", source)
    registry, start, found = Registry(), Barrier(8), []

    def ask():
        start.wait()
        found.append(registry.find("device", "acme.rram").plugin)

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["acme"] * 8
    assert log.read_text() == "called "


def test_a_plugin_that_asks_for_models_while_it_is_imported_sees_those_of_core(
    install, monkeypatch
):
    source = (
        "from crosssim_core.plugins import installed_models\n"
        "assert list(installed_models('device')) == ['IdealDevice']\n"
    )
    install("acme-rram", "acme", source + GOOD.format(name="acme.rram"))
    registry = Registry()
    monkeypatch.setattr("crosssim_core.plugins.registry._registry", registry)
    assert "acme.rram" in registry.models("device")
    assert not _problems_of(registry, "acme")


def test_an_unknown_model_is_told_what_is_near_and_what_is_installed(install):
    install("acme-rram", "acme", GOOD.format(name="acme.rram"))
    with pytest.raises(UnknownModelError) as caught:
        Registry().find("device", "acme.rrm")
    message = str(caught.value)
    assert message.startswith("No device model is named 'acme.rrm'. Did you mean 'acme.rram'?")
    assert "Installed models: " in message
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, CrossSimError)


def test_an_unknown_model_of_a_broken_plugin_says_why_the_plugin_failed(install):
    install("acme-rram", "acme", "raise ImportError('no libwidget')")
    install("other", "other", "raise ImportError('unrelated')")
    with pytest.raises(UnknownModelError) as caught:
        Registry().find("device", "acme.rram")
    message = str(caught.value)
    assert (
        "Plugin 'acme' (acme-rram) is installed but failed to load: ImportError: no libwidget"
        in message
    )
    assert "unrelated" not in message


@pytest.mark.parametrize(
    ("family", "asked", "meant"),
    [
        ("device", "SONOS", "SONOS"),
        ("device", "RRAMMilo", "RRAMMilo"),
        ("adc", "QuantizerADC", "QuantizerADC"),
        ("dac", "SignMagnitudeDAC", "SignMagnitudeDAC"),
        ("device", "sonos", "SONOS"),
        ("adc", "QuantiserADC", "QuantizerADC"),
    ],
)
def test_a_missing_model_of_crosssim_devices_says_what_to_install(
    monkeypatch, family, asked, meant
):
    monkeypatch.setattr("crosssim_core.plugins.discovery.entry_points", lambda group: [])
    with pytest.raises(UnknownModelError) as caught:
        Registry().find(family, asked)
    assert f"{meant!r} comes with crosssim-devices" in str(caught.value)
    assert "pip install crosssim-devices" in str(caught.value)


def test_discovery_itself_imports_neither_parameters_nor_numerics(monkeypatch):
    monkeypatch.setenv("CROSSSIM_PLUGINS", "")
    code = (
        "import sys, types; m = types.ModuleType('crosssim_core'); "
        "m.__path__ = [sys.argv[1]]; sys.modules['crosssim_core'] = m; "
        "import crosssim_core.plugins; crosssim_core.plugins.problems(); "
        "heavy = {'numpy', 'pydantic', 'torch', 'crosssim_core.parameters'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    package = Path(sys.modules["crosssim_core"].__path__[0])
    subprocess.run([sys.executable, "-c", code, str(package)], check=True)
