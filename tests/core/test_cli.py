"""The command ``crosssim``."""

import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

typer = pytest.importorskip("typer", reason="needs the extra crosssim-core[cli]")

from typer.testing import CliRunner, Result  # noqa: E402

from crosssim_core import cli  # noqa: E402
from crosssim_core.errors import CrossSimError  # noqa: E402
from crosssim_core.plugins import ModelEntry, hookimpl, register, registry, unregister  # noqa: E402


@hookimpl
def crosssim_device_models() -> list[ModelEntry]:
    return [ModelEntry("zenith.rram", "zenith_rram:Rram", "zenith_rram:RramParams")]


@hookimpl
def crosssim_commands(app: typer.Typer) -> None:
    @app.command("greet")
    def greet(name: str) -> None:
        typer.echo(f"Hello, {name}")


@pytest.fixture
def zenith() -> Iterator[None]:
    """A plugin with one device model and one command."""
    plugin = SimpleNamespace(
        crosssim_device_models=crosssim_device_models, crosssim_commands=crosssim_commands
    )
    register(plugin, "zenith")
    yield
    unregister("zenith")


def run(*arguments: str, columns: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(cli.build_app(), arguments)


def test_nothing_is_cut_off_in_a_narrow_terminal(zenith: None) -> None:
    wide = {word for command in ("models", "plugins") for word in run(command).output.split()}
    for command in ("models", "plugins"):
        narrow = run(command, columns=80).output
        assert max(map(len, narrow.splitlines())) <= 80
        assert "…" not in narrow
        words = {word.strip(",") for word in narrow.split() if set(word) != {"─"}}
        assert words <= {word.strip(",") for word in wide}


def test_models_names_every_installed_model_and_its_origin(zenith: None) -> None:
    result = run("models")
    assert result.exit_code == 0
    for family in ("device", "adc", "dac"):
        for name, model in registry.installed_models(family).items():
            (row,) = [line for line in result.output.splitlines() if name in line.split()]
            assert model.distribution in row
    (row,) = [line for line in result.output.splitlines() if "zenith.rram" in line]
    assert "RramParams" in row


def test_plugins_lists_what_each_plugin_brings(zenith: None) -> None:
    result = run("plugins")
    assert result.exit_code == 0
    (row,) = [line for line in result.output.splitlines() if line.split()[:1] == ["zenith"]]
    assert "zenith.rram" in row


@pytest.mark.parametrize("command", ["models", "plugins"])
def test_both_lists_say_what_is_wrong(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(registry, "problems", lambda: ("Plugin 'late' [broken]",))
    assert "Plugin 'late' [broken]" in run(command).output


def test_a_plugin_adds_commands(zenith: None) -> None:
    result = run("greet", "world")
    assert (result.exit_code, result.output) == (0, "Hello, world\n")


def test_demo_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "add_commands", lambda app: None)
    monkeypatch.setattr(registry, "problems", lambda: ())
    result = run("demo", "--seed", "3")
    assert result.exit_code == 1
    assert "pip install 'crosssim-torch[demo]'" in result.output


def test_demo_blames_the_plugin_that_failed_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    class Problem(SimpleNamespace):
        def __str__(self) -> str:
            return "Plugin 'torch' (crosssim-torch 4): ImportError: no torch"

    monkeypatch.setattr(registry, "add_commands", lambda app: None)
    monkeypatch.setattr(registry, "problems", lambda: (Problem(distribution="crosssim-torch"),))
    assert "ImportError: no torch" in run("demo").output


def test_no_arguments_show_the_help() -> None:
    assert "models" in run().output


def test_the_version_is_that_of_the_distribution() -> None:
    assert run("--version").output.startswith("crosssim-core ")


def test_without_the_extra_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from crosssim_core.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert "pip install 'crosssim-core[cli]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_error_of_the_family_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise CrossSimError("no such thing")

    monkeypatch.setattr(cli, "build_app", lambda: broken)
    with pytest.raises(SystemExit, match="crosssim: no such thing"):
        cli.main()
