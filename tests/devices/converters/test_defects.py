"""Defects and surprises of converters in CrossSim 3.2, by number: mended, or kept on purpose."""

import tracemalloc

import numpy as np
import pytest
from analog_settings import tree
from injection import given

from crosssim_core import AnalogCore
from crosssim_core._array import as_host
from crosssim_core.converters import AdcSite, DacSite
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import AdcParams, DacParams
from crosssim_core.plugins import factory
from crosssim_core.random import Stream

pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

CIRCUITS = ("RampADC", "SarADC", "PipelineADC", "CyclicADC")
A = np.random.default_rng(0).uniform(-1, 1, (4, 4))
DIGITS = {
    "xbar.dac.mvm": {"model": "SignMagnitudeDAC", "bits": 8, "input_bitslicing": True},
}
SLICES = {"core.style": "BITSLICED", "core.weight_bits": 8, "core.bit_sliced.style": "OFFSET"}


def converter(model, *, bits=8, low=-1.0, high=1.0, lines=1, **own):
    record = AdcParams(model=model, bits=bits, **own)
    site = AdcSite(low, high, lines, Stream.of(3).source())
    return factory("adc", model)(record, site)


def dac(model, *, low=-1.0, high=1.0, **own):
    return factory("dac", model)(DacParams(model=model, **own), DacSite(low, high))


def read(adc, *currents):
    """What one line of ``adc`` makes of each current."""
    return adc.convert(np.asarray(currents)[:, None], axis=-1, noise=None)[:, 0].tolist()


def adc(model, side="mvm", **settings):
    """Settings of an ADC with the largest range."""
    return {f"xbar.adc.{side}": {"model": model, "adc_range_option": "MAX", **settings}}


def test_a01_each_group_of_lines_has_a_sar_adc_with_capacitors_of_its_own():
    """CrossSim gave all groups the same capacitors."""
    sar = converter("SarADC", lines=5, bits=6, group_size=2, sigma_capacitor=0.1)
    rows = sar.table.thresholds
    assert rows.shape[0] == 3
    for one, other in ((0, 1), (0, 2), (1, 2)):
        same = np.isclose(rows[one, :60], rows[other, :60], rtol=0, atol=1e-12)
        assert np.count_nonzero(same) <= 1, "only the level at zero has no capacitor switched on"


@pytest.mark.parametrize("model", ["PipelineADC", "CyclicADC"])
@pytest.mark.parametrize("gain_db", [np.inf, 100.0])
def test_a02_a_current_on_the_threshold_of_a_stage_gets_the_code_below(model, gain_db):
    """CrossSim lost the digit of the middle: codes 95 and 32, wrong by half of the reference."""
    currents = (0.25, np.nextafter(0.25, 1), -0.25, np.nextafter(-0.25, 1))
    values = read(converter(model, gain_db=gain_db), *currents)
    assert [(value * 256 + 255) / 2 for value in values] == [159, 160, 95, 96]


@pytest.mark.parametrize("model", CIRCUITS)
def test_a03_a_square_batch_from_the_left_meets_the_errors_of_its_lines(model):
    """CrossSim let the errors of the lines follow the batch, silently if the batch was square."""
    errors = {"sigma_comparator": 0.2} | ({} if model == "RampADC" else {"group_size": 1})
    core = AnalogCore(A, tree(adc(model, bits=5, **errors)), seed=1)
    x = np.random.default_rng(1).uniform(-1, 1, (4, 4))
    np.testing.assert_array_equal(x @ core, np.stack([vector @ core for vector in x]))
    together = core @ x
    one_by_one = np.stack([core @ vector for vector in x.T], axis=1)
    np.testing.assert_array_equal(together, one_by_one)
    spread = x @ core - x @ AnalogCore(A, tree(adc(model, bits=5)), seed=1)
    assert np.abs(spread).max() > 0.1


@pytest.mark.parametrize("model", CIRCUITS)
def test_a04_batches_may_have_any_number_of_axes(model):
    core = AnalogCore(A, tree(adc(model, bits=5, sigma_comparator=0.2)), seed=1)
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 4, 5))
    assert (core @ x).shape == (2, 3, 4, 5)
    np.testing.assert_array_equal((core @ x)[1, 2, :, 3], core @ x[1, 2, :, 3])
    left = x.swapaxes(2, 3)
    np.testing.assert_array_equal((left @ core)[1, 2, 3], left[1, 2, 3] @ core)


