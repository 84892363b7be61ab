"""The command ``crosssim demo``."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from crosssim_torch.demo.experiment import Outcome, run, steps
from crosssim_torch.demo.report import save_json, save_plot, table


def run_demo(seed: int, chips: int, output: Path) -> Outcome:
    """Run the main job, show its progress and results, and write them into ``output``."""
    console = Console()
    columns = (
        TextColumn("{task.description:<40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("training", total=steps(chips))
        outcome = run(
            seed, chips, lambda doing: progress.update(task, advance=1, description=doing.strip())
        )
    plot, figures = output / "accuracy.png", output / "results.json"
    save_plot(outcome, plot)
    save_json(outcome, figures)
    console.print(table(outcome))
    console.print(f"Fine-tuning won back {100 * outcome.won_back:.0f} % of what the error cost.")
    console.print(f"Plot: {plot}", f"Figures: {figures}", sep="\n", highlight=False, soft_wrap=True)
    return outcome
