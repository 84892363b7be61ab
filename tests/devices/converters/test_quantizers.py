"""Plain quantising ADCs and DACs."""

import numpy as np
import pytest
from injection import Injected, assert_close, given

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core._array import as_host
from crosssim_core.converters import AdcSite, DacSite, UniformLevels
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import AdcParams, DacParams
from crosssim_core.plugins.registry import factory
from crosssim_core.random import Stream


def adc(model, bits, low, high, **own):
    site = AdcSite(low, high, 1, Stream.of(0).source())
    return factory("adc", model)(AdcParams(model=model, bits=bits, **own), site)


def dac(model, bits, low=-1.0, high=1.0, **own):
    return factory("dac", model)(DacParams(model=model, bits=bits, **own), DacSite(low, high))


@pytest.mark.parametrize(
    ("model", "bits", "low", "high", "x", "want"),
    [
        (
            "QuantizerADC", 4, -1.0, 1.5,
            (-2, -0.6, -0.05, 0.05, 0.2, 0.333, 1.4999, 3),
            (-1, -0.6666666667, 0, 0, 0.1666666667, 0.3333333333, 1.5, 1.5),
        ),
        (
            "QuantizerADC", 4, 0.0, 15.0,
            (0.5, 1.5, 2.5, 3.5, 14.5, 15.5, -0.5),
            (0, 2, 2, 4, 14, 15, 0),
        ),
        ("QuantizerADC", 1, 0.0, 1.0, (0.2, 0.5, 0.50001), (0, 0, 1)),
        (
            "SignMagnitudeADC", 4, -1.0, 1.0,
            (-0.6, -0.05, 0.2, 0.333, 1.4999),
            (-0.5714285714, 0, 0.1428571429, 0.2857142857, 1),
        ),
        (
            "SignMagnitudeADC", 4, -7.0, 7.0,
            (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, -0.5, -1.5, -2.5, -6.5),
            (1, 1, 3, 3, 5, 5, 7, -1, -1, -3, -7),
        ),
        ("SignMagnitudeADC", 4, -3.0, 3.0, (0.945,), (0.8571428571,)),
    ],
)  # fmt: skip
def test_an_adc_gives_the_nearest_level(xp, model, bits, low, high, x, want):
    currents = given(xp, x)
    assert_close(adc(model, bits, low, high).convert(currents, axis=0, noise=None), want)
    assert_close(currents, x, tolerance=0)


def test_single_precision_currents_stay_in_single_precision(xp):
    got = adc("QuantizerADC", 8, -1.0, 1.0).convert(
        given(xp, (0.3, 0.7), "float32"), axis=0, noise=None
    )
    want = np.asarray((0.30196083, 0.7019608), dtype=np.float32)
    assert_close(got, want, tolerance=0, dtype="float32")


def test_integer_currents_are_converted_to_real_numbers(xp):
    got = adc("QuantizerADC", 1, 0.0, 0.5).convert(
        given(xp, (0, 1, 7), "int32"), axis=0, noise=None
    )
    assert_close(got, (0, 0.5, 0.5))


@pytest.mark.parametrize(
    ("model", "bits", "low", "high", "x", "below", "above", "up"),
    [
        ("QuantizerADC", 4, 0.0, 15.0, 3.25, 3, 4, 0.25),
        ("QuantizerADC", 4, 0.0, 15.0, 3.0, 3, 3, 0.0),
        ("QuantizerADC", 4, 0.0, 15.0, 20.0, 15, 15, 0.0),
        ("SignMagnitudeADC", 4, -7.0, 7.0, -3.25, -4, -3, 0.75),
    ],
)
def test_stochastic_rounding_goes_up_as_often_as_the_fraction_says(
    model, bits, low, high, x, below, above, up
):
    """False alarm below 1e-8: six standard errors of a frequency over 200 000 samples."""
    converter = adc(model, bits, low, high, stochastic_rounding=True)
    noise = Stream.of(2).child(model).source()
    got = converter.convert(np.full(200_000, x), axis=0, noise=noise)
    np.testing.assert_allclose(np.unique(got), sorted({below, above}), rtol=0, atol=1e-12)
    if below != above:
        assert np.mean(got > (below + above) / 2) == pytest.approx(up, abs=6 * 0.5 / 447)