@pytest.mark.parametrize("model", CIRCUITS)
@pytest.mark.parametrize("literal", [False, True])
def test_a05_the_unit_line_of_an_offset_core_has_a_converter(model, literal):
    style = {"core.style": "OFFSET", "core.offset.style": "UNIT_COLUMN_SUBTRACTION"}
    fine = tree(style, adc(model, bits=14), simulation__literal=literal)
    core = AnalogCore(A, fine, seed=1)
    assert core._plan.arrays[0].reads["mvm"].adcs[0].model.site.lines == 5
    np.testing.assert_allclose(core @ A, A @ A, rtol=0, atol=0.02)


@pytest.mark.parametrize("inputs", [3, 5, 6, 11, 22, 23, 45])
def test_a06_the_largest_range_of_offset_slices_holds_the_largest_current(inputs):
    """In CrossSim five full inputs to five full cells gave 3.559."""
    core = AnalogCore(np.ones((1, inputs)), tree(SLICES, adc("QuantizerADC", bits=16)))
    np.testing.assert_allclose(core @ np.ones(inputs), inputs, rtol=1e-3)


@pytest.mark.parametrize("style", [SLICES, SLICES | {"core.bit_sliced.style": "BALANCED"}])
@pytest.mark.parametrize("model", ["SignMagnitudeADC", "QuantizerADC", "SarADC"])
def test_a07_granular_ranges_lose_nothing(style, model):
    """In CrossSim 64 inputs and a 16-bit ADC erred by 0.03 to 0.04."""
    matrix = np.random.default_rng(2).uniform(-1, 1, (3, 64))
    x = np.random.default_rng(3).uniform(-1, 1, (64, 5))
    slices = {"core.bit_sliced.num_slices": 4}
    ideal = {"gain_db": np.inf} if model == "SarADC" else {}
    granular = adc(model, bits=16, adc_per_ibit=True, adc_range_option="GRANULAR", **ideal)
    exact = AnalogCore(matrix, tree(style, slices, DIGITS)) @ x
    got = AnalogCore(matrix, tree(style, slices, DIGITS, granular)) @ x
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("style", ["OFFSET", "BALANCED"])
def test_a08_ranges_of_slices_need_no_quantized_inputs(style):
    """In CrossSim every conversion gave the same number."""
    style = SLICES | {"core.bit_sliced.style": style}
    core = AnalogCore(A, tree(style, adc("QuantizerADC", bits=16)))
    np.testing.assert_allclose(core @ A, A @ A, rtol=0, atol=0.03)
    granular = adc("QuantizerADC", bits=8, adc_range_option="GRANULAR", adc_per_ibit=True)
    with pytest.raises(ParameterError, match="input"):
        AnalogCore(A, tree(style, granular))


def test_a09_conversion_after_every_input_slice_needs_input_slices():
    """CrossSim never applied the ADC."""
    with pytest.raises(ParameterError, match="adc_per_ibit"):
        AnalogCore(A, tree(adc("QuantizerADC", bits=3, adc_per_ibit=True)))


@pytest.mark.parametrize("model", CIRCUITS)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.5, 1.5), (-0.25, 1.0)])
def test_a10_all_codes_of_a_circuit_can_be_used_on_any_range(model, low, high):
    """Kept by default, for compatibility: codes divide a range that is symmetric about zero."""
    x = np.random.default_rng(1).uniform(low - 0.3, high + 0.3, (20_000, 1))
    settings = {"bits": 6, "gain_db": np.inf, "low": low, "high": high}
    half = converter(model, **settings).convert(x, axis=-1, noise=None)
    assert np.unique(half).size < 64
    every = converter(model, use_all_codes=True, **settings).convert(x, axis=-1, noise=None)
    step = (high - low) / 64
    want = low + step * (np.clip(np.ceil((x - low) / step), 1, 64) - 0.5)
    np.testing.assert_allclose(every, want, rtol=0, atol=1e-12)
    assert np.unique(np.round(every, 9)).size == 64


@pytest.mark.parametrize("model", CIRCUITS)
def test_a10_circuits_that_use_all_codes_err_as_they_do_on_a_symmetric_range(model):
    own = {"bits": 6, "gain_db": 50.0, "sigma_comparator": 0.05, "lines": 3}
    x = np.random.default_rng(1).uniform(-1.2, 1.2, (200, 3))
    symmetric = converter(model, **own).convert(x, axis=-1, noise=None)
    shifted = converter(model, use_all_codes=True, low=4.0, high=6.0, **own)
    got = shifted.convert(x + 5.0, axis=-1, noise=None)
    np.testing.assert_allclose(got, symmetric + 5.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("model", "own", "sign"),
    [
        ("SarADC", {}, 1),
        ("RampADC", {}, -1),
        ("RampADC", {"symmetric_cdac": False}, 1),
    ],
)
def test_a11_no_current_is_never_read_as_zero_by_a_circuit(model, own, sign):
    """Kept: circuits have no level at zero. Granular ranges put one there, see a07."""
    assert read(converter(model, **own), 0.0) == [sign * 0.00390625]


