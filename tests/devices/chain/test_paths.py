"""What a model refuses is said with the path of the parameters that ask for it."""

import pickle

import pytest
from analog_settings import tree

from crosssim_core import AnalogCore
from crosssim_core.errors import ParameterError

A = [[1.0, -0.5], [0.25, 2.0]]

UNEVEN = {"core.mapping.inputs.mvm.min": -1.0, "core.mapping.inputs.mvm.max": 2.0}
NEGATIVE = {"core.mapping.inputs.mvm.min": -1.0, "core.mapping.inputs.mvm.max": 1.0}

REFUSED = {
    "uneven input limits (V10)": (
        {"xbar.dac.mvm.model": "SignMagnitudeDAC", "xbar.dac.mvm.bits": 8, **UNEVEN},
        "xbar.dac.mvm",
        "symmetric",
    ),
    "negative inputs of an unsigned DAC (V11)": (
        {
            "xbar.dac.mvm.model": "QuantizerDAC",
            "xbar.dac.mvm.bits": 8,
            "xbar.dac.mvm.signed": False,
            **NEGATIVE,
        },
        "xbar.dac.mvm",
        "negative",
    ),
    "an uneven range (V12)": (
        {
            "xbar.adc.mvm.model": "SignMagnitudeADC",
            "xbar.adc.mvm.bits": 8,
            "xbar.adc.mvm.calibrated_range": [-1.0, 2.0],
        },
        "xbar.adc.mvm",
        "symmetric",
    ),
    "an uneven range of the other direction": (
        {
            "xbar.adc.match": False,
            "xbar.adc.vmm.model": "SignMagnitudeADC",
            "xbar.adc.vmm.bits": 8,
            "xbar.adc.vmm.calibrated_range": [-1.0, 2.0],
        },
        "xbar.adc.vmm",
        "symmetric",
    ),
    **{
        f"SONOS beyond its measurements as {slot}": (
            {f"xbar.device.{slot}.enable": True, f"xbar.device.{slot}.model": "SONOS"},
            f"xbar.device.{slot}",
            "measured up to 3200 nA",
        )
        for slot in ("programming_error", "read_noise", "drift_error")
    },
    "PCMJoshi beyond its measurements": (
        {
            "xbar.device.programming_error.enable": True,
            "xbar.device.programming_error.model": "PCMJoshi",
        },
        "xbar.device.programming_error",
        "measured up to 25",
    ),
    "a slot of which there are no measurements": (
        {
            "xbar.device.drift_error.enable": True,
            "xbar.device.drift_error.model": "SONOS",
            "xbar.device.Rmin": 50000.0,
            "xbar.device.Rmax": 1e6,
            "xbar.device.time": 1.0,
        },
        "xbar.device.drift_error",
        "below 1800 nA",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_error_of_a_model_carries_the_path_of_its_slot(case):
    settings, path, text = REFUSED[case]
    with pytest.raises(ParameterError, match=text) as caught:
        AnalogCore(A, tree(settings))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
