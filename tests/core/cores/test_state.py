"""A programmed chip can be taken out and put back, on any array library; conductances too."""

import copy
import json

import numpy as np
import pytest
from erring_models import KEPT, SKEWED, STYLES, bench_installed, slot, tree

from crosssim_core import AnalogCore
from crosssim_core.chain.mapping import weights_of
from crosssim_core.errors import NotProgrammedError, ShapeError, StateError, StateWarning

A = np.random.default_rng(0).uniform(-1, 1, (4, 5))
X = np.array([1, -0.5, 0.25, 0.75, -1])
ERRORS = slot("programming_error") | SKEWED
NOISE = slot("read_noise", magnitude=0.01)

styles = pytest.mark.parametrize("settings", STYLES.values(), ids=STYLES)


@pytest.fixture(autouse=True)
def bench():
    with bench_installed():
        yield


def through_files(state, folder):
    """``state`` as it comes back from files."""
    np.savez(folder / "chip.npz", **state.arrays)
    (folder / "chip.json").write_text(json.dumps(state.info))
    return dict(np.load(folder / "chip.npz")), json.loads((folder / "chip.json").read_text())


def assert_same_chip(twin, core):
    """Both hold the same, err the same, and go on to err the same."""
    for got, want in zip(twin.conductances(), core.conductances(), strict=True):
        np.testing.assert_array_equal(np.asarray(got.relative), np.asarray(want.relative))
    assert (twin.params, twin.limits, repr(twin.shape)) == (
        core.params,
        core.limits,
        repr(core.shape),
    )
    first, second = np.asarray(core.get_matrix()), np.asarray(twin.get_matrix())
    np.testing.assert_allclose(second, first, rtol=1e-13)
    for _ in range(2):
        for left in (False, True):
            x = (X[:4] if left else X).tolist()
            y, z = ((c.rmatmul if left else c.matmul)(x) for c in (core, twin))
            np.testing.assert_allclose(np.asarray(z), np.asarray(y), rtol=1e-12, atol=1e-13)
        for c in (core, twin):
            c[1:3, ::2] = 0.3
        first, second = np.asarray(core.get_matrix()), np.asarray(twin.get_matrix())
        np.testing.assert_allclose(second, first, rtol=1e-13)


@styles
def test_b33_a_saved_chip_comes_back_as_the_same_chip(xp, settings, tmp_path):
    core = AnalogCore(A, tree(settings, ERRORS, NOISE), seed=5)
    core[0] = 0.4
    core @ X
    twin = AnalogCore.from_state(through_files(core.state(), tmp_path), like=xp.zeros(1))
    assert type(twin.get_matrix()) is type(xp.zeros(1))
    assert_same_chip(twin, core)


@styles
def test_errors_of_converters_come_back_whatever_the_seed_would_draw(settings, tmp_path):
    core = AnalogCore(A, tree(settings, KEPT, {"xbar.adc.vmm.model": "bench.kept"}), seed=5)
    arrays, info = through_files(core.state(), tmp_path)
    assert {f"adc_{side}_0_0_offsets" for side in ("mvm", "vmm")} <= arrays.keys()
    info["seed"] = 6
    twin = AnalogCore.from_state((arrays, info))
    other = AnalogCore(A, core.params, seed=6)
    for left in (False, True):
        x = X[:4] if left else X
        y, z, other_y = ((c.rmatmul if left else c.matmul)(x) for c in (core, twin, other))
        np.testing.assert_array_equal(z, y)
        assert not np.array_equal(other_y, y)
    # Errors of a state that was loaded are saved again, and copied.
    for again in (AnalogCore.from_state(twin.state()), twin.copy()):
        np.testing.assert_array_equal(again @ X, core @ X)


def test_errors_that_a_model_cannot_hand_over_are_drawn_again_with_a_warning():
    core = AnalogCore(A, tree(SKEWED), seed=5)
    state = core.state()
    assert state.info["errors"] == []
    assert len(state.info["versions"]) == 1
    np.testing.assert_array_equal(AnalogCore.from_state(state) @ X, core @ X)
    state.info["versions"] = dict.fromkeys(state.info["versions"], "0.0.1")
    with pytest.warns(StateWarning, match=r"0\.0\.1"):
        twin = AnalogCore.from_state(state)
    np.testing.assert_array_equal(twin @ X, core @ X)


def test_versions_are_told_of_converters_alone_that_drew_errors_and_keep_none():
    assert AnalogCore(A, tree(KEPT)).state().info["versions"] == {}
    assert AnalogCore(A, tree()).state().info["versions"] == {}


def without_keeping(info):
    for record in ("mvm", "vmm"):
        info["params"][0]["xbar"]["adc"][record]["model"] = "bench.skewed"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda arrays, info: arrays.pop("adc_mvm_0_0_offsets"), "'adc_mvm_0_0_offsets'"),
        (lambda arrays, info: arrays.update(adc_mvm_0_0_offsets=np.ones(3)), r"\(3,\)"),
        (lambda arrays, info: info["errors"].append("matrix"), "no converter.*matrix"),
        (lambda arrays, info: without_keeping(info), "SkewedAdc keeps the errors none"),
    ],
)
def test_damaged_errors_of_converters_are_refused(spoil, message):
    core = AnalogCore(A, tree(KEPT), seed=5)
    before, state = core @ X, core.state()
    spoil(state.arrays, state.info)
    with pytest.raises(StateError, match=message):
        core.load_state(state)
    np.testing.assert_array_equal(core @ X, before)


