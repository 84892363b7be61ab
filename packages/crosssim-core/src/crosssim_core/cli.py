"""The command ``crosssim``: what is installed, and whatever plugins add."""

import sys
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Annotated

from crosssim_core.errors import CrossSimError
from crosssim_core.plugins import registry
from crosssim_core.plugins.discovery import RESTRICTION, Plugin
from crosssim_core.plugins.entries import FAMILIES
from crosssim_core.plugins.unknown import FAMILY_NAMES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from typer import Typer

SUPPLIED = {"demo": "crosssim-torch[demo]", "report": "crosssim-torch"}
"""Commands that other packages bring, and what to install for them."""


def main() -> None:
    """Run the command line; this is the console script."""
    try:
        app = build_app()
    except ModuleNotFoundError as error:
        if error.name not in {"rich", "typer"}:
            raise
        sys.exit(
            f"The command line needs {error.name}, which is not installed. "
            "Install it with: pip install 'crosssim-core[cli]'"
        )
    try:
        app()
    except CrossSimError as error:
        sys.exit(f"crosssim: {error}")


def build_app() -> "Typer":
    """The command line with the commands of every plugin that is installed.

    Raises:
        ModuleNotFoundError: typer or rich is not installed.
    """
    import rich  # noqa: F401
    import typer

    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    version_option = typer.Option("--version", help="Print the version.")

    @app.callback(invoke_without_command=True)
    def options(version: Annotated[bool, version_option] = False) -> None:
        """Simulate the accuracy of analog in-memory computing."""
        if version:
            typer.echo(f"crosssim-core {installed_version('crosssim-core')}")
            raise typer.Exit

    app.command("models")(show_models)
    app.command("plugins")(show_plugins)
    registry.add_commands(app)
    present = {command.name for command in app.registered_commands}
    for name in SUPPLIED.keys() - present:
        _stand_in(app, name)
    return app


def show_models() -> None:
    """List the device, ADC and DAC models that parameters can name, and what is wrong."""
    from rich.console import Console

    console = Console()
    table = _table("model", "own parameters", "from", wrap=1)
    for family in FAMILIES:
        table.add_row(f"{FAMILY_NAMES[family]} models:", style="bold")
        for name, model in registry.installed_models(family).items():
            table.add_row(name, model.entry.params.rpartition(":")[2], model.distribution)
    console.print(table)
    _show_problems(console)


def show_plugins() -> None:
    """List the plugins that are installed, and what is wrong with them."""
    from rich.console import Console

    console = Console()
    table = _table("plugin", "from", "models", wrap=2)
    models = [m for family in FAMILIES for m in registry.installed_models(family).values()]
    for plugin in registry.plugins():
        names = [model.entry.name for model in models if model.plugin == plugin.name]
        table.add_row(plugin.name, _source(plugin), ", ".join(names) or "none")
    for plugin in registry.left_out():
        table.add_row(plugin.name, _source(plugin), f"left out by {RESTRICTION}")
    console.print(table if table.row_count else "No plugin is installed.")
    _show_problems(console)


def _table(*headings: str, wrap: int) -> "Table":
    """A table that is as narrow as its contents; column number ``wrap`` may break its lines."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=number != wrap, overflow="fold")
    return table


def _source(plugin: Plugin) -> str:
    return f"{plugin.distribution} {plugin.version}".strip()


def _show_problems(console: "Console") -> None:
    """Print everything that is wrong with the installed plugins."""
    for problem in registry.problems():
        console.print(str(problem), style="red", markup=False)


def _stand_in(app: "Typer", name: str) -> None:
    """Add a command that says which package brings the command ``name``."""
    import typer

    def missing() -> None:
        supplier = SUPPLIED[name].partition("[")[0]
        for problem in registry.problems():
            if problem.distribution == supplier:
                typer.echo(str(problem), err=True)
        typer.echo(
            f"'crosssim {name}' comes with {supplier}. "
            f"Install it with: pip install '{SUPPLIED[name]}'",
            err=True,
        )
        raise typer.Exit(1)

    anything = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(name, hidden=True, context_settings=anything)(missing)
