"""Ranges that ADCs are set to."""

import numpy as np
import pytest
from analog_settings import tree

from crosssim_core import AnalogCore
from crosssim_core.chain.mapping import make_mapping
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.errors import ParameterError
from crosssim_core.random import Stream

pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

BALANCED = {"core.style": "BALANCED", "core.weight_bits": 8, "xbar.device.cell_bits": 7}
OFFSET = {"core.style": "OFFSET", "core.weight_bits": 8, "xbar.device.cell_bits": 8}
DIGITAL = {"core.balanced.subtract_current_in_xbar": False}
INTERLEAVED = {"core.balanced.interleaved_posneg": True}
SIGNED = {"xbar.dac.mvm.model": "SignMagnitudeDAC", "xbar.dac.mvm.bits": 8}
UNSIGNED = {
    "xbar.dac.mvm.model": "QuantizerDAC",
    "xbar.dac.mvm.bits": 8,
    "xbar.dac.mvm.signed": False,
    "core.mapping.inputs.mvm.min": 0.0,
}


def sliced(style, slices, bits=8):
    return {
        "core.style": "BITSLICED",
        "core.bit_sliced.style": style,
        "core.bit_sliced.num_slices": slices,
        "core.weight_bits": bits,
    }


def option(name, bits=6, model="QuantizerADC"):
    settings = {"model": model, "bits": bits, "adc_range_option": name}
    return {f"xbar.adc.mvm.{key}": value for key, value in settings.items()}


def granular(bits=6, model="QuantizerADC", size=1):
    return option("GRANULAR", bits, model) | {
        "xbar.adc.mvm.adc_per_ibit": True,
        "xbar.dac.mvm.input_bitslicing": True,
        "xbar.dac.mvm.slice_size": size,
    }


def ranges(*settings, inputs=5, side="mvm"):
    """Range and background of the ADC of each slice."""
    params = tree(*settings)
    params.validate()
    plan = ReadPlan.of(
        params, side, make_mapping(params), outputs=7, inputs=inputs, stream=Stream.of(0)
    )
    sites = [adc.model.site for adc in plan.adcs]
    return [(s.low, s.high, a.background) for s, a in zip(sites, plan.adcs, strict=True)]


def close(got, *want):
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize("side", ["mvm", "vmm"])
@pytest.mark.parametrize(
    ("style", "signed", "low"),
    [
        (BALANCED, True, -1),
        (BALANCED, False, -1),
        (BALANCED | INTERLEAVED, False, -1),
        (BALANCED | DIGITAL, True, -1),
        (BALANCED | DIGITAL, False, 0),
        (OFFSET, True, -1),
        (OFFSET, False, 0),
        (OFFSET | INTERLEAVED, False, 0),
        (sliced("BALANCED", 3), True, -1),
        (sliced("BALANCED", 3), False, -1),
        (sliced("BALANCED", 3) | DIGITAL, False, -1),
    ],
)
def test_the_largest_range_is_that_of_all_inputs_at_full_scale(style, signed, low, side):
    settings = style | (SIGNED if signed else UNSIGNED) | option("MAX")
    for inputs in (5, 7):
        for got in ranges(settings, inputs=inputs, side=side):
            assert got == (low * inputs, inputs, 0.0)


@pytest.mark.parametrize(
    ("slices", "signed", "limit"),
    [
        (3, True, 8.926884139),
        (3, False, 9.035294118),
        (2, True, 8.331758530),
        (2, False, 8.432941176),
    ],
)
@pytest.mark.parametrize("inputs", [5, 7, 8])
def test_b22_the_largest_range_of_offset_slices_covers_the_next_power_of_two(
    slices, signed, limit, inputs
):
    """CrossSim rounds the exponent, so that 5 inputs get the range of 4."""
    settings = sliced("OFFSET", slices) | (SIGNED if signed else UNSIGNED) | option("MAX")
    low = -limit if signed else 0.0
    close(ranges(settings, inputs=inputs), *[(low, limit, 0.0)] * slices)


@pytest.mark.parametrize(
    ("inputs", "limit"),
    [(3, 4), (5, 8), (6, 8), (11, 16), (22, 32), (23, 32), (45, 64), (46, 64), (64, 64)],
)
def test_b22_codes_of_offset_slices_align_with_powers_of_two(inputs, limit):
    settings = sliced("OFFSET", 2) | UNSIGNED | option("MAX", bits=8)
    low, high, _ = ranges(settings, inputs=inputs)[0]
    assert low == 0.0
    assert high == pytest.approx(limit * 16 / 15, abs=1e-9)


