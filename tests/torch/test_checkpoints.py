"""A checkpoint holds the weights, under their stock names, and the very chip."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, tree
from through_files import through_a_file, through_safetensors
from torch import nn

from crosssim_torch import LayerOptions, analog_modules, from_torch, stock_state_dict

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


def test_weights_edited_before_a_cast_are_programmed_by_who_loads_them():
    by_hand = LayerOptions(synchronization="manual")
    model, other = analog(options=by_hand, settings={}), analog(seed=2)
    with torch.no_grad():
        model[3].weight.mul_(0.5)
    other.load_state_dict(model.half().state_dict())
    torch.testing.assert_close(other[3].get_core_weights()[0], other[3].weight.detach())


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


@pytest.mark.parametrize("seed", [1, None])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_training_goes_on_from_a_checkpoint_bit_by_bit(seed, kind):
    def made():
        model = analog(seed=seed, settings=ERRORS | EIGHT_BITS | NOISE)
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


def read(model, x):
    return model(x).detach().numpy()


def test_another_process_gets_the_same_chip():
    model = analog(settings=ERRORS | CIRCUIT)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        got = pool.submit(read, model, X).result(timeout=120)
    assert torch.equal(torch.from_numpy(got), model(X).detach())
