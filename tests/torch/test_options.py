"""What can be chosen about a layer: layout, errors, synchronisation, noise."""

import copy

import pytest
import torch
from analog_settings import ERRORS, needs_devices, tree
from torch import nn

from crosssim_core.chain import arithmetic
from crosssim_core.errors import ParameterError
from crosssim_torch import (
    AnalogConv2d,
    AnalogLinear,
    LayerOptions,
    analog_modules,
    from_torch,
    reinitialize,
)

X = torch.linspace(-1, 1, 12).reshape(3, 4)
PACKED = LayerOptions(groups="packed")


def cells(layer):
    """Cells that are stored."""
    return sum(b.numel() for n, b in layer.named_buffers() if "conductance" in n)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"groups": "loose"}, "loose.*dense.*packed"),
        ({"synchronization": "never"}, "never"),
        ({"errors": "none"}, "fresh.*kept"),
        ({"structural_errors": 1}, "True or False"),
    ],
)
def test_a_value_that_is_not_known_is_refused_with_those_that_are(wrong, message):
    with pytest.raises(ParameterError, match=message):
        LayerOptions(**wrong)


def test_options_travel_with_copies_and_can_be_told_as_plain_values():
    layer = AnalogConv2d(tree(), 4, 4, 3, groups=2, options=PACKED)
    assert copy.deepcopy(layer).options == PACKED
    assert LayerOptions.from_dict(PACKED.to_dict()) == PACKED
    with pytest.raises(ParameterError, match=r"gruops.*groups"):
        LayerOptions.from_dict({"gruops": "dense"})


# Errors


@needs_devices
def test_kept_errors_are_the_same_at_each_programming_of_a_chip():
    kept = LayerOptions(errors="kept")
    layer = AnalogLinear(tree(ERRORS), 4, 3, seed=1, options=kept)
    with torch.no_grad():
        layer.weight.abs_()
    error = layer.get_matrix() / layer.form_matrix()
    for change in (lambda: layer.weight.data.mul_(2.0), lambda: None):
        change()
        layer.synchronize()
        torch.testing.assert_close(layer.get_matrix() / layer.form_matrix(), error)
    reinitialize(layer)
    assert not torch.allclose(layer.get_matrix() / layer.form_matrix(), error, rtol=1e-3)


# Synchronisation


def manual(**more):
    return AnalogLinear(
        tree(), 4, 3, seed=1, options=LayerOptions(synchronization="manual"), **more
    )


def step(layer):
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(X).square().sum().backward()
    optimizer.step()


@torch.no_grad()
def edit(layer):
    layer.weight.mul_(2.0)


def replace_data(layer):
    layer.weight.data = torch.randn(3, 4)


@pytest.mark.parametrize("change", [step, edit, replace_data])
@pytest.mark.parametrize("bias_rows", [0, 1])
def test_by_hand_edits_act_after_synchronize_alone(change, bias_rows):
    layer = manual(bias_rows=bias_rows)
    with torch.no_grad():
        layer.bias.zero_()
    layer.synchronize()
    held = layer.get_matrix()
    change(layer)
    assert torch.equal(layer.get_matrix(), held)
    twin = copy.deepcopy(layer)
    assert torch.equal(twin.get_matrix(), held)
    layer.synchronize()
    torch.testing.assert_close(layer.get_matrix(), layer.form_matrix())
    assert torch.equal(twin.get_matrix(), held)


def assign(layer):
    layer.weight = nn.Parameter(torch.randn(3, 4))


def load(layer):
    layer.load_state_dict(nn.Linear(4, 3).state_dict())


@pytest.mark.parametrize("change", [assign, load])
def test_by_hand_too_assigned_parameters_and_checkpoints_act_at_once(change):
    layer = manual(bias_rows=1)
    change(layer)
    torch.testing.assert_close(layer.get_matrix(), layer.form_matrix())


@pytest.mark.parametrize(
    "casts", [[torch.float64], [torch.float16, torch.float64], [torch.float64, torch.float32]]
)
@pytest.mark.parametrize("kind", [nn.Linear, nn.LSTM])
def test_by_hand_edits_wait_through_every_cast(kind, casts):
    layer = from_torch(kind(4, 3), tree(), 1, options=LayerOptions(synchronization="manual"))
    held = layer.core
    held = [core.get_matrix() for core in held] if isinstance(held, list) else [held.get_matrix()]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(2.0)
    for cast in casts:
        layer.to(cast)
    got = layer.get_matrix()
    got = got if isinstance(got, list) else [got]
    torch.testing.assert_close(got, held, check_dtype=False)
    layer.synchronize()
    got = layer.get_matrix()
    got = got if isinstance(got, list) else [got]
    torch.testing.assert_close(got, [2 * m for m in held], check_dtype=False, rtol=1e-3, atol=1e-3)


