"""A checkpoint holds the weights, under their stock names, and the very chip."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, tree
from through_files import through_a_file, through_safetensors
from torch import nn

from crosssim_torch import (
    LayerOptions,
    analog_modules,
    from_torch,
    stock_state_dict,
    synchronize,
)

pytest.importorskip("crosssim_devices", reason="chips differ by the errors of that package")

NOISE = {
    "xbar.device.read_noise.enable": True,
    "xbar.device.read_noise.model": "NormalIndependentDevice",
    "xbar.device.read_noise.magnitude": 0.02,
}
CIRCUIT = EIGHT_BITS | {"xbar.adc.mvm.model": "SarADC", "xbar.adc.mvm.sigma_comparator": 0.05}
X = torch.linspace(-1, 1, 2 * 4 * 6).reshape(2, 4, 6)


def network():
    return nn.Sequential(nn.Conv1d(4, 4, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def analog(seed=1, settings=ERRORS, bias_rows=1, **more):
    return from_torch(network(), tree(settings), bias_rows, seed=seed, **more)


@pytest.mark.parametrize("through", [through_a_file, through_safetensors])
@pytest.mark.parametrize("settings", [ERRORS, ERRORS | CIRCUIT], ids=["errors", "circuit ADC"])
def test_tensors_alone_bring_back_the_chip_with_its_parameters_rows_and_options(through, settings):
    packed = LayerOptions(groups="packed", errors="kept")
    model = analog(settings=settings, options=packed, bias_rows=[2, 1])
    want = model(X)
    other = analog(seed=2, settings={})
    other.load_state_dict(through(model.state_dict()), strict=True)
    assert torch.equal(other(X), want)
    for one, twin in zip(analog_modules(model), analog_modules(other), strict=True):
        assert twin.params == one.params
        assert twin.bias_rows == one.bias_rows
        assert twin.options == one.options
        twin.synchronize()
        one.synchronize()
        assert torch.equal(twin.get_matrix(), one.get_matrix())


@pytest.mark.parametrize("manual", [False, True])
@pytest.mark.parametrize("back", [False, True], ids=["cast", "there and back"])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_a_cast_network_saves_the_chip_that_it_is_on(kind, back, manual):
    options = LayerOptions(synchronization="manual" if manual else "automatic")
    model, other = analog(options=options).to(kind), analog(seed=2).to(kind)
    if back:
        model, other = model.float(), other.float()
    x = X.to(next(model.parameters()).dtype)
    want = model(x)
    for _ in range(2):
        other.load_state_dict(model.state_dict())
        torch.testing.assert_close(other(x), want, rtol=1e-5, atol=1e-6)
        for one, twin in zip(analog_modules(model), analog_modules(other), strict=True):
            torch.testing.assert_close(twin.get_matrix(), one.get_matrix(), check_dtype=False)
        model, other = other, analog(seed=3).to(next(other.parameters()).dtype)


def test_a_double_network_cast_to_float_saves_the_chip_that_it_is_on():
    model = from_torch(network().double(), tree(ERRORS), 1, seed=1)
    before = [module.get_matrix() for module in analog_modules(model)]
    model.float()
    other = analog(seed=2)
    other.load_state_dict(model.state_dict())
    for held, twin in zip(before, analog_modules(other), strict=True):
        torch.testing.assert_close(twin.get_matrix(), held.float())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_a_layer_in_half_saves_the_chip_of_a_checkpoint_in_single_precision(kind):
    model, middle, other = analog(seed=1), analog(seed=2).to(kind), analog(seed=3)
    middle.load_state_dict(model.state_dict())
    other.load_state_dict(middle.state_dict())
    for one, twin in zip(analog_modules(model), analog_modules(other), strict=True):
        assert torch.equal(twin.get_matrix(), one.get_matrix())


def by_hand_and_edited(bias_rows=1, **more):
    """A network whose weights were edited since its arrays were programmed, and what these hold."""
    by_hand = LayerOptions(synchronization="manual")
    model = analog(options=by_hand, settings={}, bias_rows=bias_rows, **more)
    held = [module.get_matrix() for module in analog_modules(model)]
    with torch.no_grad():
        for module in analog_modules(model):
            module.weight.mul_(0.5)
    return model, held


@pytest.mark.parametrize("cast", [lambda m: m, lambda m: m.half(), lambda m: m.double()])
@pytest.mark.parametrize("bias_rows", [0, 1])
def test_edits_that_wait_for_synchronize_go_on_waiting_in_who_loads_them(cast, bias_rows):
    model, held = by_hand_and_edited(bias_rows)
    model = cast(model)
    other = analog(seed=2, bias_rows=2)
    for _ in range(2):
        other.load_state_dict(model.state_dict())
        for twin, matrix in zip(analog_modules(other), held, strict=True):
            torch.testing.assert_close(twin.get_matrix(), matrix, check_dtype=False)
        model, other = other, analog(seed=3)
    model.float()
    for twin, matrix in zip(analog_modules(model), held, strict=True):
        torch.testing.assert_close(twin.get_matrix(), matrix, check_dtype=False)
        twin.synchronize()
        torch.testing.assert_close(twin.get_matrix(), twin.form_matrix(), rtol=1e-3, atol=1e-3)


def test_edits_that_wait_are_programmed_once_synchronization_is_automatic():
    other = analog(seed=2)
    other.load_state_dict(by_hand_and_edited()[0].state_dict())
    for module in analog_modules(other):
        module.options = LayerOptions()
        torch.testing.assert_close(module.get_matrix(), module.form_matrix())


def test_weights_that_a_checkpoint_lacks_are_programmed_by_hand_too():
    state = by_hand_and_edited()[0].state_dict()
    del state["3.bias"]
    other = analog(seed=2)
    other.load_state_dict(state, strict=False)
    torch.testing.assert_close(other[3].get_matrix(), other[3].form_matrix())


def test_the_record_is_versioned_json():
    state = analog().state_dict()
    record = json.loads(bytes(state["3.chip_record"].tolist()))
    assert record["format"] == 1
    assert record["params"][0]["xbar"]["device"]["programming_error"]["magnitude"] == 0.05
    assert record["rows"] == {"bias": 1}


def damaged(state, how):
    name = "3.chip_record"
    record = json.loads(bytes(state[name].tolist()))
    if how == "another format":
        record["format"] = 7
    elif how == "an unknown model":
        record["params"][0]["xbar"]["device"]["programming_error"]["model"] = "acme.gone"
    elif how == "other arrays":
        record["params"][0]["core"]["rows_max"] = 3
    text = b"no JSON" if how == "no JSON" else json.dumps(record).encode()
    state[name] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    if how == "nothing":
        del state[name]
    return state


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("another format", "format 7"),
        ("an unknown model", "acme.gone"),
        ("other arrays", "shapes"),
        ("no JSON", "chip_record"),
        ("nothing", "chip_record"),
    ],
)
def test_a_damaged_chip_is_refused_by_name_and_the_present_one_stays(how, message):
    model, other = analog(seed=1), analog(seed=2)
    params = other[3].params
    with pytest.raises(RuntimeError, match=rf"3.*{message}"):
        other.load_state_dict(damaged(model.state_dict(), how))
    assert other[3].params is params
    torch.testing.assert_close(other[3].weight, model[3].weight)
    # The weights are those of the checkpoint, on the chip that was there.
    error = other[3].get_matrix() / other[3].form_matrix() - 1
    assert 0.001 < error.abs().max() < 0.4


def spoilt(state, name, change):
    return state | {f"3.chip_{name}": change(state[f"3.chip_{name}"])}


SPOILT = {
    "identity of floats": ("identity", lambda t: t.float(), "chip_identity.*stock_state_dict"),
    "cut identity": ("identity", lambda t: t[:2], "chip_identity are not complete"),
    "no identity": ("identity", lambda t: t[:0], "chip_identity are not complete"),
    "square identity": ("identity", lambda t: t.reshape(-1, 1), "chip_identity are not complete"),
    "negative count": ("identity", lambda t: -t - 5, "chip_identity are not complete"),
    "cut limits": ("limits", lambda t: t[:1], "chip_limits are not complete"),
    "limits of NaN": ("limits", lambda t: t * torch.nan, "chip_limits are not finite"),
    "whole limits": ("limits", lambda t: t.long(), "chip_limits"),
    "record of floats": ("record", lambda t: t.float(), "chip_record.*stock_state_dict"),
    "cut record": ("record", lambda t: t[:-9], "no readable chip_record"),
    "conductances of NaN": (
        "conductance_0",
        lambda t: t.clone().fill_(torch.nan),
        "chip_conductance_0 are not finite",
    ),
    "no values": ("conductance_0", lambda t: t.to("meta"), "chip_conductance_0 hold no values"),
    "doubled identity": (
        "identity",
        lambda t: torch.cat([t, t]),
        "chip_identity has 12 numbers, and 6 were saved",
    ),
    "negative conductances": (
        "conductance_0",
        lambda t: -t,
        "chip_conductance_0 are negative, which no conductance is",
    ),
    "turned limits": ("limits", lambda t: -t, "chip_limits do not ascend"),
    "limits of 0": ("limits", lambda t: 0 * t, "chip_limits do not ascend"),
    "a word": ("limits", lambda t: "wide", r"chip_limits \(str\) is none"),
    "a word as record": ("record", lambda t: "wide", r"chip_record \(str\) is none"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_tensors_that_cannot_have_been_saved_so_are_refused_and_the_layer_goes_on(how):
    name, change, message = SPOILT[how]
    model, other = analog(seed=1), analog(seed=2)
    before = other[3].chip_identity
    with pytest.raises(RuntimeError, match=rf"(?s)The chip of 3: .*{message}"):
        other.load_state_dict(spoilt(model.state_dict(), name, change))
    assert other[3].chip_identity is before
    assert other(X).isfinite().all()
    other[3].reinitialize()
    assert other[3].chip_identity[0] == before[0]


def test_a_chip_without_limits_says_what_it_lacks():
    state = analog(seed=1).state_dict()
    del state["3.chip_limits"]
    with pytest.raises(RuntimeError, match=r"The chip of 3: the checkpoint lacks chip_limits\."):
        analog(seed=2).load_state_dict(state)


@pytest.mark.parametrize("name", ["chip_foo", "chip_limits_0", "chip_identity2"])
def test_tensors_of_the_chip_that_nothing_is_known_of_are_told_as_unexpected(name):
    model, other = analog(seed=1), analog(seed=2)
    state = model.state_dict() | {f"3.{name}": torch.ones(2)}
    told = other.load_state_dict(state, strict=False)
    assert told.unexpected_keys == [f"3.{name}"]
    assert name not in dict(other[3].named_buffers())
    assert torch.equal(other(X), model(X))
    with pytest.raises(RuntimeError, match=rf"Unexpected key.*3\.{name}"):
        other.load_state_dict(state)


def test_errors_of_converters_that_are_no_real_numbers_are_refused():
    model, other = (analog(seed=seed, settings=ERRORS | CIRCUIT) for seed in (1, 2))
    name = next(name for name in model.state_dict() if "3.chip_adc_" in name)
    before = dict(other[3].named_buffers())[name.removeprefix("3.")]
    state = spoilt(model.state_dict(), name.removeprefix("3.chip_"), lambda t: t.to(torch.cfloat))
    with pytest.raises(RuntimeError, match=r"(?s)The chip of 3: chip_adc_.*complex64"):
        other.load_state_dict(state)
    assert torch.equal(dict(other[3].named_buffers())[name.removeprefix("3.")], before)


@pytest.mark.parametrize("missing", ["params", "rows", "options", "reads"])
def test_a_record_that_lacks_something_is_refused(missing):
    model, other = analog(seed=1), analog(seed=2)
    state = model.state_dict()
    record = json.loads(bytes(state["3.chip_record"].tolist()))
    del record[missing]
    text = bytearray(json.dumps(record).encode())
    state["3.chip_record"] = torch.frombuffer(text, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="no readable chip_record"):
        other.load_state_dict(state)


def test_an_average_of_checkpoints_is_refused_and_one_of_their_stock_parts_is_loaded():
    one, two, other = (analog(seed=seed, settings={}) for seed in (1, 2, 3))
    states = one.state_dict(), two.state_dict()
    with pytest.raises(RuntimeError, match=r"(?s)0: chip_identity .*stock_state_dict.*3: chip_"):
        other.load_state_dict({k: (states[0][k] + states[1][k]) / 2 for k in states[0]})
    a, b = map(stock_state_dict, states)
    other.load_state_dict({k: (a[k] + b[k]) / 2 for k in a})
    torch.testing.assert_close(other[3].get_matrix(), other[3].form_matrix())
    torch.testing.assert_close(other[3].weight, (one[3].weight + two[3].weight) / 2)


@pytest.mark.parametrize("name", ["3.weight", "3.bias", "0.weight"])
@pytest.mark.parametrize("how", ["lacking", "edited"])
def test_weights_that_are_not_those_of_the_chip_are_programmed_into_it(name, how):
    model, other = analog(seed=1, settings={}), analog(seed=2, settings={})
    state = model.state_dict()
    if how == "lacking":
        del state[name]
    else:
        state[name] = state[name] + 0.25
    other.load_state_dict(state, strict=False)
    for one, twin in zip(analog_modules(model), analog_modules(other), strict=True):
        assert twin.chip_identity[0] == one.chip_identity[0]
        torch.testing.assert_close(twin.get_matrix(), twin.form_matrix())


def test_a_checkpoint_in_single_precision_brings_its_chip_to_a_layer_in_half():
    model, other = analog(seed=1), analog(seed=2).half()
    other.load_state_dict(model.state_dict())
    for one, twin in zip(analog_modules(model), analog_modules(other), strict=True):
        assert torch.equal(twin.chip_conductance_0, one.chip_conductance_0)
        twin(X[:, :, :].half() if twin.weight.dim() == 3 else torch.ones(16).half())
        assert torch.equal(twin.chip_conductance_0, one.chip_conductance_0)


def test_stock_checkpoints_and_analog_ones_load_strictly_both_ways():
    model, stock = analog(), network()
    model.load_state_dict(stock.state_dict(), strict=True)
    with torch.no_grad():
        model[3].weight.add_(1.0)
    for saved in (model, through_a_file(model.state_dict())):
        fresh = network()
        fresh.load_state_dict(stock_state_dict(saved), strict=True)
        assert torch.equal(fresh[3].weight, model[3].weight)


def train(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(torch.randn(5, 4, 6)).square().mean()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("synchronization", ["automatic", "manual"])
@pytest.mark.parametrize("seed", [1, None])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_training_goes_on_from_a_checkpoint_bit_by_bit(seed, kind, synchronization):
    options = LayerOptions(synchronization=synchronization)

    def made():
        model = analog(seed=seed, settings=ERRORS | EIGHT_BITS | NOISE, options=options)
        if kind == "sgd":
            return model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        return model, torch.optim.Adam(model.parameters(), lr=0.01)

    torch.manual_seed(5)
    model, optimizer = made()
    train(model, optimizer, 3)
    saved = through_a_file(
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }
    )
    train(model, optimizer, 3)
    resumed, other = made()
    resumed.load_state_dict(saved["model"])
    other.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["random"])
    train(resumed, other, 3)
    for (name, one), twin in zip(
        model.state_dict().items(), resumed.state_dict().values(), strict=True
    ):
        assert torch.equal(one, twin), name
    synchronize(model)
    synchronize(resumed)
    for one, twin in zip(analog_modules(model), analog_modules(resumed), strict=True):
        assert torch.equal(one.get_matrix(), twin.get_matrix())


def read(model, x):
    return model(x).detach().numpy()


def test_another_process_gets_the_same_chip():
    model = analog(settings=ERRORS | CIRCUIT)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        got = pool.submit(read, model, X).result(timeout=120)
    assert torch.equal(torch.from_numpy(got), model(X).detach())
