"""Ranges that fit a converter, and what they cost."""

import json
from math import inf

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import tree

from crosssim_core.errors import ParameterError
from crosssim_core.layers.ranges import (
    ConverterRanges,
    RangeRule,
    adc_ranges,
    clipped,
    input_range,
    lost_bits,
)
from crosssim_core.numerics.distribution import Histogram, Values

MAX = RangeRule("max")
HALF = RangeRule("percentile", 50.0)
X = Values(np.array([-4.0, -1.0, 0.0, 1.0, 2.0]))
POSITIVE = Values(np.array([0.0, 1.0, 2.0, 3.0, 6.0]))
SLICES = {"core.style": "BITSLICED", "core.weight_bits": 8, "core.bit_sliced.num_slices": 2}


def adc(model, *further):
    settings = {"xbar.adc.mvm.model": model, "xbar.adc.mvm.bits": 4}
    return tree(settings, {"xbar.adc.mvm.adc_range_option": "MAX"}, *further)


@pytest.mark.parametrize(
    ("signed", "rule", "want"),
    [
        (True, MAX, (-4, 4)),
        (False, MAX, (0, 2)),
        (True, HALF, (-1, 1)),
        (False, RangeRule("percentile", 75.0), (0, 1)),
    ],
)
def test_the_range_of_a_dac_is_symmetric_or_starts_at_zero(signed, rule, want):
    params = tree({"xbar.dac.mvm.model": "QuantizerDAC", "xbar.dac.mvm.signed": signed})
    assert input_range(params, X, rule) == want


def test_the_range_of_a_dac_holds_the_drive_of_bias_rows_and_is_never_empty():
    small = Values(np.array([-0.25, 0.5]))
    assert input_range(tree(), small, MAX, bias_rows=True) == (-1, 1)
    assert input_range(tree(), Values(np.zeros(3)), MAX) == (-1, 1)


@pytest.mark.parametrize(
    ("model", "values", "want"),
    [
        ("QuantizerADC", X, (-4, 2)),
        ("QuantizerADC", POSITIVE, (0, 6)),
        ("SignMagnitudeADC", X, (-4, 4)),
        ("SignMagnitudeADC", POSITIVE, (-6, 6)),
        ("SarADC", POSITIVE, (-6, 6)),
        ("QuantizerADC", Values(np.zeros(2)), (0, 1)),
        ("QuantizerADC", Values(np.full(2, -3.0)), (-3, 1)),
    ],
)
def test_the_range_of_an_adc_is_as_its_model_needs_it(model, values, want):
    assert adc_ranges(adc(model), [values], MAX) == (want,)


def test_ranges_of_slices_are_powers_of_two_apart():
    small = Values(np.array([0.7, 0.2]))
    assert adc_ranges(adc("QuantizerADC", SLICES), [small, POSITIVE], MAX) == ((0, 0.75), (0, 6))
    assert adc_ranges(adc("QuantizerADC", SLICES), [X, small], MAX) == ((-4, 4), (-1, 1))


def test_the_least_error_clips_rare_large_values():
    values = Values(np.append(np.linspace(-1, 1, 2001), 50.0))
    ((low, high),) = adc_ranges(adc("SignMagnitudeADC"), [values], RangeRule("error"))
    assert 0.9 < high < 1.2
    assert low == -high


def test_ranges_are_set_on_a_copy_and_survive_json():
    params = adc("QuantizerADC", SLICES, {"xbar.adc.mvm.signed": False})
    ranges = ConverterRanges((-2.0, 2.0), ((-1.0, 1.0), (-0.5, 0.5)))
    changed = ranges.applied(params)
    inputs, record = changed.core.mapping.inputs.mvm, changed.xbar.adc.mvm
    assert (inputs.min, inputs.max) == (-2, 2)
    assert record.calibrated_range == [[-1, 1], [-0.5, 0.5]]
    assert (record.adc_range_option.name, record.signed) == ("CALIBRATED", True)
    assert params == adc("QuantizerADC", SLICES, {"xbar.adc.mvm.signed": False})
    for kept in (ranges, ConverterRanges()):
        assert ConverterRanges.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept
    assert ConverterRanges().applied(params) == params


@pytest.mark.parametrize("plain", [{}, {"inputs": [1], "adcs": None}, {"inputs": None, "adcs": 3}])
def test_what_holds_no_ranges_is_refused(plain):
    with pytest.raises(ParameterError, match="no converter ranges"):
        ConverterRanges.from_dict(plain)


@pytest.mark.parametrize(
    ("rule", "name"),
    [({"method": "mean"}, "method"), ({"percentile": 0}, "percentile"), ({"norm": 0}, "norm")],
)
def test_a_rule_that_makes_no_sense_is_refused(rule, name):
    with pytest.raises(ParameterError, match=name):
        RangeRule(**rule)


def test_clipping_and_lost_bits_are_told():
    histogram = Histogram()
    histogram.add(np.linspace(-1, 1, 1001))
    for values in (histogram, Values(np.linspace(-1, 1, 1001))):
        assert clipped(values, (-1.0, 1.0)) == 0
        assert clipped(values, (-0.5, 1.0)) == pytest.approx(0.25, abs=2e-3)
        assert lost_bits(values, (-1.0, 1.0)) == 0
        assert lost_bits(values, (-4.0, 4.0)) == 2
        assert lost_bits(values, (-0.5, 0.5)) == 0
    assert lost_bits(POSITIVE, (-6.0, 6.0)) == 1
    assert lost_bits(Values(np.zeros(2)), (-1.0, 1.0)) == inf
    assert clipped(Histogram(), (-1.0, 1.0)) == 0