def test_by_hand_weights_of_a_functional_call_are_programmed_and_then_those_of_the_layer():
    layer = manual(bias_rows=1)
    held = layer.get_matrix()
    edit(layer)
    other = {"weight": torch.randn(3, 4)}
    got = torch.func.functional_call(layer, other, (X,))
    torch.testing.assert_close(got, nn.functional.linear(X, other["weight"], layer.bias))
    assert not torch.allclose(layer.get_matrix(), held)
    torch.testing.assert_close(layer.get_matrix(), layer.form_matrix())


@pytest.mark.parametrize("parametrized", [False, True])
def test_by_hand_computed_weights_follow_at_once(parametrized):
    layer = manual()
    if parametrized:
        nn.utils.parametrizations.weight_norm(layer)
    else:
        nn.utils.prune.l1_unstructured(layer, "weight", amount=0.5)
    with torch.no_grad():
        source = layer.parametrizations.weight.original0 if parametrized else layer.weight_orig
        source.mul_(2.0)
    got = layer(X)
    torch.testing.assert_close(got, nn.functional.linear(X, layer.weight, layer.bias))


def test_by_hand_a_digital_bias_acts_at_once():
    layer = manual()
    before = layer(X)
    with torch.no_grad():
        layer.bias.add_(1.0)
    torch.testing.assert_close(layer(X), before + 1.0)


# Noise


NOISE = {
    "xbar.device.read_noise.enable": True,
    "xbar.device.read_noise.model": "NormalIndependentDevice",
    "xbar.device.read_noise.magnitude": 0.05,
}


@needs_devices
def test_noise_of_the_host_follows_the_seed_and_nothing_else():
    stock, host = nn.Linear(4, 3), LayerOptions(noise="host")
    reads = []
    for seed in (0, 1):
        layer = from_torch(stock, tree(NOISE), seed=5, options=host)
        torch.manual_seed(seed)
        reads.append((layer(X), layer(X)))
    assert torch.equal(reads[0][0], reads[1][0])
    assert torch.equal(reads[0][1], reads[1][1])
    assert not torch.equal(*reads[0])


DIGITS = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 5,
    "xbar.dac.mvm.input_bitslicing": True,
    "xbar.dac.mvm.slice_size": 2,
    "xbar.array.Icol_max": 1e3,
}
"""Each of several digits is read with noise of its own."""

DRAWS = [
    pytest.param({}, id="one draw"),
    pytest.param(DIGITS, id="digits"),
    pytest.param(DIGITS | {"simulation.literal": True}, id="literal"),
]


class Elsewhere(torch.Tensor):
    """Data that say they are on a GPU, which takes more of them at once."""

    is_cuda = True


@needs_devices
@pytest.mark.parametrize("further", DRAWS)
def test_noise_of_the_host_does_not_depend_on_how_much_a_device_takes_at_once(further, monkeypatch):
    monkeypatch.setattr(arithmetic, "ROOM", 50)
    stock, host, x = nn.Conv1d(4, 3, 1), LayerOptions(noise="host"), X.repeat(20, 1)[..., None]
    reads = []
    for data in (x, x.as_subclass(Elsewhere)):
        layer = from_torch(stock, tree(NOISE, further), seed=5, options=host)
        reads.append(layer(data).detach().as_subclass(torch.Tensor))
    torch.testing.assert_close(*reads)


@pytest.mark.gpu
@needs_devices
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("further", DRAWS)
def test_one_seed_is_one_chip_on_cpu_and_gpu_with_noise_of_the_host(further, monkeypatch):
    monkeypatch.setattr(arithmetic, "ROOM", 100)
    stock, host = nn.Conv2d(2, 4, 3, groups=2), LayerOptions(noise="host")
    x = torch.randn(2, 2, 6, 6)
    outputs = []
    for device in ("cpu", "cuda"):
        params = tree(ERRORS, NOISE, further)
        layer = from_torch(stock.to(device), params, 1, seed=5, options=host)
        outputs.append((layer.get_matrix().cpu(), layer(x.to(device)).detach().cpu()))
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-5, atol=1e-5)


def test_options_may_differ_between_layers_of_a_network():
    stock = nn.Sequential(nn.Conv1d(4, 4, 3, groups=4), nn.ReLU(), nn.Conv1d(4, 4, 3, groups=2))
    by_name = from_torch(stock, tree(), options={"0": PACKED, "*": LayerOptions()})
    in_order = from_torch(stock, tree(), options=[PACKED, LayerOptions()])
    for model in (by_name, in_order):
        assert [m.options.groups for m in analog_modules(model)] == ["packed", "dense"]
