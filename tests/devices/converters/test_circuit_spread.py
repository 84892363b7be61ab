"""Spread of the levels of circuit ADCs against first-order closed forms."""

import numpy as np
import pytest

from crosssim_core.converters import AdcSite
from crosssim_core.parameters import AdcParams
from crosssim_core.plugins.registry import factory
from crosssim_core.random import Stream
from crosssim_devices.converters.capacitors import asymmetric_levels, symmetric_levels
from crosssim_devices.converters.sar import sar_levels

V, SIGMA, DRAWS = 2.0, 1e-3, 20_000


def spread_of(levels_of, bits, **own):
    noise = Stream.of(21).child(levels_of.__name__, bits).source()
    mismatch = SIGMA * noise.normal_like(np.empty((DRAWS, bits + 1)))
    levels = levels_of(mismatch, bits=bits, reference=V, gain=np.inf, **own)
    return levels.std(axis=0)


def close(measured, expected):
    """Within 4 %: eight standard errors of a deviation over 20 000 draws."""
    np.testing.assert_allclose(measured, expected, rtol=0.04, atol=1e-9)


def symmetric_spread(bits):
    k = np.abs(np.arange(2**bits) - 2 ** (bits - 1)).astype(float)
    unit = 2 ** (bits - 1)
    spread = V * SIGMA * np.sqrt(k / unit**2 + k**2 / unit**3)
    spread[0] = 0
    return spread


@pytest.mark.parametrize("bits", [3, 6])
def test_levels_of_an_asymmetric_ramp_spread_as_expected(bits):
    """False alarm below 1e-9 (see `close`)."""
    c = np.arange(2**bits)
    expected = 2 * V * SIGMA * np.sqrt(c / 2 ** (2 * bits) + c**2 / 2 ** (3 * bits))
    close(spread_of(asymmetric_levels, bits), expected)


@pytest.mark.parametrize("bits", [3, 6])
def test_levels_of_a_symmetric_dac_spread_as_expected(bits):
    """False alarm below 1e-9 (see `close`); largest magnitude and feedback are independent."""
    close(spread_of(symmetric_levels, bits), symmetric_spread(bits))
    close(spread_of(sar_levels, bits, split=False), symmetric_spread(bits))


@pytest.mark.parametrize("bits", [4, 5, 8])
def test_levels_of_a_split_dac_spread_as_expected(bits):
    """False alarm below 1e-9 (see `close`)."""
    half = bits // 2
    rest = bits - 1 - half
    bridge = 2**half / (2**half - 1)
    p, q = 2 ** (2 * half) / (2**half - 1), 2**rest + 1 / (2**half - 1)
    d = p * 2**rest
    k = np.abs(np.arange(2**bits) - 2 ** (bits - 1))
    r = k / 2 ** (bits - 1)
    bit = [(k >> j) & 1 for j in range(bits)]
    low = sum(bit[j] * 2**j for j in range(half))
    high = sum(bit[j] * 2 ** (j - half) for j in range(half, bits - 1))
    total = sum(2**j * ((bit[j] * bridge + high - r * q) / d) ** 2 for j in range(half))
    total = total + sum(
        2 ** (j - half) * ((bit[j] - r) / 2**rest) ** 2 for j in range(half, bits - 1)
    )
    total = total + ((high - r * q) / d) ** 2
    total = total + bridge * ((low + high - r * (p + q - 2 * bridge)) / d) ** 2
    total[0] = 0
    close(spread_of(sar_levels, bits, split=True), V * SIGMA * np.sqrt(total))


def test_comparator_offsets_are_in_units_of_the_reference_voltage():
    """False alarm below 1e-8: six standard errors of a deviation over 4 000 lines."""
    record = AdcParams(model="RampADC", bits=1, gain_db=np.inf, sigma_comparator=0.1)
    site = AdcSite(-1.0, V, 4000, Stream.of(2).source())
    table = factory("adc", "RampADC")(record, site).table
    inside = table.thresholds[:, 0]
    assert np.isfinite(inside).all()
    assert inside.std() == pytest.approx(0.2, rel=6 / np.sqrt(2 * 4000))


@pytest.mark.parametrize(
    ("model", "own", "worst"),
    [
        ("RampADC", {}, {30: (-8, 8), 40: (-3, 3), 60: (-1, 1)}),
        ("RampADC", {"symmetric_cdac": False}, {30: (-4, 8), 40: (-3, 3), 60: (-1, 1)}),
        ("SarADC", {}, {30: (-4, 4), 40: (-3, 3), 60: (-1, 1)}),
        ("SarADC", {"split_cdac": False}, {30: (-8, 8), 40: (-3, 3), 60: (-1, 1)}),
        ("PipelineADC", {}, {30: (-7, 7), 40: (-3, 3), 60: (-1, 1)}),
        ("CyclicADC", {}, {30: (-7, 7), 40: (-3, 3), 60: (-1, 1)}),
    ],
)
def test_finite_gain_alone_shifts_codes_by_so_many_at_most(model, own, worst):
    """Stages at 30 dB: 6 codes, and a seventh for one current in 3000."""
    y = np.random.default_rng(1).uniform(-1, 1, (20_000, 1))

    def codes(gain):
        record = AdcParams(model=model, bits=8, gain_db=gain, **own)
        site = AdcSite(-1.0, 1.0, 1, Stream.of(0).source())
        values = factory("adc", model)(record, site).convert(y, axis=-1, noise=None)
        return np.round((values * 256 + 255) / 2)

    ideal = codes(np.inf)
    for gain, (low, high) in worst.items():
        shift = codes(float(gain)) - ideal
        assert low <= shift.min() <= shift.max() <= high
        assert shift.min() <= low + 1
        assert shift.max() >= high - 1
