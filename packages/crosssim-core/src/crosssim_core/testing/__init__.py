"""Conformance kit: whether a device, ADC or DAC model keeps what the simulator relies on.

In three lines, for a model that is installed::

    @device_checks("acme.rram")
    def test_conforms(check, model):
        check(model)

or without pytest: ``check_device_model("acme.rram")``.
"""

from crosssim_core.testing.adcs import ADC_CHECKS, AdcSubject
from crosssim_core.testing.dacs import DAC_CHECKS, DacSubject
from crosssim_core.testing.devices import DEVICE_CHECKS, DeviceSubject
from crosssim_core.testing.parametrized import adc_checks, dac_checks, device_checks
from crosssim_core.testing.running import check_adc_model, check_dac_model, check_device_model
from crosssim_core.testing.subject import ConformanceError

__all__ = [
    "ADC_CHECKS",
    "DAC_CHECKS",
    "DEVICE_CHECKS",
    "AdcSubject",
    "ConformanceError",
    "DacSubject",
    "DeviceSubject",
    "adc_checks",
    "check_adc_model",
    "check_dac_model",
    "check_device_model",
    "dac_checks",
    "device_checks",
]
