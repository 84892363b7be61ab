"""Converters that err: which lines share one, and for how long."""

from itertools import combinations

import numpy as np
from analog_settings import tree

from crosssim_core import AnalogCore

A = np.random.default_rng(0).uniform(-1, 1, (4, 6))
SPREAD = {
    "core.style": "BITSLICED",
    "core.weight_bits": 6,
    "core.bit_sliced.num_slices": 3,
    "core.rows_max": 4,
    "core.cols_max": 4,
    "xbar.adc.mvm.model": "RampADC",
    "xbar.adc.mvm.bits": 4,
    "xbar.adc.mvm.adc_range_option": "MAX",
    "xbar.adc.mvm.sigma_comparator": 0.1,
}


def thresholds(core):
    """Those of the first line of every ADC of a core, over the range."""
    return [
        adc.model.table.thresholds[0, 1:8] / adc.model.site.high
        for part in core._plan.arrays
        for side in ("mvm", "vmm")
        for adc in part.reads[side].adcs
    ]


def test_every_slice_direction_and_array_has_errors_of_its_own():
    converters = thresholds(AnalogCore(A, tree(SPREAD), seed=1))
    assert len(converters) == 3 * 2 * 2
    assert all(np.abs(a - b).max() > 1e-3 for a, b in combinations(converters, 2))


def test_errors_belong_to_the_chip_and_outlive_programming():
    core = AnalogCore(A, tree(SPREAD), seed=1)
    x = np.linspace(-1, 1, 6)
    before, product = thresholds(core), core @ x
    core.set_matrix(-A)
    core.set_matrix(A)
    for now, then in zip(thresholds(core), before, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(core @ x, product)
    other = thresholds(AnalogCore(A, tree(SPREAD), seed=2))
    assert np.abs(other[0] - before[0]).max() > 1e-3
