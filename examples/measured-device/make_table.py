"""Measure cells, and write down what came out.

The cells are simulated SONOS cells here; in a laboratory this is the file that the tester leaves.
Each line is one target at one time: mean and standard deviation of 20,000 cells, and the standard
deviation of 20,000 reads of a cell that holds the mean.
"""

from pathlib import Path

import numpy as np

from crosssim_core.devices import Cell
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins import factory
from crosssim_core.random import Stream, WriteNoise

HERE = Path(__file__).parent
RMIN, RMAX = 62_500.0, 6.25e11  # [Ω]: 16 µS at most, as the authors of the model suggest
TARGETS = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16)  # [µS]
DAYS = (0, 1, 2, 3, 4, 5)
CELLS = 20_000
MICRO = 1e6 / RMIN  # [µS] of the largest conductance


def measured_lines() -> list[str]:
    """The lines of the table."""
    lines = ["target [uS],time [d],mean [uS],standard deviation [uS],read noise [uS]"]
    record = DeviceErrorParams(enable=True, model="SONOS")
    for day in DAYS:
        model = factory("device", "SONOS")(record, Cell(RMIN, RMAX, time=float(day)))
        for number, target in enumerate(TARGETS):
            stream = Stream.of(2022).child(day, number)
            noise = WriteNoise(stream.child("write"), stream.child("cells"))
            cells = MICRO * model.drift(np.full(CELLS, target / MICRO), noise=noise)
            held = np.full(CELLS, cells.mean() / MICRO)
            reads = MICRO * model.read(held, noise=stream.child("read").source())
            numbers = (target, day, cells.mean(), cells.std(), reads.std())
            lines.append(",".join(f"{number:.5g}" for number in numbers))
    return lines


if __name__ == "__main__":
    (HERE / "sonos.csv").write_text("\n".join(measured_lines()) + "\n")
