"""As many bits as parameters take are computed with, one after another and together."""

import numpy as np
import pytest
from analog_settings import tree

from crosssim_core import AnalogCore
from crosssim_core.parameters.plain import MOST_BITS

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])

DAC = {"xbar.dac.mvm.model": "SignMagnitudeDAC", "xbar.dac.mvm.bits": MOST_BITS}
CONVERTERS = {
    **DAC,
    "xbar.adc.mvm.model": "QuantizerADC",
    "xbar.adc.mvm.bits": MOST_BITS,
    "xbar.adc.mvm.adc_range_option": "MAX",
}
SLICES = {"core.style": "BITSLICED", "core.weight_bits": MOST_BITS}
SETTINGS = [
    {"xbar.device.cell_bits": MOST_BITS},
    {"xbar.device.cell_bits": MOST_BITS, "core.style": "OFFSET"},
    {"xbar.device.cell_bits": MOST_BITS, "core.balanced.style": "TWO_SIDED"},
    {**SLICES, "core.bit_sliced.num_slices": 1},
    {**SLICES, "core.bit_sliced.num_slices": 1, "core.bit_sliced.style": "OFFSET"},
    {**SLICES, "core.bit_sliced.num_slices": MOST_BITS},
    {**SLICES, "core.bit_sliced.num_slices": MOST_BITS, "core.bit_sliced.style": "OFFSET"},
    {**DAC, "xbar.dac.mvm.input_bitslicing": True},
    {**DAC, "xbar.dac.mvm.input_bitslicing": True, "xbar.dac.mvm.slice_size": MOST_BITS},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("converters", [{}, CONVERTERS])
@pytest.mark.parametrize("literal", [False, True])
def test_the_most_bits_leave_the_product_as_it_is(settings, converters, literal):
    core = AnalogCore(A, tree(settings, converters, simulation__literal=literal))
    np.testing.assert_allclose(core @ X, A @ X, rtol=1e-9)
    np.testing.assert_allclose(core.get_matrix(), A, rtol=1e-9)