def test_b22_inputs_that_are_not_quantized_need_no_correction():
    """CrossSim multiplied by -1 there, and every output was the same."""
    signed = sliced("OFFSET", 2) | option("MAX", bits=8)
    close(ranges(signed), *[(-8 * 16 / 15 * 254 / 256, 8 * 16 / 15 * 254 / 256, 0.0)] * 2)
    product = AnalogCore(np.ones((2, 5)), tree(signed)) @ np.linspace(-1, 1, 5)
    assert np.abs(product).max() < 1


@pytest.mark.parametrize(
    ("low", "high", "signed", "want"),
    [
        (-1.0, 3.0, True, (-7.5, 7.5)),
        (1.0, 3.0, True, (-15.0, 15.0)),
        (1.0, 3.0, False, (0.0, 7.5)),
        (-1.0, 3.0, False, (-5.0, 5.0)),
    ],
)
def test_b22_input_limits_that_reach_beyond_full_scale_widen_the_largest_range(
    low, high, signed, want
):
    settings = OFFSET | option("MAX") | {"xbar.dac.mvm.signed": signed}
    settings |= {"core.mapping.inputs.mvm.min": low, "core.mapping.inputs.mvm.max": high}
    close(ranges(settings), (*want, 0.0))


@pytest.mark.parametrize(
    ("style", "step", "single_ended"),
    [
        (BALANCED, 0.9 / 127, False),
        (BALANCED | INTERLEAVED, 0.9 / 127, False),
        (BALANCED | DIGITAL, 0.9 / 127, True),
        (OFFSET, 0.9 / 255, True),
        (sliced("OFFSET", 3), 0.9 / 7, True),
        (sliced("OFFSET", 2), 0.9 / 15, True),
        (sliced("BALANCED", 3), 0.9 / 7, False),
        (sliced("BALANCED", 2) | {"xbar.device.cell_bits": 5}, 0.9 / 31, False),
        (sliced("BALANCED", 2) | DIGITAL, 0.9 / 15, True),
        (sliced("OFFSET", 2) | {"xbar.device.infinite_on_off_ratio": True}, 1 / 15, True),
    ],
)
@pytest.mark.parametrize("size", [1, 3])
def test_b21_granular_ranges_count_steps_of_cells_and_digits(style, step, single_ended, size):
    step /= 2**size - 1
    background = 0.1 if single_ended and "xbar.device.infinite_on_off_ratio" not in style else 0.0
    count = style.get("core.bit_sliced.num_slices", 1)
    signed = style | SIGNED
    close(ranges(signed | granular(size=size)), *[(-32 * step, 31 * step, background)] * count)
    symmetric = ranges(signed | granular(model="SignMagnitudeADC", size=size))
    close(symmetric, *[(-31 * step, 31 * step, background)] * count)
    bipolar = not single_ended or style.get("core.bit_sliced.style") == "BALANCED"
    low, high = (-32, 31) if bipolar else (0, 63)
    unsigned = ranges(style | UNSIGNED | granular(size=size))
    close(unsigned, *[(low * step, high * step, background)] * count)


def test_b21_granular_needs_levels():
    for style in (BALANCED, OFFSET):
        with pytest.raises(ParameterError, match="continuous cells have no steps"):
            ranges(style | SIGNED | granular() | {"xbar.device.cell_bits": 0})


def test_b10_each_direction_has_its_own_adc():
    """CrossSim took ``adc_per_ibit`` of A·x for both, and converted x·A only with A·x."""
    for style in (BALANCED, OFFSET, sliced("OFFSET", 2)):
        params = tree(style | SIGNED, xbar__adc__match=False)
        params.xbar.dac.mvm.input_bitslicing = True
        params.update({"xbar.adc.vmm": {"model": "QuantizerADC", "bits": 4}})
        params.xbar.adc.vmm.adc_range_option = "MAX"
        params.xbar.adc.vmm.adc_per_ibit = True
        mapping = make_mapping(params)
        mvm, vmm = (
            ReadPlan.of(params, side, mapping, outputs=2, inputs=3, stream=Stream.of(0))
            for side in ("mvm", "vmm")
        )
        assert not mvm.converts
        assert not mvm.adc_per_digit
        assert vmm.converts
        assert vmm.adc_per_digit


def test_calibrated_ranges_are_those_of_each_slice():
    given = [[-1.0, 2.0], [0.0, 4.0], [-3.0, 0.0]]
    settings = sliced("OFFSET", 3) | option("CALIBRATED") | {"xbar.adc.mvm.calibrated_range": given}
    assert ranges(settings) == [(low, high, 0.0) for low, high in given]