def test_stochastic_rounding_compares_the_fraction_with_the_deviate(xp):
    converter = adc("QuantizerADC", 2, 0.0, 3.0, stochastic_rounding=True)
    noise = Injected.of((0.0, 0.249, 0.25, 0.9))
    got = converter.convert(given(xp, [1.25] * 4), axis=0, noise=noise)
    assert_close(got, (2, 2, 1, 1))


def test_stochastic_rounding_asks_for_its_noise():
    converter = adc("QuantizerADC", 2, 0.0, 3.0, stochastic_rounding=True)
    with pytest.raises(ParameterError, match="stochastic_rounding"):
        converter.convert(np.ones(2), axis=0, noise=None)


@pytest.mark.parametrize("model", ["QuantizerADC", "SignMagnitudeADC", "IdealADC"])
def test_an_adc_of_zero_bits_passes_everything(model):
    x = np.asarray((-9.0, 0.3, np.inf))
    converter = adc(model, 0, -1.0, 1.0)
    assert converter.convert(x, axis=0, noise=None) is x
    assert converter.uniform is None


def test_an_ideal_adc_ignores_its_bits():
    x = np.asarray((-9.0, 0.3))
    assert adc("IdealADC", 3, -1.0, 1.0).convert(x, axis=0, noise=None) is x


def test_levels_are_declared_only_where_values_are_rounded_to_the_nearest():
    assert adc("QuantizerADC", 4, -1.0, 1.5).uniform == UniformLevels(-1.0, 1.5, 16)
    assert adc("SignMagnitudeADC", 4, -1.0, 1.0).uniform == UniformLevels(-1.0, 1.0, 15)
    assert adc("QuantizerADC", 4, -1.0, 1.5, stochastic_rounding=True).uniform is None
    assert dac("QuantizerDAC", 4, 0.0, 1.0, signed=False).uniform == UniformLevels(0.0, 1.0, 16)
    assert dac("SignMagnitudeDAC", 4).uniform == UniformLevels(-1.0, 1.0, 15)


def test_a_missing_current_stays_missing(xp):
    for model in ("QuantizerADC", "SignMagnitudeADC"):
        got = adc(model, 4, -1.0, 1.0).convert(given(xp, (np.nan, 2.0)), axis=0, noise=None)
        assert np.isnan(as_host(got)[0])


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (1.0, -1.0), (np.nan, 1.0)])
def test_a_range_without_extent_is_refused(low, high):
    with pytest.raises(ParameterError, match="lower limit"):
        adc("QuantizerADC", 4, low, high)
    with pytest.raises(ParameterError, match="lower limit"):
        dac("QuantizerDAC", 4, low, high)


def test_sign_and_magnitude_need_a_symmetric_range_two_bits_and_a_sign():
    with pytest.raises(ParameterError, match=r"symmetric.*\[-1, 1.5\]"):
        adc("SignMagnitudeADC", 4, -1.0, 1.5)
    adc("SignMagnitudeADC", 0, -1.0, 1.5)
    with pytest.raises(ParameterError, match="bits"):
        adc("SignMagnitudeADC", 1, -1.0, 1.0)
    with pytest.raises(ParameterError, match="signed must be True"):
        adc("SignMagnitudeADC", 4, -1.0, 1.0, signed=False)
    with pytest.raises(ParameterError, match="symmetric"):
        dac("SignMagnitudeDAC", 0, -0.5, 1.5)
    with pytest.raises(ParameterError, match="bits"):
        dac("SignMagnitudeDAC", 1)
    with pytest.raises(ParameterError, match="signed must be True"):
        dac("SignMagnitudeDAC", 0, signed=False)


