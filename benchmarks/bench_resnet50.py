"""Time and memory of ResNet-50 on simulated arrays, over those of the stock network, on a GPU.

Every case is a ratio measured in one run: all networks take turns with the stock one, whose
batch-norms are folded, and medians are compared. Weights are random, which times do not depend on.
Without a GPU nothing is measured unless ``--device cpu`` asks for it, and no limit applies there.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from hardware import (
    DIGITS,
    LARGE_ARRAYS,
    NOISE,
    OFFSET,
    SAR,
    SLICES,
    SMALL_ARRAYS,
    SONOS,
    WIRES,
    Case,
    analog,
)
from resnet50 import resnet50
from rich.console import Console
from rich.progress import track
from rich.table import Table
from timing import forward, medians, peak
from torch import Tensor, nn

from crosssim_torch.batchnorm import fuse_batchnorms

RESULTS = Path(__file__).parent / "results" / "resnet50.json"
CASES = (
    Case("ideal arrays", {}, None, converters=False),
    Case("8-bit DAC, 8-bit ADC", {}, 2.0),
    Case("+ SONOS programming error", SONOS, None),
    Case("OFFSET, 8-bit DAC and ADC", OFFSET, None),
    Case("SAR ADC with mismatch, a table for each group", SAR, None),
    Case("arrays of 144 rows, an ADC each", SMALL_ARRAYS, None),
    Case("4 slices of 2 bits, an ADC each", SLICES, None),
    Case("7 input digits, an ADC conversion each", DIGITS, None),
    Case("read noise on every product", NOISE, 3.0),
    Case("1 Ω wires, arrays of 1152×256", WIRES | LARGE_ARRAYS, None),
)
CALIBRATION_IMAGES = 4


def measure(network: nn.Module, images: Tensor, rounds: int) -> list[dict[str, Any]]:
    """One row for each case and one for the stock network: time, ratio and peak memory.

    Only one analog network is kept at a time, so that many fit on one device.
    """
    stock = forward(fuse_batchnorms(network), images)
    (alone,) = medians([stock], rounds)
    rows = [_row("stock, batch-norms folded", alone, 1.0, None, peak(stock), len(images))]
    for case in track(CASES, "measuring", transient=True):
        job = forward(analog(case, network, images[:CALIBRATION_IMAGES]), images)
        base, time = medians([stock, job], rounds)
        rows.append(_row(case.name, time, time / base, case.limit, peak(job), len(images)))
    return rows


def _row(
    name: str, time: float, ratio: float, limit: float | None, memory: int, images: int
) -> dict[str, Any]:
    return {
        "case": name,
        "milliseconds per image": 1e3 * time / images,
        "ratio": ratio,
        "limit": limit,
        "peak memory [GB]": memory / 1e9,
    }


def main() -> None:
    """Print one table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    console = Console()
    if options.device == "cuda" and not torch.cuda.is_available():
        console.print("ResNet-50 is timed on a GPU, and there is none here: nothing was measured.")
        return
    torch.manual_seed(0)
    network = resnet50().to(options.device)
    images = torch.randn(options.batch, 3, options.size, options.size, device=options.device)
    rows = measure(network, images, options.rounds)
    table = Table("ResNet-50 on", "ms/image", "over stock", "at most", "peak memory [GB]")
    for row in rows:
        name, milliseconds, ratio, limit, memory = row.values()
        most = "" if limit is None or options.device != "cuda" else f"{limit:.1f}"
        table.add_row(name, f"{milliseconds:.2f}", f"{ratio:.2f}", most, f"{memory:.2f}")
    console.print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    device = torch.cuda.get_device_name() if options.device == "cuda" else options.device
    RESULTS.write_text(json.dumps({"device": device, "cases": rows}, indent=2))


if __name__ == "__main__":
    main()
