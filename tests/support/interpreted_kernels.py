"""Runs the kernels in Triton's interpreter, on the processor, and writes what they give to a file.

``python interpreted_kernels.py FILE``, with TRITON_INTERPRET=1 from the start of the process.
"""

import sys
from contextlib import nullcontext
from typing import Any
from unittest import mock

import numpy as np
import torch

from crosssim_torch import fusing

COUNTS = (1, 1023, 5000)
FACTOR, OFFSET, TOP, ORIGIN = 20.3, 127.25, 255.0, 127.0
KEYS = (2**63 - 1, 5)
DEVIATES = 2**18


def inputs(count: int) -> torch.Tensor:
    """Numbers within the range and beyond it, on ties and NaN."""
    x = 8 * torch.randn(count, generator=torch.Generator().manual_seed(count))
    x[: count // 2] = (x[: count // 2] * 2).round() / 2
    x[-1:] = float("nan")
    return x


def launched(name: str, x: torch.Tensor, *arguments: Any, fuses: bool) -> None:
    """Run a kernel the way that layers run it."""
    with mock.patch.object(torch.cuda, "device", return_value=nullcontext()):
        assert fusing._launched(name, x, *arguments, fuses=fuses)


def main(place: str) -> None:
    """Write arrays by name."""
    results = {}
    for count in COUNTS:
        x, y = inputs(count), torch.empty(count)
        launched("rounded_kernel", x, FACTOR, OFFSET, TOP, ORIGIN, y, fuses=False)
        results[f"codes {count}"] = y.numpy()
        launched("rounded_kernel", x, 1.0, 0.0, TOP, 0.0, x, fuses=False)
        results[f"in place {count}"] = x.numpy()
    for key in KEYS:
        lines = torch.zeros(DEVIATES)
        launched("noisy_kernel", lines, torch.ones(DEVIATES), torch.tensor(key), fuses=True)
        results[f"noise {key}"] = lines.numpy()
    lines, variance = torch.arange(5.0), torch.tensor([0.0, 4.0, -1e-9, float("nan"), 0.25])
    launched("noisy_kernel", lines, variance, torch.tensor(KEYS[0]), fuses=True)
    results["noise of variances"] = lines.numpy()
    np.savez(place, **results)


if __name__ == "__main__":
    main(sys.argv[1])