@pytest.mark.parametrize(
    ("model", "bits", "low", "signed", "x", "want"),
    [
        ("QuantizerDAC", 4, -1.0, True, (-0.6, 0.3, 0.999, 1.2), (-0.6, 0.3333333333, 1, 1)),
        ("QuantizerDAC", 4, -1.0, True, (0.0, -0.05), (0.0666666667, -0.0666666667)),
        ("QuantizerDAC", 4, 0.0, False, (0.3, 0.07), (0.2666666667, 0.0666666667)),
        ("QuantizerDAC", 2, 0.0, False, (1 / 6, 0.5, 5 / 6), (0, 0.6666666667, 0.6666666667)),
        (
            "SignMagnitudeDAC", 4, -1.0, True,
            (-0.6, 0.05, 0.07, 0.3), (-0.5714285714, 0, 0, 0.2857142857),
        ),
        ("SignMagnitudeDAC", 2, -1.0, True, (0.5, -0.5), (1, -1)),
    ],
)  # fmt: skip
def test_a_dac_gives_the_nearest_level(xp, model, bits, low, signed, x, want):
    inputs = given(xp, x)
    assert_close(dac(model, bits, low, signed=signed).convert(inputs), want)
    assert_close(inputs, x, tolerance=0)


@pytest.mark.parametrize("model", ["QuantizerDAC", "SignMagnitudeDAC", "IdealDAC"])
def test_a_dac_of_zero_bits_passes_everything(model):
    x = np.asarray((-9.0, 0.3))
    assert dac(model, 0).convert(x) is x
    assert dac(model, 0).uniform is None


def test_only_some_dacs_can_slice():
    assert dac("SignMagnitudeDAC", 8).magnitude_bits == 7
    assert dac("QuantizerDAC", 8, 0.0, 1.0, signed=False).magnitude_bits == 8
    assert dac("QuantizerDAC", 8).magnitude_bits == 0
    assert dac("QuantizerDAC", 8, 0.5, 1.5, signed=False).magnitude_bits == 0
    assert dac("IdealDAC", 8).magnitude_bits == 0
    assert dac("SignMagnitudeDAC", 0).magnitude_bits == 0


def test_an_unsigned_dac_takes_no_negative_range_unless_it_passes_everything():
    with pytest.raises(ParameterError, match=r"reaches down to -0\.5"):
        dac("QuantizerDAC", 8, -0.5, 0.5, signed=False)
    dac("QuantizerDAC", 0, -0.5, 0.5, signed=False)


@pytest.mark.parametrize("bits", [2, 5, 8, 12])
@pytest.mark.parametrize("model", ["QuantizerADC", "SignMagnitudeADC"])
def test_every_value_is_a_level_and_off_by_half_a_step_at_most(model, bits):
    converter = adc(model, bits, -1.3, 1.3)
    levels = converter.uniform
    x = np.linspace(-1.3, 1.3, 4001)
    got = converter.convert(x, axis=0, noise=None)
    assert np.max(np.abs(got - x)) <= levels.step / 2 * (1 + 1e-9)
    codes = (got - levels.low) / levels.step
    np.testing.assert_allclose(codes, np.round(codes), rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_short_data_types_survive_fine_converters(name):
    torch = pytest.importorskip("torch", reason="NumPy has no bfloat16")
    x = torch.tensor([-2.0, 0.3, 0.5, 2.0], dtype=getattr(torch, name))
    got = adc("QuantizerADC", 16, -1.0, 1.0).convert(x, axis=0, noise=None)
    assert got.dtype == x.dtype
    torch.testing.assert_close(got, x.clip(-1, 1), rtol=0, atol=2**-8)


def test_a_whole_core_reads_through_its_adc():
    params = CrossSimParameters()
    params.update(
        {
            "xbar.device.Rmin": 1e3,
            "xbar.device.Rmax": 1e4,
            "xbar.adc.mvm.model": "SignMagnitudeADC",
            "xbar.adc.mvm.bits": 4,
            "xbar.adc.mvm.adc_range_option": "MAX",
        }
    )
    core = AnalogCore(np.asarray([[0.5, -1.0, 0.25]]), params)
    got = core @ np.asarray([1.0, -0.5, 0.2])
    np.testing.assert_allclose(got, [0.95238095], rtol=1e-7)
