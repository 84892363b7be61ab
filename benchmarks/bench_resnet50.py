"""Time and memory of ResNet-50 on simulated arrays, over those of the stock network, on a GPU.

Every case is a ratio measured in one run: all networks take turns with the stock one, whose
batch-norms are folded, and medians are compared. Weights are random, which times do not depend on.
Without a GPU nothing is measured unless ``--device cpu`` asks for it, and no limit applies there;
``--case`` takes the cases whose names contain it.
"""

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
from report import Row, Section
from resnet50 import resnet50
from runner import script
from timing import compare, forward

from crosssim_torch.batchnorm import fuse_batchnorms

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


def results(
    device: str = "cuda",
    batch: int = 64,
    size: int = 224,
    rounds: int = 15,
    case: str = "",
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3),
    width: int = 64,
) -> list[Section]:
    """One row for each case; only one analog network is kept, so that many fit on one device."""
    subject = f"ResNet-50, {batch} images of {size}×{size}, time of one image"
    over = "PyTorch with folded batch-norms"
    chosen = [one for one in CASES if case in one.name]
    if not chosen:
        raise ValueError(f"No case has {case!r} in its name: {[one.name for one in CASES]}")
    if device == "cuda" and not torch.cuda.is_available():
        return [Section(subject, over, [], {"nothing was measured": "there is no GPU"})]
    network = resnet50(blocks, width).to(device)
    images = torch.randn(batch, 3, size, size, device=device)
    stock = forward(fuse_batchnorms(network), images)
    rows: list[Row] = []
    for one in chosen:
        job = forward(analog(one, network, images[:CALIBRATION_IMAGES]), images)
        jobs = {"PyTorch": stock, one.name: job}
        base, row = compare(jobs, rounds, parts=dict.fromkeys(jobs, batch), memory=True)
        rows += [*([] if rows else [base]), one.held(row) if images.is_cuda else row]
    return [Section(subject, over, rows)]


if __name__ == "__main__":
    script(results)
