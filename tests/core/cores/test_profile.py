"""What products have been given, recorded as the parameters ask."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import tree

from crosssim_core import AnalogCore
from crosssim_core.errors import OperationError
from crosssim_core.layers import AnalogLayer, CellLayout, ConvLayout, LinearLayout

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])
BATCH = np.stack([X, -X], axis=1)
BOTH = {
    "simulation.analytics.profile_xbar_inputs": True,
    "simulation.analytics.profile_adc_inputs": True,
}
DIGITS = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 4,
    "xbar.dac.mvm.input_bitslicing": True,
    "xbar.dac.mvm.slice_size": 2,
}
SLICES = {"core.style": "BITSLICED", "core.weight_bits": 4, "core.bit_sliced.num_slices": 2}
UNIT = {"core.style": "OFFSET", "core.offset.style": "UNIT_COLUMN_SUBTRACTION"}


@pytest.fixture(params=[False, True], ids=["simplified", "literal"])
def profiled(request):
    """``profiled(*settings)``: a core of ``A`` that records."""
    return lambda *settings, xp=np: AnalogCore(
        xp.asarray(A), tree(BOTH, *settings, simulation__literal=request.param)
    )


def seen(core, side="mvm"):
    (only,) = core.profile.adc_inputs(side)
    return only


def test_each_product_adds_its_currents(profiled):
    core = profiled()
    core @ X
    core @ -X
    np.testing.assert_allclose(seen(core), [[1.29375, -0.765, -1.29375, 0.765]])


def test_a_batch_adds_all_currents_of_one_output_first(profiled):
    core = profiled()
    core @ BATCH
    np.testing.assert_allclose(seen(core), [[1.29375, -1.29375, -0.765, 0.765]])


def test_of_pairs_that_are_subtracted_digitally_the_positive_lines_come_first(profiled):
    core = profiled({"core.balanced.subtract_current_in_xbar": False})
    core @ BATCH
    want = [[1.19375, -1.19375, 0.035, -0.035, -0.1, 0.1, 0.8, -0.8]]
    np.testing.assert_allclose(seen(core), want)


def test_each_digit_has_a_row_and_unused_magnitude_bits_are_zero(profiled):
    core = profiled(DIGITS)
    core @ X
    np.testing.assert_allclose(seen(core), [[1.425, -0.75], [0.375, -0.21], [0, 0]], atol=1e-12)


def test_slices_come_before_digits(profiled):
    core = profiled(SLICES, DIGITS)
    core @ BATCH
    assert seen(core).shape == (2, 3, 4)


def test_defect_b28_an_offset_core_without_digits_and_a_unit_line_are_recorded(profiled):
    core = profiled(UNIT)
    core @ X
    np.testing.assert_allclose(seen(core), [[0.6875, 1.334375, 0.305]])


def test_defect_b28_offset_slices_are_not_recorded_twice(profiled):
    core = profiled(
        SLICES,
        {"core.bit_sliced.style": "OFFSET", "core.balanced.subtract_current_in_xbar": False},
    )
    core @ X
    assert seen(core).shape == (2, 1, 2)


def test_defect_b28_both_directions_have_records_of_their_own(profiled):
    core = profiled()
    core @ X
    np.array([[0.6, -1], [1, 0]]) @ core
    assert seen(core).shape == (1, 2)
    # The currents of one output after the other, as for A·x.
    want = 0.9 * np.array([0.3, 1.0, -1.1, -0.5, 1.15, 0.25])
    np.testing.assert_allclose(seen(core, "vmm"), want[None])
    np.testing.assert_array_equal(core.profile.xbar_inputs("vmm"), [[0.6, -1], [1, 0]])


def test_defect_b28_digital_inputs_are_recorded_before_scaling_and_conversion(profiled):
    core = profiled(DIGITS, {"core.mapping.inputs.mvm.max": 2.0, "core.mapping.inputs.mvm.min": -2})
    core @ (3 * X)
    core @ BATCH
    core @ np.zeros((2, 3, 1))
    want = np.concatenate([[3 * X, X, -X], np.zeros((2, 3))])
    np.testing.assert_array_equal(core.profile.xbar_inputs(), want)
    np.testing.assert_array_equal(core.profile.xbar_values(), want.ravel())


def test_arrays_have_records_of_their_own_row_by_row(profiled):
    core = profiled({"core.rows_max": 2, "core.cols_max": 1})
    core @ BATCH
    top, bottom = 0.9 * A[0] * X, 0.9 * A[1] * X
    sums = [top[:2].sum(), top[2], bottom[:2].sum(), bottom[2]]
    for array, total in zip(core.profile.adc_inputs(), sums, strict=True):
        np.testing.assert_allclose(array, [[total, -total]])
    np.array([0.6, -1]) @ core
    assert [a.shape for a in core.profile.adc_inputs("vmm")] == [(1, 2), (1, 1), (1, 2), (1, 1)]


def test_currents_are_recorded_after_saturation_and_before_conversion(profiled):
    core = profiled(
        {
            "xbar.array.Icol_max": 1.1,
            "xbar.adc.mvm.model": "QuantizerADC",
            "xbar.adc.mvm.bits": 2,
            "xbar.adc.mvm.calibrated_range": [-0.1, 0.1],
        }
    )
    core @ X
    np.testing.assert_allclose(seen(core), [[1.2, -0.765]])


def test_vectors_that_are_read_in_chunks_are_recorded_in_their_order(monkeypatch):
    monkeypatch.setattr("crosssim_core.chain.arithmetic.ROOM", 8)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 7))
    settings = (BOTH, DIGITS, SLICES, {"core.balanced.subtract_current_in_xbar": False})
    cores = [AnalogCore(A, tree(*settings, simulation__literal=on)) for on in (False, True)]
    np.testing.assert_allclose(cores[0] @ x, cores[1] @ x)
    np.testing.assert_allclose(seen(cores[0]), seen(cores[1]), atol=1e-12)


def test_reset_forgets_everything_and_programming_forgets_the_currents(profiled):
    core = profiled()
    core @ X
    core[0, 0] = 0.5
    assert seen(core).shape == (1, 0)
    assert core.profile.xbar_inputs().shape == (1, 3)
    core @ X
    core.profile.reset()
    assert seen(core).shape == (1, 0)
    assert core.profile.xbar_inputs().shape == (0, 3)


def test_recording_does_not_change_products(profiled):
    settings = (SLICES, DIGITS, {"xbar.array.Icol_max": 0.6})
    np.testing.assert_allclose(profiled(*settings) @ X, AnalogCore(A, tree(*settings)) @ X)


def test_histograms_take_the_place_of_values(profiled):
    core = profiled(SLICES, DIGITS, {"simulation.analytics.profile_bins": 256})
    values = profiled(SLICES, DIGITS)
    for scale in (1e-3, 1.0, 0.4):
        core @ (scale * BATCH)
        values @ (scale * BATCH)
    counted = core.profile.adc_histogram()
    recorded = seen(values)[:, :2]
    assert counted.count == recorded.size
    np.testing.assert_allclose((counted.low, counted.high), (recorded.min(), recorded.max()))
    assert core.profile.adc_histogram(0, 1).count == recorded[1].size
    assert core.profile.xbar_histogram().high == 1.0
    with pytest.raises(OperationError, match="profile_bins = 0"):
        core.profile.adc_inputs()
    with pytest.raises(OperationError, match="set profile_bins"):
        values.profile.adc_histogram()


def test_what_is_not_recorded_is_not_told():
    with pytest.raises(OperationError, match="profile_xbar_inputs"):
        _ = AnalogCore(A).profile
    core = AnalogCore(A, tree(simulation__analytics__profile_xbar_inputs=True))
    core @ X
    with pytest.raises(OperationError, match="profile_adc_inputs"):
        core.profile.adc_inputs()


def test_records_do_not_follow_the_arrays_they_were_made_of(profiled):
    core, x = profiled(), X.copy()
    core @ x
    x[:] = 7
    np.testing.assert_array_equal(core.profile.xbar_inputs(), [X])


def test_every_array_library_is_recorded_alike(profiled, xp):
    core, other = profiled(SLICES, DIGITS), profiled(SLICES, DIGITS, xp=xp)
    core @ BATCH
    other @ xp.asarray(BATCH)
    np.testing.assert_allclose(seen(other), seen(core))
    assert isinstance(seen(other), np.ndarray)


def test_threads_keep_what_one_product_has_seen_together(profiled):
    core = profiled({"core.cols_max": 1})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda scale: core @ (scale * X), np.linspace(-1, 1, 64)))
    top, bottom = (array[0] for array in core.profile.adc_inputs())
    inputs = core.profile.xbar_inputs()
    assert len(inputs) == 64
    np.testing.assert_allclose(np.stack([top, bottom], 1), 0.9 * inputs @ A.T)


def test_copies_and_pickles_keep_records_of_their_own(profiled):
    core = profiled()
    core @ X
    for twin in (copy.deepcopy(core), pickle.loads(pickle.dumps(core))):
        twin @ X
        assert seen(twin).shape == (1, 4)
    assert seen(core).shape == (1, 2)


def test_a_state_carries_no_records(profiled):
    core = profiled()
    core @ X
    assert seen(AnalogCore.from_state(core.state())).shape == (1, 0)


def test_a_convolution_records_padded_images_and_currents_image_by_image(profiled):
    layout = ConvLayout(1, 2, (2,), (1,), ((1, 1),), (1,), bias=False)
    layer = AnalogLayer.program(layout, A[:, None, :2], None, tree(BOTH))
    x = np.arange(6.0).reshape(2, 1, 3)
    y = layer(x)
    profile = layer.arrays.profile
    np.testing.assert_array_equal(profile.xbar_inputs(), np.pad(x, ((0, 0), (0, 0), (1, 1))))
    np.testing.assert_allclose(profile.adc_inputs()[0], 0.9 * y.reshape(1, -1))


def test_a_dense_layer_records_its_data_and_a_cell_the_whole_driving_vector():
    x = np.arange(12.0).reshape(2, 2, 3)
    dense = AnalogLayer.program(LinearLayout(3, 2, bias_rows=1), A, np.ones(2), tree(BOTH))
    dense(x)
    np.testing.assert_array_equal(dense.arrays.profile.xbar_inputs(), x.reshape(4, 3))
    layout = CellLayout.of("rnn", 1, 2, rows=(1, 0))
    np.testing.assert_array_equal(layout.driving(x[0]), [[0, 1, 2, 1], [3, 4, 5, 1]])