def test_a12_a_signed_quantizer_with_a_symmetric_range_has_no_level_at_zero():
    """Kept; sign and magnitude have one, see a13."""
    assert abs(read(converter("QuantizerADC", bits=4), 0.0)[0]) == pytest.approx(1 / 15)
    assert float(dac("QuantizerDAC", bits=4).convert(np.zeros(1))[0]) == pytest.approx(1 / 15)


@pytest.mark.parametrize("bits", [2, 4])
def test_a13_a_sign_and_a_magnitude_have_an_odd_number_of_levels_and_ties_go_to_odd_ones(bits):
    most = 2 ** (bits - 1) - 1
    levels = np.arange(-most, most + 1)
    ties = levels[:-1] + 0.5
    want = levels[:-1] + (levels[:-1] % 2 == 0)
    x = np.concatenate([levels, ties]) / most
    both = np.concatenate([levels, want]) / most
    quantizer = converter("SignMagnitudeADC", bits=bits)
    np.testing.assert_allclose(read(quantizer, *x), both, rtol=0, atol=1e-12)
    got = dac("SignMagnitudeDAC", bits=bits).convert(x)
    np.testing.assert_allclose(got, both, rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", ["QuantizerADC", "SignMagnitudeADC", *CIRCUITS])
def test_a14_zero_bits_pass_everything_and_only_sign_and_magnitude_ask_for_a_sign(model):
    assert read(converter(model, bits=0), 7.0, -7.0) == [7.0, -7.0]
    if model == "SignMagnitudeADC":
        with pytest.raises(ParameterError, match="sign"):
            converter(model, signed=False)
    else:
        own = {} if model == "QuantizerADC" else {"gain_db": np.inf}
        unsigned = read(converter(model, signed=False, **own), -0.6, 0.6)
        assert unsigned == read(converter(model, **own), -0.6, 0.6)


@pytest.mark.parametrize("model", CIRCUITS)
def test_a15_errors_of_converters_belong_to_the_chip(model):
    """CrossSim drew them anew whenever one weight was written."""
    core = AnalogCore(A, tree(adc(model, bits=6, sigma_comparator=0.1)), seed=1)
    table = core._plan.arrays[0].reads["mvm"].adcs[0].model.table.thresholds
    before = core @ A
    core[1, 2] = 0.5
    core.set_matrix(A)
    again = core._plan.arrays[0].reads["mvm"].adcs[0].model.table.thresholds
    np.testing.assert_array_equal(again, table)
    np.testing.assert_array_equal(core @ A, before)


def test_a16_both_lines_of_a_pair_share_a_converter_one_after_the_other():
    """Kept: so a matrix and its negative give products that are exactly opposite."""
    pairs = {"core.balanced.subtract_current_in_xbar": False}
    settings = tree(pairs, adc("RampADC", bits=5, sigma_comparator=0.2, sigma_capacitor=0.1))
    product, negative = (AnalogCore(a, settings, seed=1) @ A for a in (A, -A))
    np.testing.assert_allclose(product, -negative, rtol=0, atol=1e-12)
    assert np.abs(product - A @ A).max() > 0.1


def test_a17_inputs_that_start_above_zero_cannot_be_sliced():
    """CrossSim dropped the top digit of such inputs."""
    assert dac("QuantizerDAC", low=0.5, high=1.5, bits=4, signed=False).magnitude_bits == 0
    limits = {"core.mapping.inputs.mvm": {"min": 1.0, "max": 3.0}}
    unsigned = {"model": "QuantizerDAC", "bits": 4, "signed": False, "input_bitslicing": True}
    with pytest.raises(ParameterError, match="starting at 0"):
        AnalogCore(A, tree(limits, {"xbar.dac.mvm": unsigned}))


def test_a18_digits_are_those_of_the_converted_input():
    """CrossSim rounded ties of the digits by another rule than those of the whole input."""
    ties = (np.arange(-7, 7) + 0.5) / 7
    whole = {"model": "SignMagnitudeDAC", "bits": 4}
    plain = AnalogCore(np.eye(14), tree({"xbar.dac.mvm": whole})) @ ties
    sliced = {"xbar.dac.mvm": whole | {"input_bitslicing": True, "slice_size": 2}}
    for literal in (False, True):
        got = AnalogCore(np.eye(14), tree(sliced, simulation__literal=literal)) @ ties
        np.testing.assert_allclose(got, plain, rtol=0, atol=1e-12)
    odd = np.round(plain * 7)
    assert np.all(odd % 2 == 1)


@pytest.mark.parametrize("model", ["QuantizerADC", "SignMagnitudeADC", *CIRCUITS])
def test_a19_integers_are_converted_like_the_numbers_they_are(xp, model):
    whole = np.arange(-3, 4)[:, None]
    built = converter(model, low=-2.5, high=2.5)
    got = built.convert(xp.asarray(whole.copy()), axis=-1, noise=None)
    want = as_host(built.convert(given(xp, whole), axis=-1, noise=None))
    np.testing.assert_allclose(as_host(got), want, rtol=0, atol=1e-6)


def test_b20_every_change_of_circuit_keeps_what_both_know():
    """In CrossSim changes between circuits were a KeyError."""
    for first in CIRCUITS:
        for second in CIRCUITS:
            known = {"bits": 6, "gain_db": 50.0, "sigma_comparator": 0.1}
            record = AdcParams(model=first, calibrated_range=[-1.0, 1.0], **known)
            record.model = second
            record.validate()
            assert {name: getattr(record, name) for name in known} == known
            assert record == AdcParams(model=second, calibrated_range=[-1.0, 1.0], **known)


def test_b21_b22_an_unmatched_side_changes_its_model_and_old_references_stay_valid():
    """In CrossSim the parameters of the new model were missing, and old references were lost."""
    params = tree(adc("RampADC", bits=6))
    params.xbar.adc.match = False
    record = params.xbar.adc.vmm
    record.model = "SarADC"
    record.split_cdac = False
    assert params.xbar.adc.vmm is record
    assert params.xbar.adc.mvm.model == "RampADC"
    core = AnalogCore(A, params)
    left = core._plan.arrays[0].reads["vmm"].adcs[0].model
    assert left.params.split_cdac is False
    assert np.isfinite(A @ core).all()


@pytest.mark.parametrize("style", [{}, {"core.style": "OFFSET"}, SLICES])
@pytest.mark.parametrize("side", ["mvm", "vmm"])
def test_b23_one_direction_may_convert_alone(style, side):
    """In CrossSim that was an AttributeError or an IndexError."""
    core = AnalogCore(A, tree(style, {"xbar.adc.match": False}, adc("QuantizerADC", side, bits=3)))
    exact = AnalogCore(A, tree(style))
    errs = {
        "mvm": np.abs(core @ A - exact @ A).max() > 1e-3,
        "vmm": np.abs(A @ core - A @ exact).max() > 1e-3,
    }
    assert errs == {"mvm": side == "mvm", "vmm": side == "vmm"}


def test_b24_a_dac_has_no_sign_bit():
    with pytest.raises(AttributeError):
        _ = DacParams().sign_bit


@pytest.mark.parametrize("model", CIRCUITS)
def test_b25_packed_windows_of_a_convolution_meet_the_errors_of_their_lines(model):
    """In CrossSim the errors were repeated for windows that were not there."""
    settings = adc(model, bits=6, sigma_comparator=0.1)
    core = AnalogCore(A, tree(settings), seed=1)
    packed = {"simulation.convolution": {"x_par": 2, "y_par": 2}}
    again = AnalogCore(A, tree(settings, packed), seed=1)
    np.testing.assert_array_equal(again @ A, core @ A)


@pytest.mark.parametrize("style", [{}, SLICES | {"core.bit_sliced.style": "BALANCED"}])
def test_b26_interleaved_pairs_are_subtracted_where_they_are(style):
    """In CrossSim this was an UnboundLocalError."""
    pairs = {
        "core.balanced.interleaved_posneg": True,
        "core.balanced.subtract_current_in_xbar": False,
    }
    with pytest.raises(ParameterError, match="interleaved_posneg"):
        AnalogCore(A, tree(style, pairs, adc("QuantizerADC", bits=8)))


def test_b27_a_ramp_needs_no_memory_for_every_code_of_every_current():
    x = np.random.default_rng(0).uniform(-1, 1, (2000, 16))
    ramp = converter("RampADC", bits=12, lines=16, sigma_comparator=0.01, sigma_capacitor=0.01)
    ramp.convert(x, axis=-1, noise=None)
    tracemalloc.start()
    ramp.convert(x, axis=-1, noise=None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * x.nbytes
