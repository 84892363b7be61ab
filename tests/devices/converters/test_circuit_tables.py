"""Tables of circuit ADCs against the circuits themselves, step by step."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from circuit_oracle import ramp_codes, sar_codes, stage_codes
from injection import assert_close, given

from crosssim_core._array import as_host
from crosssim_core.converters import AdcSite
from crosssim_core.parameters import AdcParams
from crosssim_core.plugins.registry import factory
from crosssim_core.random import Stream
from crosssim_devices.converters.capacitors import asymmetric_levels, symmetric_levels
from crosssim_devices.converters.sar import sar_levels
from crosssim_devices.converters.table import rounded_down
from crosssim_devices.converters.tabulated import drawn

LINES, SAMPLES = 10, 10_000

CASES = [
    ("RampADC", {}, (-1.5, 1.5)),
    ("RampADC", {"sigma_capacitor": 0.05, "sigma_comparator": 0.02}, (-1.5, 1.5)),
    ("RampADC", {"sigma_capacitor": 0.4, "sigma_comparator": 0.1, "gain_db": 40}, (-1.5, 1.5)),
    ("RampADC", {"sigma_capacitor": 0.5, "sigma_comparator": 0.1}, (0.0, 1.5)),
    ("RampADC", {"symmetric_cdac": False}, (-1.5, 1.5)),
    (
        "RampADC",
        {
            "symmetric_cdac": False,
            "sigma_capacitor": 0.4,
            "sigma_comparator": 0.1,
            "gain_db": 40,
        },
        (-1.5, 1.5),
    ),
    ("SarADC", {}, (-1.5, 1.5)),
    ("SarADC", {"sigma_capacitor": 0.05, "sigma_comparator": 0.02}, (-1.5, 1.5)),
    ("SarADC", {"sigma_capacitor": 0.4, "sigma_comparator": 0.1, "gain_db": 40}, (-1.5, 1.5)),
    ("SarADC", {"sigma_capacitor": 0.5, "sigma_comparator": 0.1}, (0.0, 1.5)),
    ("SarADC", {"split_cdac": False}, (-1.5, 1.5)),
    (
        "SarADC",
        {"split_cdac": False, "sigma_capacitor": 0.4, "sigma_comparator": 0.1, "gain_db": 40},
        (-1.5, 1.5),
    ),
    (
        "SarADC",
        {
            "bits": 7,
            "group_size": 3,
            "sigma_capacitor": 0.5,
            "sigma_comparator": 0.1,
            "gain_db": 30,
        },
        (-1.5, 1.5),
    ),
    *(
        (model, own, limits)
        for model in ("PipelineADC", "CyclicADC")
        for own, limits in (
            ({"group_size": 3}, (-1.5, 1.5)),
            (
                {
                    "group_size": 3,
                    "sigma_C1": 0.02,
                    "sigma_C2": 0.02,
                    "sigma_Cpar": 0.02,
                    "sigma_comparator": 0.02,
                },
                (-1.5, 1.5),
            ),
            (
                {
                    "group_size": 3,
                    "sigma_C1": 0.15,
                    "sigma_C2": 0.15,
                    "sigma_Cpar": 0.1,
                    "sigma_comparator": 0.15,
                    "gain_db": 30,
                },
                (-1.5, 1.5),
            ),
            ({"group_size": 3, "sigma_comparator": 0.6}, (-1.5, 1.5)),
            ({"sigma_C1": 0.1, "sigma_comparator": 0.1}, (-0.5, 1.5)),
        )
    ),
]


def built(model, own, limits, *, lines=LINES):
    record = AdcParams(model=model, **{"bits": 8, **own})
    site = AdcSite(*limits, lines, Stream.of(17).child(model).source())
    return record, factory("adc", model)(record, site)


def direct_codes(model, record, limits, y):
    """Codes of the circuit, with the errors that the same stream gives."""
    noise = Stream.of(17).child(model).source()
    v = max(abs(limit) for limit in limits)
    gain = 10 ** (record.gain_db / 20)
    y = np.clip(y, *limits)
    common = {"bits": record.bits, "reference": v, "gain": gain}
    lines = y.shape[0]
    if model == "RampADC":
        offsets = drawn(noise, (lines,), record.sigma_comparator) * v
        mismatch = drawn(noise, (record.bits + 1,), record.sigma_capacitor)
        levels = (symmetric_levels if record.symmetric_cdac else asymmetric_levels)(
            mismatch, **common
        )
        return np.stack([ramp_codes(levels, row, o) for row, o in zip(y, offsets, strict=True)])
    groups = -(-lines // record.group_size)
    if model == "SarADC":
        mismatch = drawn(noise, (groups, record.bits + 1), record.sigma_capacitor)
        offsets = drawn(noise, (groups, 1), record.sigma_comparator) * v
        levels = sar_levels(mismatch, split=record.split_cdac, **common)
        return np.stack(
            [
                sar_codes(levels[i // record.group_size], row, offsets[i // record.group_size],
                          record.bits)
                for i, row in enumerate(y)
            ]
        )  # fmt: skip
    passes = record.bits - 1
    stages = passes if model == "PipelineADC" else 1
    offsets = drawn(noise, (groups, 2 * stages + 1), record.sigma_comparator) * v
    c1 = 1 + drawn(noise, (groups, stages), record.sigma_C1)
    c2 = 1 + drawn(noise, (groups, stages), record.sigma_C2)
    parasitic = drawn(noise, (groups, stages), record.sigma_Cpar)
    error = 1 + (c1 + c2 + parasitic) / c1 / gain
    codes = []
    for i, row in enumerate(y):
        k = i // record.group_size
        pick = np.arange(passes) % stages
        thresholds = np.append(offsets[k][:-1].reshape(stages, 2)[pick].ravel(), offsets[k][-1])
        codes.append(stage_codes(row, thresholds, (c2 / c1)[k][pick], error[k][pick], v))
    return np.stack(codes)


def values_of(codes, record, limits):
    v = max(abs(limit) for limit in limits)
    return v * (2 * codes - 2**record.bits + 1) / 2**record.bits


def finite_thresholds(converter):
    """Thresholds of each line, shape (lines, thresholds); zeros fill up shorter rows."""
    table = converter.table
    per_line = table.thresholds[np.arange(LINES) // table.lines_per_row, :]
    return np.where(np.isfinite(per_line), per_line, 0.0)


@pytest.mark.parametrize(("model", "own", "limits"), CASES)
def test_a_table_is_the_circuit_everywhere_and_close_to_every_threshold(model, own, limits):
    """On 1e5 currents, among them both sides of each threshold of each line."""
    record, converter = built(model, own, limits)
    low, high = limits
    margin = 0.075 * (high - low)
    y = np.random.default_rng(3).uniform(low - margin, high + margin, (LINES, SAMPLES))
    # Beyond what the rounding of the circuit itself, stage after stage, can move a threshold.
    beside = 64 * np.spacing(max(map(abs, limits)))
    near = finite_thresholds(converter)
    y = np.concatenate([y, near - beside, near + beside], axis=1)
    want = values_of(direct_codes(model, record, limits, y), record, limits)
    assert_close(converter.convert(y, axis=0, noise=None), want, tolerance=1e-12)


@pytest.mark.parametrize(
    ("model", "own", "limits"), [case for case in CASES if case[0] == "SarADC"]
)
def test_a_sar_table_is_the_circuit_on_and_beside_every_threshold(model, own, limits):
    record, converter = built(model, own, limits)
    near = finite_thresholds(converter)
    for steps in (0, 1, -1, 3, -64):
        y = near + steps * np.spacing(np.abs(near))
        want = values_of(direct_codes(model, record, limits, y), record, limits)
        assert_close(converter.convert(y, axis=0, noise=None), want, tolerance=1e-12)


@pytest.mark.parametrize(
    ("model", "own"),
    [
        ("RampADC", {"sigma_capacitor": 0.1, "sigma_comparator": 0.05}),
        ("SarADC", {"sigma_capacitor": 0.1, "sigma_comparator": 0.05, "group_size": 3}),
        ("PipelineADC", {"sigma_C1": 0.05, "sigma_comparator": 0.05, "group_size": 3}),
        ("CyclicADC", {"sigma_C1": 0.05, "sigma_comparator": 0.05, "group_size": 3}),
    ],
)
def test_single_precision_currents_get_the_codes_of_their_exact_values(xp, model, own):
    _, converter = built(model, {"bits": 6, **own}, (-1.5, 1.5))
    near = finite_thresholds(converter).astype(np.float32)
    y = np.concatenate(
        [np.nextafter(near, np.float32(-9)), near, np.nextafter(near, np.float32(9))], axis=1
    )
    want = converter.convert(y.astype(np.float64), axis=0, noise=None)
    got = converter.convert(given(xp, y, "float32"), axis=0, noise=None)
    assert_close(got, want.astype(np.float32), tolerance=0, dtype="float32")


def test_rounding_down_keeps_every_comparison_with_single_precision():
    exact = np.random.default_rng(1).normal(size=1000)
    down = rounded_down(exact)
    assert down.dtype == np.float32
    assert np.all(down.astype(np.float64) <= exact)
    for y in (down, np.nextafter(down, np.float32(9)), np.nextafter(down, np.float32(-9))):
        np.testing.assert_array_equal(y.astype(np.float64) > exact, y > down)
    assert rounded_down(np.asarray([np.inf]))[0] == np.inf


@pytest.mark.parametrize("model", ["RampADC", "SarADC", "PipelineADC", "CyclicADC"])
def test_errors_follow_the_lines_whatever_the_batch(xp, model):
    lines = 5
    own = {"bits": 5, "sigma_comparator": 0.2}
    own |= {"group_size": 2} if model != "RampADC" else {}
    _, converter = built(model, own, (-3.0, 3.0), lines=lines)
    y = np.random.default_rng(8).uniform(-3, 3, (lines, lines, 4, 3))
    one_by_one = np.stack(
        [
            converter.convert(row[None, :], axis=-1, noise=None)[0]
            for row in np.moveaxis(y, 1, -1).reshape(-1, lines)
        ]
    )
    want = np.moveaxis(one_by_one.reshape(lines, 4, 3, lines), -1, 1)
    for axis in (0, 1, 2, 3):
        moved = given(xp, np.moveaxis(y, 1, axis))
        got = as_host(converter.convert(moved, axis=axis, noise=None))
        np.testing.assert_array_equal(np.moveaxis(got, axis, 1), want)
        negative = converter.convert(moved, axis=axis - 4, noise=None)
        np.testing.assert_array_equal(as_host(negative), got)


def test_an_empty_batch_stays_empty(xp):
    for own in ({}, {"sigma_comparator": 0.1}):
        _, converter = built("RampADC", own, (-1.0, 1.0), lines=3)
        got = converter.convert(given(xp, np.zeros((0, 3))), axis=-1, noise=None)
        assert tuple(got.shape) == (0, 3)


def test_missing_currents_stay_missing_and_infinite_ones_are_clipped(xp):
    for own in ({}, {"sigma_comparator": 0.1}):
        _, converter = built("SarADC", own, (-1.0, 1.0), lines=3)
        y = given(xp, [[np.nan, np.inf, -np.inf], [0.0, 1.0, -1.0]])
        got = as_host(converter.convert(y, axis=-1, noise=None))
        assert np.isnan(got[0, 0])
        np.testing.assert_array_equal(got[0, 1:], got[1, 1:])


@pytest.mark.parametrize("copied", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_is_the_same_chip(copied):
    own = {"sigma_capacitor": 0.1, "sigma_comparator": 0.05, "bits": 6}
    _, converter = built("SarADC", own, (-1.0, 1.0))
    y = np.linspace(-1, 1, 50)[:, None] * np.ones(LINES)
    want = converter.convert(y, axis=-1, noise=None)
    twin = copied(converter)
    assert not twin.table._placed
    np.testing.assert_array_equal(twin.convert(y, axis=-1, noise=None), want)


def test_half_precision_currents_are_converted():
    torch = pytest.importorskip("torch", reason="NumPy has no bfloat16")
    _, converter = built("SarADC", {"sigma_comparator": 0.05}, (-1.0, 1.0), lines=3)
    y = torch.linspace(-1, 1, 30).reshape(10, 3).bfloat16()
    got = converter.convert(y, axis=-1, noise=None)
    want = converter.convert(y.double(), axis=-1, noise=None)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got, want.bfloat16(), rtol=0, atol=0)
