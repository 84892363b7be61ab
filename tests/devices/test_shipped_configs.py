"""The configurations that come with core, which name models of this package."""

import warnings

import pytest

from crosssim_core.errors import ParameterError
from crosssim_core.parameters import (
    AdcParams,
    CrossSimParameters,
    DacParams,
    DeviceErrorParams,
    shipped_configurations,
)

SLICED_INPUTS = {
    "core.mapping.inputs.mvm.min": -152.0,
    "core.mapping.inputs.mvm.max": 152.0,
    "simulation.convolution.is_conv_core": True,
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.input_bitslicing": True,
}
ISAAC = {
    **SLICED_INPUTS,
    "core.style": "BITSLICED",
    "core.bit_sliced.style": "OFFSET",
    "core.bit_sliced.num_slices": 8,
    "core.weight_bits": 16,
    "core.offset.style": "UNIT_COLUMN_SUBTRACTION",
    "core.rows_max": 128,
    "core.cols_max": 128,
    "xbar.device.cell_bits": 2,
    "xbar.device.Rmin": 2e3,
    "xbar.device.Rmax": 2e6,
    "xbar.dac.mvm.bits": 16,
    "xbar.adc.mvm.model": "SignMagnitudeADC",
    "xbar.adc.mvm.bits": 9,
    "xbar.adc.mvm.adc_per_ibit": True,
    "xbar.adc.mvm.adc_range_option": "GRANULAR",
}
CONTENT = {
    "default": {"core.rows_max": 1024, "core.cols_max": 1024},
    "ISAAC": ISAAC,
    "ISAAC-SarADC": {**ISAAC, "xbar.adc.mvm.model": "SarADC", "xbar.adc.mvm.group_size": 128},
    "PRIME": {
        **SLICED_INPUTS,
        "core.style": "BITSLICED",
        "core.bit_sliced.style": "BALANCED",
        "core.bit_sliced.num_slices": 2,
        "core.weight_bits": 8,
        "core.balanced.subtract_current_in_xbar": False,
        "core.rows_max": 256,
        "core.cols_max": 256,
        "xbar.device.cell_bits": 4,
        "xbar.device.Rmin": 1e3,
        "xbar.device.Rmax": 2e4,
        "xbar.dac.mvm.bits": 6,
        "xbar.dac.mvm.slice_size": 3,
        "xbar.adc.mvm.model": "RampADC",
        "xbar.adc.mvm.bits": 6,
        "xbar.adc.mvm.adc_per_ibit": True,
        "xbar.adc.mvm.calibrated_range": [[-36.75, 36.75], [-2.296875, 2.296875]],
    },
    "SONOS-TCAS": {
        **SLICED_INPUTS,
        "core.weight_bits": 8,
        "core.rows_max": 1152,
        "core.cols_max": 256,
        "xbar.device.cell_bits": 7,
        "xbar.device.Rmin": 3.5e4,
        "xbar.device.Rmax": 6e12,
        "xbar.device.programming_error": {"enable": True, "model": "SONOS"},
        "xbar.device.drift_error": {"enable": True, "model": "SONOS"},
        "xbar.dac.mvm.bits": 8,
        "xbar.adc.mvm.model": "RampADC",
        "xbar.adc.mvm.bits": 8,
        "xbar.adc.mvm.calibrated_range": [-2.9185207, 4.2715613],
    },
}


def test_every_shipped_configuration_is_described_here():
    assert sorted(CONTENT) == shipped_configurations()


