"""The guide to device plugins and the package that it grows keep step."""

import inspect
import json
import re
from pathlib import Path

import pytest
from environments import install, python

from crosssim_core.converters import interface as converters
from crosssim_core.devices import interface as devices
from crosssim_core.plugins import specs

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "how-to" / "device-plugin.md").read_text()
PACKAGE = ROOT / "examples" / "acme-rram"
SOURCES = "src/"

FILE = re.compile(r'```\w+ title="(?P<path>[^"]+)"\n(?P<text>.*?)```', re.DOTALL)


def stages(*, of_sources=False):
    """Files of the package as they stand after each step of the guide, by the step's title.

    Only steps that change its sources if ``of_sources``.
    """
    files, found = {}, {}
    for step in re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]:
        changed = {match["path"]: match["text"] for match in FILE.finditer(step)}
        files = files | changed
        if any(path.startswith(SOURCES) or not of_sources for path in changed):
            found[step.splitlines()[0]] = files
    return found


def installed(site, files):
    """Install the package of one step into ``site``."""
    sources = {p.removeprefix(SOURCES): t for p, t in files.items() if p.startswith(SOURCES)}
    install(site, "acme-rram", sources, plugin="acme = acme_rram.plugin")


def test_the_guide_ends_with_the_package():
    (*_, files) = stages().values()
    kept = {
        path.relative_to(PACKAGE).as_posix(): path.read_text()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix in (".py", ".toml", ".json", ".csv")
    }
    kept = {name: text for name, text in kept.items() if not name.startswith(("build", "dist"))}
    assert files.keys() == kept.keys()
    for name, text in kept.items():
        assert files[name] == text, name


def test_the_entry_point_of_the_tests_is_that_of_the_package():
    pyproject = (PACKAGE / "pyproject.toml").read_text()
    assert '[project.entry-points.crosssim]\nacme = "acme_rram.plugin"\n' in pyproject


@pytest.mark.parametrize("step", stages(of_sources=True))
def test_every_step_leaves_a_package_that_conforms(step, tmp_path):
    installed(tmp_path, stages()[step])
    code = "from crosssim_core.testing import check_device_model; check_device_model('acme.rram')"
    done = python("-c", code, path=[tmp_path], CROSSSIM_PLUGINS="acme")
    assert done.returncode == 0, done.stderr


def test_the_plain_examples_run(tmp_path):
    (*_, files) = stages().values()
    installed(tmp_path, files)
    examples = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert examples
    for example in examples:
        done = python("-c", example, path=[tmp_path], CROSSSIM_PLUGINS="acme")
        assert done.returncode == 0, done.stderr


def test_a_complete_model_is_thirty_lines():
    for name in ("plugin.py", "params.py", "model.py"):
        lines = (PACKAGE / "src" / "acme_rram" / name).read_text().splitlines()
        assert len([line for line in lines if line.strip()]) <= 30


def test_the_json_file_names_the_model():
    device = json.loads((PACKAGE / "rram.json").read_text())["xbar"]["device"]
    assert {record["model"] for record in device.values() if isinstance(record, dict)} == {
        "acme.rram"
    }


def signatures():
    """Methods that a model may have, as the interfaces declare them."""
    declared = [*vars(devices).values(), *vars(converters).values()]
    for protocol in (p for p in declared if hasattr(p, "_is_protocol")):
        if protocol.__module__ in (devices.__name__, converters.__name__):
            for name, method in vars(protocol).items():
                if inspect.isfunction(method) and not name.startswith("_"):
                    parameters = list(inspect.signature(method).parameters.values())[1:]
                    yield (
                        name,
                        str(inspect.Signature([p.replace(annotation=p.empty) for p in parameters])),
                    )


@pytest.mark.parametrize(("name", "signature"), sorted(set(signatures())))
def test_the_guide_tells_every_method_with_its_signature(name, signature):
    assert f"`{name}{signature}`" in GUIDE


def test_the_guide_tells_every_hook_for_models():
    for name in vars(specs):
        if re.fullmatch(r"crosssim_\w+_models", name):
            assert name in GUIDE