def test_a_chip_without_a_given_seed_comes_back_too():
    core = AnalogCore(A, tree(ERRORS, NOISE))
    assert_same_chip(AnalogCore.from_state(core.state()), core)


def test_a_chip_travels_from_any_library_to_numpy(xp):
    core = AnalogCore(xp.asarray(A.astype(np.float32)), tree(ERRORS), seed=5)
    twin = AnalogCore.from_state(core.state())
    assert twin.dtype == np.float32
    assert_same_chip(twin, core)


def test_complex_chips_and_lists_of_parameters_come_back(tmp_path):
    params = [
        tree(ERRORS, {"core.complex_matrix": True, "core.rows_max": 5, "xbar.device.cell_bits": b})
        for b in (2, 6)
    ]
    core = AnalogCore(A + 1j * A[::-1], params, seed=1)
    state = through_files(core.state(), tmp_path)
    assert_same_chip(AnalogCore.from_state(state), core)


def test_loading_a_state_makes_a_core_the_chip_that_was_saved(xp):
    saved = AnalogCore(A, tree(ERRORS, NOISE), seed=5)
    core = AnalogCore(xp.asarray(2 * A), tree(core__style="OFFSET"), seed=6)
    view = core.T[1]
    core.load_state(saved.state())
    np.testing.assert_allclose(np.asarray(view.get_matrix()), saved.get_matrix()[:, 1], rtol=1e-13)
    assert_same_chip(core, saved)


def test_a_state_is_a_copy_and_loading_copies_it():
    core = AnalogCore(A, tree(ERRORS), seed=5)
    before, state = core @ X, core.state()
    kept = copy.deepcopy(state)
    twin = AnalogCore.from_state(state)
    for x in state.arrays.values():
        x[...] = 0.0
    state.info["params"][0]["core"]["style"] = 2
    for c in (core, twin, AnalogCore.from_state(kept)):
        np.testing.assert_array_equal(c @ X, before)


def test_a_state_of_another_shape_is_refused_and_changes_nothing():
    core = AnalogCore(A.T, tree(ERRORS), seed=5)
    before = core.get_matrix()
    with pytest.raises(ShapeError, match=r"\(5, 4\).*\(4, 5\)"):
        core.load_state(AnalogCore(A).state())
    np.testing.assert_array_equal(core.get_matrix(), before)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda arrays, info: info.update(format=99), "format 1"),
        (lambda arrays, info: info.pop("format"), "format 1"),
        (lambda arrays, info: info.pop("seed"), "'seed'"),
        (lambda arrays, info: arrays.pop("conductance_0"), "'conductance_0'"),
        (lambda arrays, info: arrays.pop("matrix"), "'matrix'"),
        (lambda arrays, info: arrays.update(conductance_0=np.ones((1, 1, 4, 5))), "conductance_0"),
        (lambda arrays, info: info.update(shape=[5, 4]), "shape"),
    ],
)
def test_damaged_states_are_refused(spoil, message):
    core = AnalogCore(A)
    state = core.state()
    spoil(state.arrays, state.info)
    with pytest.raises(StateError, match=message):
        core.load_state(state)
    np.testing.assert_allclose(core @ X, A @ X)


def test_b37_a_core_without_matrix_has_no_state():
    core = AnalogCore(A, empty_matrix=True)
    for call in (core.state, core.conductances, lambda: core.limits):
        with pytest.raises(NotProgrammedError):
            call()


def test_a_state_asks_for_no_gpu_unless_it_is_loaded_on_one():
    state = AnalogCore(A).state()
    state.info["params"][0]["simulation"]["useGPU"] = True
    twin = AnalogCore.from_state(state, like=np.zeros(1))
    assert not twin.params[0].simulation.useGPU
    np.testing.assert_allclose(twin @ X, A @ X)


@styles
def test_conductances_of_every_style_stand_for_the_matrix(settings):
    core = AnalogCore(A, tree(settings, xbar__device__Rmin=1e4, xbar__device__Rmax=1e5))
    held = np.full(A.shape, np.nan)
    for i, array in enumerate(core.conductances()):
        part = core._plan.arrays[i]
        unit = int(array.unit_line)
        rows, cols = A[array.rows, array.cols].shape
        assert array.relative.shape[2:] == (rows + unit, cols + unit)
        assert np.all((array.relative >= 0.1 - 1e-12) & (array.relative <= 1 + 1e-12))
        np.testing.assert_allclose(array.siemens, array.relative * 1e-4)
        held[array.rows, array.cols] = weights_of(part.mapping, array.relative) * core.limits.half
        if array.relative.shape[:2] == (1, 2):
            pair = array.relative[0, 0] - array.relative[0, 1]
            np.testing.assert_allclose(
                pair / 0.9 * core.limits.high, held[array.rows, array.cols], atol=1e-14
            )
    np.testing.assert_allclose(held, core.get_matrix(), atol=1e-14)


def test_exported_conductances_are_copies(xp):
    core = AnalogCore(xp.asarray(A.copy()), tree(ERRORS), seed=1)
    before = np.asarray(core.get_matrix())
    core.conductances()[0].relative[...] = 0.0
    np.testing.assert_array_equal(np.asarray(core.get_matrix()), before)


def test_copies_are_the_same_chip_and_go_their_own_ways():
    core = AnalogCore(A, tree(ERRORS), seed=1)
    for make in (core.copy, lambda: copy.copy(core), lambda: copy.deepcopy(core)):
        twin = make()
        before = core.get_matrix()
        np.testing.assert_array_equal(twin.get_matrix(), before)
        twin[0] = 0.3
        np.testing.assert_array_equal(core.get_matrix(), before)
    assert_same_chip(core.copy(), core)
