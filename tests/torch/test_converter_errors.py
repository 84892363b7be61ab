"""Checkpoints carry what converters have drawn, whatever the seed would draw."""

import copy
import json
import pickle

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, tree
from erring_models import bench_installed
from through_files import through_a_file, through_safetensors
from torch import nn

from crosssim_core.errors import StateWarning
from crosssim_torch import LayerOptions, from_torch
from crosssim_torch.calibration import apply_ranges, calibrate

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

RAMP = {"xbar.adc.mvm.model": "RampADC", "xbar.adc.mvm.sigma_comparator": 0.05}
SAR = {"xbar.adc.mvm.model": "SarADC", "xbar.adc.mvm.sigma_capacitor": 0.05}
PIPELINE = {"xbar.adc.mvm.model": "PipelineADC", "xbar.adc.mvm.sigma_C1": 0.05}
CYCLIC = {"xbar.adc.mvm.model": "CyclicADC", "xbar.adc.mvm.sigma_C2": 0.05}
PARTS = {"core.rows_max": 5, "core.cols_max": 2}
SLICES = {
    "core.style": "BITSLICED",
    "core.weight_bits": 8,
    "xbar.adc.mvm.adc_range_option": "MAX",
    "xbar.device.cell_bits": 0,
}
TRIMMED = {"xbar.adc.mvm.adc_range_option": "MAX", "core.style": "OFFSET"}
X = torch.linspace(-1, 1, 2 * 4 * 6).reshape(2, 4, 6)


def network():
    return nn.Sequential(nn.Conv1d(4, 4, 3, groups=4), nn.Flatten(), nn.Linear(16, 3))


def analog(*settings, seed=1, **options):
    params = tree(EIGHT_BITS, ERRORS, *settings)
    return from_torch(network(), params, 1, seed=seed, options=LayerOptions(**options))


def with_another_seed(state):
    """As if errors had been drawn by a version that draws others from the seed."""
    state = {name: values.clone() for name, values in state.items()}
    for name, values in state.items():
        if name.endswith("identity"):
            values[0] += 1
    return state


@pytest.fixture
def foreign():
    """A network whose converters its seed would not draw, and one that its seed does draw."""
    model = analog(SAR)
    state = with_another_seed(model.state_dict())
    twin = analog(SAR, seed=5)
    twin.load_state_dict(state, strict=True)
    return model, twin


@pytest.mark.parametrize("through", [through_a_file, through_safetensors])
@pytest.mark.parametrize("groups", ["dense", "packed"])
@pytest.mark.parametrize(
    "settings",
    [RAMP, SAR, PIPELINE, CYCLIC, SAR | PARTS, RAMP | SLICES, SAR | TRIMMED],
    ids=["ramp", "SAR", "pipeline", "cyclic", "parts", "slices", "trimmed"],
)
def test_a_checkpoint_brings_the_converters_back_bit_by_bit(settings, groups, through):
    model = analog(settings, groups=groups)
    want, state = model(X), model.state_dict()
    assert any("chip_adc_mvm_0_0_" in name for name in state)
    twin = analog(seed=5)
    twin.load_state_dict(through(with_another_seed(state)), strict=True)
    assert torch.equal(twin(X), want)
    assert not torch.equal(analog(settings, seed=2, groups=groups)(X), want)
    # And once more, from the network that had been loaded.
    again = analog(seed=6)
    again.load_state_dict(through(twin.state_dict()), strict=True)
    assert torch.equal(again(X), want)


@pytest.mark.parametrize(
    "way",
    [
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: model.to("cpu", torch.float32),
    ],
    ids=["deepcopy", "pickle", "to"],
)
def test_converters_that_came_back_stay_on_every_way_of_a_module(foreign, way):
    model, twin = foreign
    assert torch.equal(way(twin)(X), model(X))


def test_converters_that_came_back_stay_when_options_are_chosen(foreign):
    model, twin = foreign
    for module in (twin[0], twin[2]):
        module.options = LayerOptions(gradient="masked")
    torch.testing.assert_close(twin(X), model(X))
    for module in (twin[0], twin[2]):
        module.options = LayerOptions()
    assert torch.equal(twin(X), model(X))


