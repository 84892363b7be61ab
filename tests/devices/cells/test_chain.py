"""Several models in one slot: their order, their random numbers, their parameters."""

import json
import pickle

import numpy as np
import pytest

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.devices import Cell, DeclaresReadMoments
from crosssim_core.errors import ParameterError, UnknownModelError, UnsupportedError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins import factory
from crosssim_core.random import Stream, WriteNoise

PCM = Cell(40e3, 4e6, time=1e6)
STUCK = {"model": "StuckCells", "cell_yield": 0.8}
NORMAL = {"model": "NormalIndependentDevice", "magnitude": 0.05}
UNIFORM = {"model": "UniformIndependentDevice", "magnitude": 0.05}
DRIFT = {"model": "PowerLawDrift", "exponent": 0.1}
A = np.random.default_rng(0).uniform(-1, 1, (6, 8))


def record(*models, **settings):
    return DeviceErrorParams(enable=True, model="Chain", models=list(models), **settings)


def chain(*models, cell=PCM, **settings):
    return factory("device", "Chain")(record(*models, **settings), cell)


def noise(seed=0, occasion=0):
    stream = Stream.of(seed)
    return WriteNoise(stream.child("write", occasion), stream.child("cells"))


def tree(slot, *models, **settings):
    params = CrossSimParameters()
    setattr(params.xbar.device, slot, record(*models, **settings))
    return params


def test_models_act_in_the_order_of_the_list():
    g = np.full((30, 40), 0.5)
    faults_last = chain(NORMAL, STUCK).program(g, noise=noise())
    faults_first = chain(STUCK, NORMAL).program(g, noise=noise())
    assert np.count_nonzero(faults_last == 1.0) > 50
    assert np.count_nonzero(faults_first == 1.0) == 0
    works = (faults_last != 1.0) & (faults_last != PCM.g_min)
    np.testing.assert_array_equal(faults_last[works], faults_first[works])


def test_no_model_sees_a_negative_conductance():
    g = np.full((50, 50), 0.01)
    wide = {"model": "NormalIndependentDevice", "magnitude": 0.5}
    after = chain(wide, {"model": "PowerLawDrift", "exponent": 0.0}).drift(g, noise=noise())
    assert after.min() == 0.0
    assert chain(wide).program(g, noise=noise()).min() < 0.0


def test_a_model_keeps_its_random_numbers_when_others_come_or_go():
    g = np.full((10, 10), 0.5)
    thermal = {"model": "ThermalConductance"}
    want = chain(NORMAL).program(g, noise=noise())
    np.testing.assert_array_equal(
        chain(thermal, NORMAL, STUCK | {"cell_yield": 1.0}).program(g, noise=noise()), want
    )


def test_a_model_that_is_listed_twice_draws_twice():
    g = np.full((200, 200), 0.5)
    twice = chain(NORMAL, NORMAL).program(g, noise=noise())
    assert twice.std() == pytest.approx(0.05 * 2**0.5, rel=6 / 282)


def test_programming_and_drift_know_the_same_faulty_cells():
    g = np.full((30, 40), 0.5)
    written = chain(STUCK).program(g, noise=noise())
    drifted = chain(NORMAL, DRIFT, STUCK).drift(g, noise=noise(occasion=5))
    np.testing.assert_array_equal(written == 1.0, drifted == 1.0)


def test_in_the_drift_slot_a_model_without_time_programs():
    g = np.full((3, 4), 0.5)
    pcm = {"model": "PCMJoshi"}
    drifted = chain(pcm, DRIFT).drift(g, noise=noise())
    written = chain(pcm).program(g, noise=noise())
    np.testing.assert_allclose(drifted, written * 1e6**-0.1, rtol=1e-12)


def test_one_list_in_the_drift_slot_describes_all_times():
    matrices = []
    for time in (0.0, 1e3):
        params = tree("drift_error", {"model": "NormalProportionalDevice", "magnitude": 0.1}, DRIFT)
        params.xbar.device.time = time
        params.xbar.device.infinite_on_off_ratio = True
        matrices.append(AnalogCore(A, params, seed=1).get_matrix())
    np.testing.assert_allclose(matrices[1], matrices[0] * 1e3**-0.1, rtol=1e-12)


