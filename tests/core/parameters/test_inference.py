"""The flat options of inference scripts."""

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.errors import ParameterError, UnknownParameterError
from crosssim_core.parameters.inference import InferenceOptions, dnn_inference_params

# Scripts set the bits of weights and of cells both.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")


def test_defect_s31_a_call_without_options_makes_a_tree_that_works():
    params = dnn_inference_params()
    params.validate()
    assert params.xbar.device.cell_bits == 0
    assert not params.xbar.device.drift_error.enable
    assert (params.xbar.dac.mvm.model, params.xbar.dac.mvm.bits) == ("SignMagnitudeDAC", 8)
    y = AnalogCore([[0.5, 0.25], [1.0, 0.0]], params) @ [0.5, 0.5]
    np.testing.assert_allclose(y, [0.375, 0.5], atol=0.02)


def test_defect_s31_options_are_left_as_they_were():
    limits = np.array([-0.5, 0.25])
    params = dnn_inference_params(input_range=limits)
    assert limits.tolist() == [-0.5, 0.25]
    inputs = params.core.mapping.inputs.mvm
    assert (inputs.min, inputs.max) == (-1.0, 1.0)


def test_ideal_options_set_nothing_but_the_simulation():
    params = dnn_inference_params(ideal=True, NrowsMax=100, weight_bits=8, profile_adc_inputs=True)
    assert params.simulation.analytics.profile_adc_inputs
    params.simulation = CrossSimParameters().simulation
    assert params == CrossSimParameters()


@pytest.mark.parametrize(
    ("options", "bits"),
    [
        ({"core_style": "OFFSET", "weight_bits": 8}, 8),
        ({"weight_bits": 8}, 7),
        ({"weight_bits": 0}, 0),
        ({"weight_bits": 8, "Nslices": 2}, 4),
        ({"weight_bits": 7, "Nslices": 2}, 3),
        ({"weight_bits": 7, "Nslices": 2, "core_style": "OFFSET"}, 4),
    ],
)
def test_cells_have_the_bits_that_weights_need(options, bits):
    params = dnn_inference_params(**options, adc_range_option="MAX")
    assert params.xbar.device.cell_bits == bits
    params.validate()


def test_a_balanced_weight_needs_a_bit_beside_its_sign():
    with pytest.raises(ParameterError, match="weight_bits: is 1"):
        dnn_inference_params(weight_bits=1)


@pytest.mark.parametrize(
    ("given", "model", "used"),
    [
        ([-1, 1.005], "SignMagnitudeADC", [-1.005, 1.005]),
        ([-1, 1.02], "QuantizerADC", [-1, 1.02]),
        ([0, 1], "QuantizerADC", [0, 1]),
    ],
)
def test_a_range_that_is_nearly_symmetric_is_made_so(given, model, used):
    adc = dnn_inference_params(adc_range=given).xbar.adc.mvm
    assert (adc.model, adc.calibrated_range, adc.signed) == (model, used, min(used) < 0)


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({"adc_bits": 0}, "IdealADC"),
        ({"adc_type": "sar"}, "SarADC"),
        ({"adc_range_option": "MAX"}, "SignMagnitudeADC"),
        (
            {"adc_range_option": "MAX", "core_style": "OFFSET", "positiveInputsOnly": True},
            "QuantizerADC",
        ),
        ({"Nslices": 2, "weight_bits": 8, "adc_range": [[-1, 1], [-2, 2]]}, "SignMagnitudeADC"),
    ],
)
def test_the_adc_is_the_one_that_fits(options, model):
    params = dnn_inference_params(**options)
    assert params.xbar.adc.mvm.model == model
    AnalogCore(np.eye(2), params)


def test_dacs_are_unsigned_for_positive_inputs_and_limits_hold_the_drive_of_biases():
    positive = dnn_inference_params(positiveInputsOnly=True, input_range=(0, 0.5))
    assert positive.xbar.dac.mvm.model == "QuantizerDAC"
    assert positive.core.mapping.inputs.mvm.max == 1.0
    digital = dnn_inference_params(input_range=(-0.25, 0.5), digital_bias=True)
    inputs = digital.core.mapping.inputs.mvm
    assert (inputs.min, inputs.max) == (-0.5, 0.5)
    free = dnn_inference_params(input_bits=0, input_bitslicing=True)
    assert free.xbar.dac.mvm.model == "IdealDAC"
    assert free.core.mapping.inputs.mvm.max == 1e10


def test_errors_noise_and_drift_are_switched_on_by_their_models():
    device = dnn_inference_params(
        error_model="generic",
        alpha_error=0.1,
        noise_model="generic",
        alpha_noise=0.02,
        proportional_noise=True,
        drift_model="PCMJoshi",
        t_drift=10,
    ).xbar.device
    error, noise, drift = device.programming_error, device.read_noise, device.drift_error
    assert (error.enable, error.model, error.magnitude) == (True, "NormalIndependentDevice", 0.1)
    assert (noise.enable, noise.model, noise.magnitude) == (True, "NormalProportionalDevice", 0.02)
    assert (drift.enable, drift.model, device.time) == (True, "PCMJoshi", 10)
    quiet = dnn_inference_params(error_model="generic", drift_model="none").xbar.device
    assert not quiet.programming_error.enable
    assert not quiet.drift_error.enable


def test_a_terminal_resistance_alone_makes_wires():
    assert dnn_inference_params(Rp_col_terminal=1.0).xbar.array.parasitics.enable
    assert not dnn_inference_params().xbar.array.parasitics.enable


def test_an_option_that_does_not_exist_is_near_one_that_does():
    with pytest.raises(UnknownParameterError, match="weight_bits"):
        dnn_inference_params(weigth_bits=8)
    assert InferenceOptions().weight_percentile == 100
