"""What crosssim-torch adds to CrossSim: the commands ``crosssim demo`` and ``crosssim report``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from crosssim_core.plugins import hookimpl

if TYPE_CHECKING:
    from typer import Typer

CROSSSIM_INTERFACE = 1


@hookimpl
def crosssim_commands(app: "Typer") -> None:
    """Add ``crosssim demo`` and ``crosssim report``."""
    import typer

    seed_option = typer.Option(
        "--seed", min=0, max=2**63 - 1, help="Where every random number comes from."
    )
    chips_option = typer.Option("--chips", min=1, help="Number of simulated chips.")
    output_option = typer.Option("--output", help="Directory for the plot and the JSON file.")

    @app.command("demo")
    def demo(
        seed: Annotated[int, seed_option] = 0,
        chips: Annotated[int, chips_option] = 10,
        output: Annotated[Path, output_option] = Path("crosssim-demo"),
    ) -> None:
        """Train a network on handwritten digits and test it on simulated chips."""
        try:
            from crosssim_torch.demo.command import run_demo
        except ModuleNotFoundError as error:
            typer.echo(
                f"'crosssim demo' needs {error.name}, which is not installed. "
                "Install it with: pip install 'crosssim-torch[demo]'",
                err=True,
            )
            raise typer.Exit(1) from error
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"{output} cannot be a directory: {error.strerror}."
            raise typer.BadParameter(reason, param_hint="--output") from error
        run_demo(seed, chips, output)

    model_argument = typer.Argument(help="Where the network comes from: module:name.")
    params_argument = typer.Argument(help="Parameters of all layers, a JSON file.")
    rows_option = typer.Option("--bias-rows", min=0, help="Array rows that hold each bias.")
    fuse_option = typer.Option("--fuse-batchnorm", help="Fold batch-norms first.")
    groups_option = typer.Option("--groups", help="Where groups lie: dense or packed.")
    exclude_option = typer.Option("--exclude", help="Layers to leave digital, by name pattern.")

    @app.command("report")
    def report(
        model: Annotated[str, model_argument],
        params: Annotated[str, params_argument] = "default",
        bias_rows: Annotated[int, rows_option] = 0,
        fuse_batchnorm: Annotated[bool, fuse_option] = False,
        groups: Annotated[str, groups_option] = "dense",
        exclude: Annotated[list[str] | None, exclude_option] = None,
    ) -> None:
        """Tell which layers of a network become analog, and how well arrays are used.

        MODEL names a network, or a function or class that makes one without arguments.
        """
        from crosssim_torch.command import print_report

        print_report(model, params, bias_rows, fuse_batchnorm, {"groups": groups}, exclude or None)
