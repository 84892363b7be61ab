"""What a run leaves behind: a table, a plot and a JSON file."""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.table import Table

from crosssim_torch.demo.experiment import Outcome, Result

PACKAGES = ("crosssim-core", "crosssim-devices", "crosssim-torch", "numpy", "torch")


def table(outcome: Outcome) -> Table:
    """The results as a table for the terminal."""
    digital = outcome.results[0].mean
    rows = Table(
        "arrays", title=f"Accuracy over {outcome.chips} simulated chips", title_justify="left"
    )
    rows.add_column("mean", justify="right")
    rows.add_column("± std", justify="right")
    rows.add_column("change", justify="right")
    for result in outcome.results:
        change = f"{round(100 * (result.mean - digital), 1) + 0.0:+.1f}"
        rows.add_row(result.name, f"{100 * result.mean:.1f} %", _spread(result), change)
    return rows


def save_plot(outcome: Outcome, path: Path) -> None:
    """Write a picture with one row for each kind of arrays and one dot for each chip."""
    figure = Figure(figsize=(8.5, 4.2), layout="constrained", dpi=150)
    axes = figure.subplots()
    for row, result in enumerate(outcome.results):
        values = [100 * a for a in result.accuracies]
        axes.plot(values, [row] * len(values), "o", color="tab:blue", alpha=0.25, markersize=7)
        axes.plot([100 * result.mean], [row], "|", color="black", markersize=18, markeredgewidth=2)
        text = f"{100 * result.mean:.1f} % {_spread(result)}"
        axes.text(1.02, row, text, va="center", transform=axes.get_yaxis_transform())
    axes.set_yticks(range(len(outcome.results)), [r.name.strip() for r in outcome.results])
    axes.invert_yaxis()
    axes.set_xlim(right=101)
    axes.set_xlabel("test images recognised [%]")
    axes.set_title(f"Handwritten digits on {outcome.chips} simulated chips, seed {outcome.seed}")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def save_json(outcome: Outcome, path: Path) -> None:
    """Write all figures, chip by chip, and the versions that they were computed with."""
    path.write_text(json.dumps(as_json(outcome), indent=4) + "\n", encoding="utf-8")


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain numbers, strings, lists and dictionaries."""
    return {
        "seed": outcome.seed,
        "chips": outcome.chips,
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "ranges": [r.to_dict() for r in outcome.ranges],
        "results": [
            {"name": r.name.strip(), "mean": r.mean, "std": r.std, "accuracies": list(r.accuracies)}
            for r in outcome.results
        ],
        "won_back": outcome.won_back,
    }


def _spread(result: Result) -> str:
    return f"± {100 * result.std:.1f}"
