"""How benchmarks are run: one as a script, or several, each in a process of its own."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from inspect import getfile
from pathlib import Path
from typing import Annotated, Any

import report
import torch
import typer
from report import Notes, Report, Section
from rich.console import Console

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
Results = Callable[..., list[Section]]
"""What a benchmark finds at the sizes that it is given."""


def names() -> list[str]:
    """Every benchmark."""
    return sorted(map(name_of, FOLDER.glob("bench_*.py")))


def name_of(path: str | Path) -> str:
    """Name of a benchmark: ``wires`` for ``benchmarks/bench_wires.py``."""
    return Path(path).stem.removeprefix("bench_")


def measured(results: Results, **options: Any) -> Report:
    """What a benchmark finds in this process."""
    torch.manual_seed(0)
    sections = results(**options)
    machine: Notes = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_initialized() else "CPU",
        "threads": torch.get_num_threads(),
        "PyTorch": str(torch.__version__),
        "Numba": "installed" if find_spec("numba") else "not installed",
    }
    return Report(machine, sections)


def publish(reports: dict[str, Report], name: str) -> None:
    """Print one table and write it as JSON."""
    console, path = Console(), RESULTS / f"{name}.json"
    report.show(reports.values(), console)
    report.write(reports, path)
    console.print(f"Written to {os.path.relpath(path)}", highlight=False)


def script(results: Results) -> None:
    """Run one benchmark; the arguments of ``results`` are options of the command line."""
    name = name_of(getfile(results))

    @wraps(results)
    def run(**options: Any) -> None:
        publish({name: measured(results, **options)}, name)

    typer.run(run)


def benchmark(name: str) -> Report:
    """What one benchmark finds at its own sizes."""
    return measured(import_module(f"bench_{name}").results)


def run(benchmarks: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Run all benchmarks, or those that are named, such as wires or bench_wires.py.

    Each has a process of its own, and leaves neither threads nor memory to the next one.
    """
    chosen = [*map(name_of, benchmarks or names())]
    if unknown := {*chosen} - {*names()}:
        known = ", ".join(names())
        raise typer.BadParameter(f"No benchmark is named {min(unknown)!r}. There are: {known}.")
    reports: dict[str, Report] = {}
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as pool:
            for number, name in enumerate(chosen, 1):
                Console().print(f"{number} of {len(chosen)}: {name}", highlight=False)
                reports[name] = pool.submit(benchmark, name).result()
    finally:
        if reports:
            publish(reports, "all")