def test_converters_that_came_back_stay_when_ranges_are_set(foreign):
    model, twin = foreign
    report = calibrate(model, X, show_progress=False)
    apply_ranges(twin, report.ranges)
    assert torch.equal(twin(X), model(X))
    assert torch.equal(twin[2].chip_adc_mvm_0_0_mismatch, model[2].chip_adc_mvm_0_0_mismatch)


def test_another_resolution_draws_other_converters_and_tells_them(foreign):
    _, twin = foreign
    params = twin[2].params.copy()
    params.xbar.adc.mvm.bits = 6
    twin[2]._exchange_converters(params)
    assert twin[2].chip_adc_mvm_0_0_mismatch.shape == (1, 7)
    again = analog(seed=7)
    again.load_state_dict(twin.state_dict())
    assert torch.equal(again(X), twin(X))


def test_another_chip_has_other_converters(foreign):
    _, twin = foreign
    before = twin[2].chip_adc_mvm_0_0_mismatch
    twin[2].synchronize()
    assert torch.equal(twin[2].chip_adc_mvm_0_0_mismatch, before)
    twin[2].reinitialize()
    assert not torch.equal(twin[2].chip_adc_mvm_0_0_mismatch, before)


def test_converters_that_another_process_sends_are_heeded(foreign):
    """As DistributedDataParallel does when it starts: buffers are overwritten in place."""
    model, twin = foreign
    with torch.no_grad():
        for here, there in zip(model.buffers(), analog(SAR, seed=8).buffers(), strict=True):
            here.copy_(there)
        for here, there in zip(model.buffers(), twin.buffers(), strict=True):
            here.copy_(there)
        for here, there in zip(model.parameters(), twin.parameters(), strict=True):
            here.copy_(there)
    assert torch.equal(model(X), twin(X))


def test_memory_given_to_a_network_without_any_holds_the_converters_of_its_chip():
    model = analog(SAR)
    want = model.state_dict()["2.chip_adc_mvm_0_0_mismatch"].clone()
    emptied = model.to("meta").to_empty(device="cpu")
    assert torch.equal(emptied[2].chip_adc_mvm_0_0_mismatch, want)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda state, name: state.pop(name), "lacks chip_adc_mvm_0_0_mismatch"),
        (lambda state, name: state.update({name: torch.ones(2)}), r"mismatch \(2,\)"),
        (
            lambda state, name: state.update({name.replace("0_0", "7_0"): torch.ones(2)}),
            "no converter is there for adc_mvm_7_0_mismatch",
        ),
    ],
)
def test_damaged_converters_are_refused_by_name_and_the_present_ones_stay(spoil, message):
    model, other = analog(SAR), analog(SAR, seed=2)
    before, state = other[2].chip_adc_mvm_0_0_mismatch, model.state_dict()
    spoil(state, "2.chip_adc_mvm_0_0_mismatch")
    with pytest.raises(RuntimeError, match=rf"chip of 2.*{message}"):
        other.load_state_dict(state)
    assert other[2].chip_adc_mvm_0_0_mismatch is before


def test_errors_that_a_model_does_not_hand_over_are_drawn_again_with_a_warning():
    with bench_installed():
        model, other = analog({"xbar.adc.mvm.model": "bench.skewed"}), analog(seed=2)
        state = model.state_dict()
        assert not any("chip_adc" in name for name in state)
        record = json.loads(bytes(state["2.chip_record"].tolist()))
        (name,) = record["versions"]
        other.load_state_dict(state)
        assert torch.equal(other(X), model(X))
        record["versions"][name] = "0.0.1"
        text = bytearray(json.dumps(record).encode())
        state["2.chip_record"] = torch.frombuffer(text, dtype=torch.uint8)
        with pytest.warns(StateWarning, match=r"0\.0\.1"):
            other.load_state_dict(state)
        assert torch.equal(other(X), model(X))


def test_a_version_is_told_of_converters_alone_that_are_drawn_again():
    for settings in ({}, SAR):
        record = json.loads(bytes(analog(settings).state_dict()["2.chip_record"].tolist()))
        assert record["versions"] == {}
