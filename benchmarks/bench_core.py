"""Time of a product of an ``AnalogCore`` with 8-bit converters, over ``numpy.matmul``."""

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table
from timing import medians

from crosssim_core import AnalogCore, CrossSimParameters

SETTINGS = {
    "xbar.dac.mvm": {"model": "SignMagnitudeDAC", "bits": 8, "signed": True},
    "xbar.adc.mvm": {"model": "QuantizerADC", "bits": 8, "calibrated_range": [-30.0, 30.0]},
}
LIMIT = 3.0
"""Largest ratio that the project allows itself."""


def operands(size: int) -> tuple[AnalogCore, np.ndarray, np.ndarray]:
    """A core, the matrix that it holds, and as many vectors as it has columns."""
    random = np.random.default_rng(0)
    matrix, x = random.uniform(-1, 1, (2, size, size))
    params = CrossSimParameters()
    params.update(SETTINGS)
    return AnalogCore(matrix, params), matrix, x


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    core, matrix, x = operands(options.size)
    stock, analog = medians([lambda: matrix @ x, lambda: core @ x], options.rounds)
    size = options.size
    table = Table(f"{size}×{size} times {size} vectors", "time [ms]", "over NumPy", "at most")
    table.add_row("numpy.matmul", f"{1e3 * stock:.1f}", "1.00", "")
    table.add_row("8-bit DAC and ADC", f"{1e3 * analog:.1f}", f"{analog / stock:.2f}", f"{LIMIT}")
    Console().print(table)


if __name__ == "__main__":
    main()
