"""The worked example: a table made from SONOS cells reproduces their statistics.

The table holds statistics of 20,000 cells, so its deviations are off by 0.5 % (one standard
error); 6 of them, and as much again for samples of the test, make 5 %.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest

from crosssim_core.devices import Cell
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins import factory
from crosssim_core.random import Stream, WriteNoise

EXAMPLE = Path(__file__).parents[3] / "examples" / "measured-device"
CELLS = 40_000


def models(day):
    cell = Cell(62_500.0, 6.25e11, time=day)
    table = str(EXAMPLE / "sonos.csv")
    records = (
        DeviceErrorParams(enable=True, model="MeasuredDevice", file=table),
        DeviceErrorParams(enable=True, model="SONOS"),
    )
    return [factory("device", record.model)(record, cell) for record in records]


def statistics(model, method, g, seed):
    stream = Stream.of(seed)
    cells = np.full(CELLS, g)
    noise = WriteNoise(stream.child("write"), stream.child("cells"))
    samples = getattr(model, method)(cells, noise=noise)
    return samples.mean(), samples.std()


@pytest.mark.parametrize("g", [0.02, 0.05, 0.11, 0.25, 0.5, 0.83, 1.0])
@pytest.mark.parametrize(
    ("method", "day"),
    [
        ("program", 0.0),
        ("drift", 0.0),
        ("drift", 1.0),
        ("drift", 2.0),
        ("drift", 5.0),
        ("read", 0.0),
        ("read", 5.0),
    ],
)
def test_the_table_reproduces_sonos(method, day, g):
    got, want = (statistics(model, method, g, seed) for seed, model in enumerate(models(day)))
    assert got[1] == pytest.approx(want[1], rel=0.05)
    assert got[0] == pytest.approx(want[0], abs=0.1 * want[1])


@pytest.mark.parametrize("g", [0.11, 0.5, 1.0])
def test_between_measured_days_it_comes_close(g):
    """SONOS is interpolated linearly in time, the table by monotone cubics."""
    got, want = (statistics(model, "drift", g, seed) for seed, model in enumerate(models(2.5)))
    assert got[1] == pytest.approx(want[1], rel=0.06)
    assert got[0] == pytest.approx(want[0], abs=0.1 * want[1])


def test_the_table_is_what_the_script_measures():
    made = runpy.run_path(str(EXAMPLE / "make_table.py"))["measured_lines"]()
    kept = (EXAMPLE / "sonos.csv").read_text().splitlines()
    assert made[0] == kept[0]
    got, want = (np.array([line.split(",") for line in rows[1:]], float) for rows in (made, kept))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-9)


def test_a_product_errs_more_from_day_to_day():
    relative_error = runpy.run_path(str(EXAMPLE / "simulate.py"))["relative_error"]
    errors = [relative_error(days) for days in (0.0, 1.0, 5.0)]
    assert errors == sorted(errors)
    assert 0.01 < errors[0] < errors[2] < 0.1