def test_a_disabled_model_is_passed_over():
    g = np.full((3, 4), 0.5)
    off = chain(STUCK | {"enable": False}, NORMAL)
    np.testing.assert_array_equal(
        off.program(g, noise=noise()), chain(NORMAL).program(g, noise=noise())
    )


def test_global_compensation_restores_the_sum_of_each_array():
    g = np.random.default_rng(2).uniform(0.1, 1, (2, 50, 60))
    parts = ({"model": "PCMJoshi"}, DRIFT | {"exponent_spread": 0.03}, STUCK)
    fresh = chain(*parts, cell=Cell(40e3, 4e6, time=0.0)).drift(g, noise=noise())
    drifted = chain(*parts).drift(g, noise=noise())
    restored = chain(*parts, compensation="array").drift(g, noise=noise())
    assert (drifted.sum((1, 2)) < 0.7 * fresh.sum((1, 2))).all()
    np.testing.assert_allclose(restored.sum((1, 2)), fresh.sum((1, 2)), rtol=1e-12)
    factors = restored / np.where(drifted > 0, drifted, 1)
    np.testing.assert_allclose(factors, factors[:, :1, :1] + 0 * factors, rtol=1e-12)


def test_compensation_per_column_restores_every_column():
    g = np.random.default_rng(2).uniform(0.1, 1, (2, 50, 60))
    parts = ({"model": "PCMJoshi"}, DRIFT | {"exponent_spread": 0.03}, STUCK)
    fresh = chain(*parts, cell=Cell(40e3, 4e6, time=0.0)).drift(g, noise=noise())
    restored = chain(*parts, compensation="column").drift(g, noise=noise())
    np.testing.assert_allclose(restored.sum(-1), fresh.sum(-1), rtol=1e-12)


def test_compensation_leaves_dead_columns_dead():
    dead = {"model": "DeadLines", "column_yield": 0.0}
    assert not chain(DRIFT, dead, compensation="column").drift(np.ones((3, 4)), noise=noise()).any()


def test_uniform_drift_is_compensated_completely():
    params = tree("drift_error", DRIFT, compensation="column")
    params.xbar.device.time = 1e4
    np.testing.assert_allclose(AnalogCore(A, params).get_matrix(), A, rtol=1e-12)
    params.xbar.device.drift_error.compensation = "none"
    assert np.abs(AnalogCore(A, params).get_matrix()).max() < 0.5


def test_a_plugin_drift_model_is_compensated_as_well():
    cell = Cell(62.5e3, 6.25e11, time=5.0)
    g = np.full((20, 5000), 0.5)
    sonos = {"model": "SONOS"}
    drifted = chain(sonos, cell=cell).drift(g, noise=noise())
    restored = chain(sonos, cell=cell, compensation="array").drift(g, noise=noise())
    assert abs(drifted.mean() - 0.4905168) < 6 * 0.0211 / 316
    assert abs(restored.mean() - 0.5) < 6 * 0.0123 / 316


def test_reads_add_up_whatever_their_order():
    g = np.full((1, 100_000), 0.5)
    proportional = {"model": "NormalProportionalDevice", "magnitude": 0.08}
    both = chain(NORMAL, proportional)
    mean, deviation = both.read_moments(g)
    assert both.read_is_normal
    assert float(mean[0, 0]) == 0.5
    assert float(deviation[0, 0]) == pytest.approx((0.05**2 + 0.04**2) ** 0.5)
    samples = both.read(g, noise=Stream.of(1).source())
    assert samples.std() == pytest.approx(float(deviation[0, 0]), rel=6 / 447)


def test_moments_are_known_only_if_every_model_knows_its_own():
    from wrong_models import registered

    assert isinstance(chain(NORMAL, UNIFORM), DeclaresReadMoments)
    assert not chain(NORMAL, UNIFORM).read_is_normal
    with registered(devices=["ReadsOnly"]):
        assert not isinstance(chain(NORMAL, {"model": "wrong.ReadsOnly"}), DeclaresReadMoments)


