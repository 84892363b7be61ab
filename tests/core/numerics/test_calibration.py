"""Ranges chosen from values: CrossSim's numbers, and what makes a range the best one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosssim_core.errors import ParameterError
from crosssim_core.numerics.best_ranges import (
    aligned,
    best_limits,
    best_symmetric_limit,
    best_upper_limit,
    quantization_error,
)
from crosssim_core.numerics.calibration import (
    calibrate_input_limits,
    distribution,
    optimize_adc_limits_bitsliced,
    optimize_adc_limits_unsliced,
    quantizationError_minMax,
    quantizationError_ReLU,
)
from crosssim_core.numerics.distribution import Histogram, Values

POSITIVE = np.abs(np.random.RandomState(0).randn(2000))
SIGNED = np.random.RandomState(1).randn(3000)
SLICES = np.random.RandomState(3).randn(2, 1, 1000) * np.array([3, 12]).reshape(2, 1, 1)


def counted(x):
    histogram = Histogram()
    histogram.add(x)
    return histogram


def test_the_error_for_positive_values_has_the_numbers_of_crosssim():
    errors = [quantizationError_ReLU(eta, POSITIVE, 4) for eta in (-4, -3, -2)]
    np.testing.assert_allclose(errors, [105.2920304643, 98.1038846544, 88.0235679988])
    assert quantizationError_ReLU(-1.9, POSITIVE, 4) == pytest.approx(85.4028881838)


def test_input_limits_have_the_numbers_of_crosssim():
    for bits, limit in ((4, 2.44896238), (8, 3.15522995), (0, 3.17097477)):
        ranges = calibrate_input_limits([POSITIVE, POSITIVE], Nbits=bits)
        np.testing.assert_allclose(ranges, [[0, limit]] * 2)


def test_limits_for_signed_values_have_the_numbers_of_crosssim():
    limits = optimize_adc_limits_unsliced(SIGNED, Nbits=4)
    np.testing.assert_allclose(limits, [-2.18238784, 1.98654715])
    etas = (-1.88561268, -1.64643154)
    assert quantizationError_minMax(etas, SIGNED, 4) == pytest.approx(234.8993581)
    np.testing.assert_array_equal(
        optimize_adc_limits_unsliced(SIGNED), [SIGNED.min(), SIGNED.max()]
    )


def test_limits_of_slices_have_the_numbers_of_crosssim_and_may_exceed_full_scale():
    limits = optimize_adc_limits_bitsliced(SLICES, Nrows=64, pct=99.9)
    np.testing.assert_array_equal(limits, [[-16, 16], [-64, 64]])
    # More than the inputs can give stopped CrossSim: a negative power of an integer.
    wide = optimize_adc_limits_bitsliced(SLICES, Nrows=2, pct=99.9)
    np.testing.assert_array_equal(wide, [[-16, 16], [-64, 64]])
    positive = optimize_adc_limits_bitsliced(np.abs(SLICES), Nrows=64, pct=99.9)
    np.testing.assert_array_equal(positive, [[0, 16], [0, 64]])


def test_values_that_tell_nothing_are_refused():
    with pytest.raises(ParameterError, match="slice 1 are 0"):
        optimize_adc_limits_bitsliced([np.ones(3), np.zeros(3)], Nrows=4)
    with pytest.raises(ParameterError, match="switch profiling on"):
        calibrate_input_limits([POSITIVE, None])
    with pytest.raises(ParameterError, match="no values"):
        distribution(np.zeros(0))


@pytest.mark.parametrize("norm", [1.0, 2.0, np.inf])
def test_the_error_is_the_norm_of_what_the_converter_does(norm):
    x = np.array([-3.0, -0.4, 0.1, 0.2, 0.2, 2.0])
    off = np.abs(x - np.array([-1.0, -0.5, 0.0, 0.0, 0.0, 1.0]))
    got = quantization_error(Values(x), low=-1.0, high=1.0, levels=5, norm=norm)
    assert got == pytest.approx(np.linalg.norm(off, ord=norm))


@pytest.mark.parametrize("values", [Values, counted])
@pytest.mark.parametrize("bits", [3, 6])
def test_the_best_ranges_are_better_than_the_largest(values, bits):
    found = values(SIGNED)
    low, high = best_limits(found, levels=2**bits)
    limit = best_symmetric_limit(found, levels=2**bits - 1)
    exact = Values(SIGNED)
    whole = quantization_error(exact, low=exact.low, high=exact.high, levels=2**bits)
    assert quantization_error(exact, low=low, high=high, levels=2**bits) < whole
    assert quantization_error(exact, low=-limit, high=limit, levels=2**bits - 1) < whole


@pytest.mark.parametrize("bits", [3, 6])
def test_a_histogram_leads_to_ranges_as_good_as_those_of_its_values(bits):
    def error(limits):
        return quantization_error(exact, low=limits[0], high=limits[1], levels=2**bits)

    exact, histogram = Values(SIGNED), counted(SIGNED)
    for choose in (
        lambda x: best_limits(x, levels=2**bits),
        lambda x: (0.0, best_upper_limit(x, levels=2**bits)),
        lambda x: (
            -best_symmetric_limit(x, levels=2**bits),
            best_symmetric_limit(x, levels=2**bits),
        ),
    ):
        assert error(choose(histogram)) <= 1.03 * error(choose(exact))


def test_histograms_of_slices_give_the_limits_of_their_values():
    histograms = [counted(x) for x in SLICES]
    limits = optimize_adc_limits_bitsliced(histograms, Nrows=64, pct=99.9)
    np.testing.assert_array_equal(limits, [[-16, 16], [-64, 64]])


def test_the_best_range_is_as_good_as_the_one_that_crosssim_finds():
    found = Values(SIGNED)
    low, high = best_limits(found, levels=16)
    assert quantization_error(found, low=low, high=high, levels=16) < 1.002 * 234.8993581


def test_arrays_of_every_library_give_the_same_ranges(xp):
    want = calibrate_input_limits([POSITIVE], Nbits=4)
    np.testing.assert_array_equal(calibrate_input_limits([xp.asarray(POSITIVE)], Nbits=4), want)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=5))
def test_aligned_limits_hold_all_limits_powers_of_two_below_the_largest(limits):
    wide = aligned(limits)
    assert max(wide) == max(limits)
    for given_limit, limit in zip(limits, wide, strict=True):
        assert given_limit <= limit < 2 * given_limit * (1 + 1e-12)
        power = np.log2(max(limits) / limit)
        assert power == round(power)


def test_limits_of_nothing_are_left_or_follow_the_largest():
    assert aligned([0.0, 0.0]) == (0.0, 0.0)
    assert aligned([0.0, 3.0]) == (3.0, 3.0)
