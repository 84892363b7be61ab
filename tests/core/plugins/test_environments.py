"""Installed distributions that behave, and others that do not, in one environment."""

from pathlib import Path

import pytest
from environments import install, python, without_ours

import crosssim_core

MODELS = """
from crosssim_core.plugins import ModelEntry, hookimpl

@hookimpl
def crosssim_{family}_models():
    return [ModelEntry({name!r}, "somewhere:Model")]
"""
CELL = """
from dataclasses import dataclass

@dataclass
class Cell:
    params: object
    cell: object

    def program(self, g, /, *, noise):
        return 0.5 * g
"""
SCRIPT = """
import sys
import numpy as np
from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.errors import PluginError, UnknownModelError
from crosssim_core.plugins import ModelEntry, find_model, hookimpl, installed_models, problems
from crosssim_core.plugins import register

assert "far_away" not in sys.modules
params = CrossSimParameters()
params.xbar.device.infinite_on_off_ratio = True
params.xbar.device.programming_error = {"enable": True, "model": "good.cell"}
np.testing.assert_allclose(AnalogCore(np.eye(2), params).get_matrix(), 0.5 * np.eye(2))
for name, said in (
    ("broken.cell", "Plugin 'broken' (broken-cells) is installed but failed to load"),
    ("future.cell", "version 99 of the plugin interface"),
    ("twin.cell", "is claimed by first-twin (plugin 'first') and second-twin (plugin 'second')"),
):
    try:
        find_model("device", name)
    except (PluginError, UnknownModelError) as error:
        assert said in str(error), error
    else:
        raise AssertionError(name)

class Late:
    @hookimpl
    def crosssim_adc_models(self):
        return [ModelEntry("late.adc", "somewhere:Adc")]

before = len(problems())
register(Late(), "late")
assert "late.adc" in installed_models("adc")
assert len(problems()) == before
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Distributions of every kind."""
    site = tmp_path_factory.mktemp("site")
    install(site, "broken-cells", {"broken.py": "import far_away"}, plugin="broken = broken")
    install(
        site, "future-cells", {"future.py": "CROSSSIM_INTERFACE = 99"}, plugin="future = future"
    )
    install(site, "stopping", {"stopping.py": "raise SystemExit(1)"}, plugin="stopping = stopping")
    install(site, "lost", {}, plugin="lost = nowhere.plugin")
    nonsense = "from crosssim_core.plugins import hookimpl\n\n@hookimpl\ndef crosssim_dac_models():"
    install(
        site, "nonsense", {"nonsense.py": f"{nonsense}\n    return 7"}, plugin="nonsense = nonsense"
    )
    for twin in ("first", "second"):
        source = MODELS.format(family="device", name="twin.cell")
        install(site, f"{twin}-twin", {f"{twin}.py": source}, plugin=f"{twin} = {twin}")
    source = MODELS.format(family="device", name="good.cell").replace(
        "somewhere:Model", "cell:Cell"
    )
    install(
        site,
        "good-cells",
        {"good.py": source, "cell.py": CELL},
        plugin="good = good",
        version="2.1",
    )
    return site


def test_no_plugin_stops_another(site):
    done = python("-c", SCRIPT, path=[site])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["models", "plugins"])
def test_the_command_line_prints_what_is_there_and_every_problem(site, command):
    pytest.importorskip("typer", reason="needs the extra crosssim-core[cli]")
    done = python("-c", "from crosssim_core.cli import main; main()", command, path=[site])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (row,) = [line for line in lines if "good.cell" in line]
    assert ("good-cells 2.1" if command == "plugins" else "good-cells") in row
    for said in (
        "Plugin 'broken' (broken-cells 1): ModuleNotFoundError: No module named 'far_away'",
        "Plugin 'future' (future-cells 1): PluginError: it was written for version 99",
        "Plugin 'stopping' (stopping 1): SystemExit: 1",
        "Plugin 'lost' (lost 1): ModuleNotFoundError: No module named 'nowhere'",
        "Plugin 'nonsense' (nonsense 1): PluginError: crosssim_dac_models returned 7",
        "Plugin 'second' (second-twin 1): PluginError: device model 'twin.cell' is claimed by",
    ):
        assert len([line for line in lines if said in line]) == 1, (said, done.stdout)


def test_the_environment_variable_leaves_the_bad_ones_out(site):
    code = (
        "from crosssim_core.plugins import installed_models, problems; "
        "assert list(installed_models('device')) == ['IdealDevice', 'good.cell']; "
        "assert not problems(), problems()"
    )
    done = python("-c", code, path=[site], CROSSSIM_PLUGINS="good")
    assert done.returncode == 0, done.stderr


def test_the_command_line_names_what_the_environment_variable_leaves_out(site):
    pytest.importorskip("typer", reason="needs the extra crosssim-core[cli]")
    main = "from crosssim_core.cli import main; main()"
    done = python("-c", main, "plugins", path=[site], CROSSSIM_PLUGINS="good")
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()}
    assert "good.cell" in rows["good"]
    assert "left out by CROSSSIM_PLUGINS" in rows["broken"]


def test_core_alone_says_which_package_supplies_sonos(tmp_path):
    without_ours(tmp_path / "site")
    core = Path(crosssim_core.__path__[0])
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "crosssim_core").symlink_to(core)
    install(tmp_path / "core", "crosssim-core", {}, version="4")
    code = (
        "from crosssim_core import CrossSimParameters\n"
        "from importlib.util import find_spec\n"
        "assert not find_spec('crosssim_devices') and not find_spec('crosssim_torch')\n"
        "try:\n    CrossSimParameters().xbar.device.drift_error.model = 'SONOS'\n"
        "except ValueError as error:\n    print(error)"
    )
    done = python("-c", code, path=[tmp_path / "core", tmp_path / "site"], only=True)
    assert done.returncode == 0, done.stderr
    # The environment of the tests may hold plugins of third parties, which are listed as well.
    message = done.stdout.strip()
    assert message.startswith(
        "xbar.device.drift_error.model: No device model is named 'SONOS'. "
        "Installed models: IdealDevice"
    )
    assert message.endswith(
        "'SONOS' comes with crosssim-devices: install it with 'pip install crosssim-devices'."
    )