@pytest.mark.parametrize(
    ("slot", "models", "said"),
    [
        ("read_noise", [NORMAL, STUCK], r"StuckCells\[0\] in a Chain.*read_noise"),
        ("programming_error", [DRIFT], r"PowerLawDrift\[0\] in a Chain.*programming_error"),
        ("drift_error", [{"model": "CubicDevice"}], r"CubicDevice\[0\]"),
        ("nonlinear_IV", [NORMAL], "nonlinear_IV"),
    ],
)
def test_a_model_without_a_say_in_the_slot_is_refused(slot, models, said):
    with pytest.raises(UnsupportedError, match=said):
        AnalogCore(A, tree(slot, *models))


def test_conditions_of_the_models_hold_in_a_chain():
    params = tree("drift_error", {"model": "SONOS"})
    params.xbar.device.update({"time": 1.0, "Rmin": 40e3, "Rmax": 1e9})
    with pytest.raises(ParameterError, match="1800 nA"):
        AnalogCore(A, params)
    with pytest.raises(ParameterError, match="PCMJoshi is measured up to 25"):
        AnalogCore(A, tree("programming_error", {"model": "PCMJoshi"}))


def test_compensation_belongs_to_drift():
    with pytest.raises(ParameterError, match="slot drift_error, not in programming_error"):
        AnalogCore(A, tree("programming_error", NORMAL, compensation="array"))


@pytest.mark.parametrize(
    ("models", "path", "said"),
    [
        ([{"model": "SONOX"}], r"models\[0\]", "SONOS"),
        ([NORMAL, {"model": "StuckCells", "cell_yeld": 0.9}], r"models\[1\]\.cell_yeld", "Did you"),
        ([NORMAL, {"model": "StuckCells", "cell_yield": 2.0}], r"models\[1\]\.cell_yield", "most"),
        ([{"magnitude": 0.1}], r"models\[0\]", "dictionary such as"),
        (["SONOS"], r"models\[0\]", "dictionary such as"),
        ("SONOS", "models", "list"),
    ],
)
def test_a_wrong_entry_is_named(models, path, said):
    params = CrossSimParameters()
    slot = params.xbar.device.programming_error
    slot.model = "Chain"
    with pytest.raises(ParameterError, match=rf"^xbar\.device\.programming_error\.{path}.*{said}"):
        slot.models = models
    assert slot.models == []


def test_an_unknown_model_in_a_list_keeps_its_kind_of_error():
    with pytest.raises(UnknownModelError):
        record({"model": "SONOX"})


def test_a_later_edit_of_an_entry_is_checked_when_a_core_is_built():
    params = tree("programming_error", NORMAL)
    params.xbar.device.programming_error.models[0]["magnitude"] = -1.0
    with pytest.raises(ParameterError, match=r"models\[0\]\.magnitude"):
        AnalogCore(A, params)


def test_rules_of_the_models_apply_with_their_path():
    params = tree("programming_error", {"model": "MeasuredDevice"})
    with pytest.raises(ParameterError, match=r"programming_error\.models\[0\]\.file"):
        params.validate()


def test_an_enabled_chain_needs_a_model():
    params = tree("programming_error")
    with pytest.raises(ParameterError, match="models is empty"):
        params.validate()
    params.xbar.device.programming_error.enable = False
    params.validate()


def test_parameters_survive_json_copies_and_pickle():
    params = tree("drift_error", {"model": "PCMJoshi"}, DRIFT, STUCK, compensation="column")
    text = json.dumps(params.to_dict())
    again = CrossSimParameters.from_dict(json.loads(text))
    assert again == params
    assert again.xbar.device.drift_error.models[2]["cell_yield"] == 0.8
    assert pickle.loads(pickle.dumps(params)) == params
    twin = params.copy()
    twin.xbar.device.drift_error.models[2]["cell_yield"] = 0.5
    assert params.xbar.device.drift_error.models[2]["cell_yield"] == 0.8


def test_what_is_exported_is_nobodys():
    params = tree("drift_error", DRIFT)
    params.to_dict()["xbar"]["device"]["drift_error"]["models"][0]["exponent"] = 9.0
    assert params.xbar.device.drift_error.models[0]["exponent"] == 0.1


def test_a_chain_may_hold_a_chain():
    inner = {"model": "Chain", "models": [NORMAL, STUCK]}
    g = np.full((20, 20), 0.5)
    written = chain(inner, {"model": "ThermalConductance"}).program(g, noise=noise())
    assert np.count_nonzero(written == 1.0) > 10
