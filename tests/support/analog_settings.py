"""Parameters that tests of analog layers share."""

from importlib.util import find_spec
from typing import Any

import pytest

from crosssim_core import CrossSimParameters

needs_devices = pytest.mark.skipif(
    find_spec("crosssim_devices") is None, reason="needs the models of crosssim-devices"
)

EIGHT_BITS = {
    "xbar.device.cell_bits": 7,
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 8,
    "xbar.adc.mvm.model": "SignMagnitudeADC",
    "xbar.adc.mvm.bits": 8,
    "xbar.adc.mvm.calibrated_range": [-2.0, 2.0],
}
"""Rounding of weights, inputs and outputs, without any randomness."""

ERRORS = {
    "xbar.device.programming_error.enable": True,
    "xbar.device.programming_error.model": "NormalProportionalDevice",
    "xbar.device.programming_error.magnitude": 0.05,
}
"""Programming errors of 5 %, independent in each cell."""


def tree(*settings: dict[str, Any], **further: Any) -> CrossSimParameters:
    """Default parameters with ``settings``, by dotted path; ``a__b`` is a path too."""
    params = CrossSimParameters()
    for group in (*settings, {k.replace("__", "."): v for k, v in further.items()}):
        params.update(group)
    return params
