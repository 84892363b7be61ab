"""Time of a product of an ``AnalogCore`` with 8-bit converters, over ``numpy.matmul``."""

from dataclasses import replace

import numpy as np
from report import Section
from runner import script
from timing import compare

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


def results(size: int = 1024, rounds: int = 9) -> list[Section]:
    """A product of square matrices."""
    core, matrix, x = operands(size)
    jobs = {"NumPy": lambda: matrix @ x, "8-bit DAC and ADC": lambda: core @ x}
    stock, analog = compare(jobs, rounds)
    rows = [stock, replace(analog, limit=LIMIT)]
    return [Section(f"AnalogCore of {size}×{size}, {size} vectors", "numpy.matmul", rows)]


if __name__ == "__main__":
    script(results)