@pytest.mark.parametrize("name", CONTENT)
def test_a_shipped_configuration_is_silent_and_what_it_should_be(name):
    expected = CrossSimParameters()
    expected.update(CONTENT[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert CrossSimParameters.from_json(name) == expected


@pytest.mark.parametrize("name", CONTENT)
def test_a_shipped_configuration_survives_writing(name, tmp_path):
    tree = CrossSimParameters.from_json(name)
    tree.to_json(tmp_path / "again.json")
    assert CrossSimParameters.from_json(tmp_path / "again.json") == tree


@pytest.mark.parametrize("name", CONTENT)
def test_parameters_that_shipped_files_lack_take_their_defaults(name):
    tree = CrossSimParameters.from_json(name)
    default = CrossSimParameters()
    assert tree.core.output_dtype == default.core.output_dtype
    assert tree.xbar.device.nonlinear_IV == default.xbar.device.nonlinear_IV
    assert tree.xbar.device.Vread == 0.1
    assert tree.xbar.array.parasitics == default.xbar.array.parasitics


def test_the_on_off_ratio_of_sonos_is_that_of_the_paper():
    device = CrossSimParameters.from_json("SONOS-TCAS").xbar.device
    assert device.Gmin_norm == pytest.approx(5.8333333e-9, rel=1e-8)


def test_p02_circuit_parameters_appear_with_their_model():
    params = CrossSimParameters()
    with pytest.raises(ParameterError, match="has no parameter 'gain_db'"):
        params.xbar.adc.mvm.gain_db = 60
    params.xbar.adc.mvm.model = "SarADC"
    params.xbar.adc.mvm.gain_db = 60
    assert params.xbar.adc.vmm.gain_db == 60.0


PIPELINE = {
    "gain_db": 100.0,
    "sigma_C1": 0.0,
    "sigma_C2": 0.0,
    "sigma_Cpar": 0.0,
    "sigma_comparator": 0.0,
    "group_size": 8,
}
OWN = {
    "IdealADC": {},
    "QuantizerADC": {},
    "SignMagnitudeADC": {},
    "RampADC": {
        "gain_db": 100.0,
        "sigma_capacitor": 0.0,
        "sigma_comparator": 0.0,
        "symmetric_cdac": True,
    },
    "SarADC": {
        "gain_db": 100.0,
        "sigma_capacitor": 0.0,
        "sigma_comparator": 0.0,
        "split_cdac": True,
        "group_size": 8,
    },
    "PipelineADC": PIPELINE,
    "CyclicADC": PIPELINE,
}


@pytest.mark.parametrize("first", OWN)
@pytest.mark.parametrize("second", OWN)
def test_p14_every_change_of_model_ends_in_the_parameters_of_the_new_one(first, second):
    common = AdcParams().to_dict()
    record = AdcParams(model=first)
    assert record.to_dict() == {**common, "model": first, **OWN[first]}
    record.model = second
    assert record.to_dict() == {**common, "model": second, **OWN[second]}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (DacParams(model="SignMagnitudeDAC", signed=False), "signed"),
        (DacParams(model="SignMagnitudeDAC", bits=1), "bits"),
    ],
)
def test_v10_a_sign_magnitude_dac_needs_a_sign_and_a_magnitude(record, message):
    with pytest.raises(ParameterError, match=message):
        record.validate()


@pytest.mark.parametrize("bits", [0, 8])
def test_v12_a_sign_magnitude_adc_needs_a_sign(bits):
    params = CrossSimParameters()
    params.xbar.adc.mvm = {
        "model": "SignMagnitudeADC",
        "signed": False,
        "bits": bits,
        "calibrated_range": [-1, 1],
    }
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.mvm.*signed"):
        params.validate()


def test_v13_a_signed_quantizer_dac_cannot_slice_its_inputs():
    record = DacParams(model="QuantizerDAC", bits=8, input_bitslicing=True)
    with pytest.raises(ParameterError, match="choose SignMagnitudeDAC"):
        record.validate()
    record.signed = False
    record.validate()


@pytest.mark.parametrize(
    "model",
    [
        "IdealDevice",
        "NormalIndependentDevice",
        "NormalProportionalDevice",
        "NormalInverseProportionalDevice",
        "UniformIndependentDevice",
        "UniformProportionalDevice",
        "UniformInverseProportionalDevice",
        "PCMJoshi",
        "RRAMMilo",
        "RRAMWan",
        "SONOS",
        "CubicDevice",
    ],
)
def test_every_device_model_of_crosssim_can_be_named(model):
    assert DeviceErrorParams(model=model).model == model
