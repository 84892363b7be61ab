"""How benchmarks measure: jobs take turns in one run, and medians are compared."""

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from rich.progress import track
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

Job = Callable[[], object]


def medians(jobs: Sequence[Job], rounds: int) -> list[float]:
    """Median time of each job [s]; all have run once before."""
    for job in jobs:
        job()
    times: list[list[float]] = [[] for _ in jobs]
    for _ in track(range(rounds), "measuring", transient=True):
        for job, own in zip(jobs, times, strict=True):
            start = time.perf_counter()
            job()
            own.append(time.perf_counter() - start)
    return [statistics.median(own) for own in times]


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


def forward(model: nn.Module, images: Tensor) -> Job:
    """One forward pass without derivatives, finished when it returns."""

    def run() -> object:
        with torch.no_grad():
            y = model(images)
        if images.is_cuda:
            torch.cuda.synchronize()
        return y

    return run
