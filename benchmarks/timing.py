"""How benchmarks measure: jobs take turns in one run, and medians are compared."""

import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from report import Row
from rich import get_console
from rich.progress import track
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

# Kineto tells of each profile on the standard error stream otherwise.
os.environ.setdefault("KINETO_LOG_LEVEL", "6")

Job = Callable[[], object]
Clock = Callable[[], float]
T = TypeVar("T")


def compare(
    jobs: Mapping[str, Job],
    rounds: int,
    *,
    parts: Mapping[str, int] | None = None,
    memory: bool = False,
    clock: Clock = time.perf_counter,
) -> list[Row]:
    """One row for each job, compared with the first.

    Args:
        jobs: What is timed, by the case that it stands for.
        rounds: How often each is timed.
        parts: Equal parts of a job, where times are those of one.
        memory: Whether peaks of memory are compared as well.
        clock: Tells the time [s].
    """
    shares = [(parts or {}).get(case, 1) for case in jobs]
    times = [t / n for t, n in zip(medians([*jobs.values()], rounds, clock), shares, strict=True)]
    rows = [Row(case, 1e3 * t, t / times[0]) for case, t in zip(jobs, times, strict=True)]
    if not memory:
        return rows
    peaks = [peak(job) for job in jobs.values()]
    return [
        replace(row, megabytes=own / 1e6, memory=own / peaks[0])
        for row, own in zip(rows, peaks, strict=True)
    ]


def medians(jobs: Sequence[Job], rounds: int, clock: Clock = time.perf_counter) -> list[float]:
    """Median time of each job [s]; the first run of each, which warms up, is left out."""
    times: list[list[float]] = [[] for _ in jobs]
    turns = [*zip(jobs, times, strict=True)] * (1 + rounds)
    for job, own in progress(turns, "measuring"):
        own.append(seconds(job, clock))
    return [statistics.median(own[1:]) for own in times]


def progress(items: Sequence[T], verb: str) -> Iterable[T]:
    """The items, and a bar that shows on a terminal how many are done."""
    return track(items, verb, transient=True, disable=not get_console().is_terminal)


def seconds(job: Job, clock: Clock = time.perf_counter) -> float:
    """Time of one run, until a GPU has finished it as well [s]."""
    start = clock()
    job()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return clock() - start


def peak(job: Job) -> int:
    """Most memory that PyTorch held at once beyond what it held before, on a GPU if one is used
    [B].
    """
    job()
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        job()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
        job()
    recorded: Any = run.profiler
    changes = [e for e in recorded.kineto_results.events() if e.name() == "[memory]"]
    changes.sort(key=lambda event: event.start_ns())
    return max(itertools.accumulate((event.nbytes() for event in changes), initial=0))


def forward(model: nn.Module, x: Tensor) -> Job:
    """One forward pass without derivatives."""
    return torch.no_grad()(lambda: model(x))
