"""A seed makes a chip: of every layer, whatever stands beside it."""

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, tree
from torch import nn

from crosssim_core.errors import CrossSimError, ParameterError, UnsupportedError
from crosssim_core.numerics import compiled
from crosssim_torch import (
    AnalogConv2d,
    AnalogLinear,
    LayerOptions,
    analog_modules,
    from_torch,
    reinitialize,
    synchronize,
)

pytest.importorskip("crosssim_devices", reason="chips differ by the errors of that package")


def network():
    torch.manual_seed(11)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5), nn.Linear(5, 5))


def errors(model):
    """Relative programming errors of all layers, in a list."""
    return [m.get_matrix() / m.form_matrix() - 1 for m in analog_modules(model)]


def all_equal(some, others):
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def none_equal(some, others):
    return not any(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def test_the_same_seed_makes_the_same_chip():
    one, other = (from_torch(network(), tree(ERRORS), 1, seed=5) for _ in range(2))
    assert all_equal(errors(one), errors(other))


def test_the_same_seed_makes_the_same_sequence_of_chips_and_of_programmings():
    one, other = (from_torch(network(), tree(ERRORS), 1, seed=5) for _ in range(2))
    for step in (synchronize, reinitialize, synchronize, reinitialize):
        before = errors(one)
        step(one)
        step(other)
        assert all_equal(errors(one), errors(other))
        assert none_equal(before, errors(one))


def test_another_seed_makes_another_chip():
    one, other = (from_torch(network(), tree(ERRORS), 1, seed=s) for s in (5, 6))
    assert none_equal(errors(one), errors(other))


def test_layers_of_one_chip_have_different_errors():
    twins = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6))
    for layer in twins:
        nn.init.ones_(layer.weight)
    a, b, c = errors(from_torch(twins, tree(ERRORS), seed=5))
    assert none_equal([a, b, c], [b, c, a])


def test_arrays_of_one_layer_have_different_errors():
    stock = nn.Linear(8, 4)
    nn.init.ones_(stock.weight)
    (error,) = errors(from_torch(stock, tree(ERRORS, core__rows_max=4, core__cols_max=2), seed=5))
    blocks = [error[i : i + 2, j : j + 4] for i in (0, 2) for j in (0, 4)]
    assert none_equal(blocks, blocks[1:] + blocks[:1])


def test_adding_a_layer_leaves_the_errors_of_the_others_as_they_are():
    small, large = network(), network()
    large.append(nn.Linear(5, 7))
    want = errors(from_torch(small, tree(ERRORS), 1, seed=5))
    assert all_equal(errors(from_torch(large, tree(ERRORS), 1, seed=5))[:3], want)


def test_a_network_within_another_keeps_its_errors_apart_from_those_beside_it():
    stock = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.ModuleDict({"a": nn.Linear(4, 4)})})
    nn.init.ones_(stock["a"].weight)
    nn.init.ones_(stock["b"]["a"].weight)
    one, other = errors(from_torch(stock, tree(ERRORS), seed=5))
    assert not torch.equal(one, other)


def test_without_a_seed_the_generator_of_torch_governs():
    def made(seed):
        stock = network()
        torch.manual_seed(seed)
        return from_torch(stock, tree(ERRORS), 1)

    first = errors(made(3))
    assert all_equal(errors(made(3)), first)
    assert none_equal(errors(made(4)), first)


def test_without_a_seed_two_conversions_make_two_chips():
    stock = network()
    one, other = (from_torch(stock, tree(ERRORS), 1) for _ in range(2))
    assert none_equal(errors(one), errors(other))


@pytest.mark.parametrize(
    "make",
    [
        lambda **s: AnalogLinear(tree(ERRORS), 4, 3, bias=False, **s),
        lambda **s: AnalogConv2d(tree(ERRORS), 2, 3, 2, bias=False, **s),
    ],
)
def test_a_layer_built_by_itself_takes_a_seed(make):
    def made(**seed):
        torch.manual_seed(0)
        layer = make(**seed)
        return layer.get_matrix() / layer.form_matrix()

    assert torch.equal(made(seed=1), made(seed=1))
    assert not torch.equal(made(seed=1), made(seed=2))
    assert torch.equal(made(), made())


@pytest.mark.parametrize("settings", [{}, EIGHT_BITS], ids=["ideal", "eight bits"])
def test_conversion_without_randomness_draws_none(settings):
    stock = network()
    before = torch.get_rng_state()
    model = from_torch(stock, tree(settings), 1)
    model(torch.ones(1, 6)).sum().backward()
    synchronize(model)
    reinitialize(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_conversion_with_a_seed_draws_nothing_from_torch():
    stock = network()
    before = torch.get_rng_state()
    model = from_torch(stock, tree(ERRORS), 1, seed=5)
    model(torch.ones(1, 6))
    reinitialize(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_stochastic_conversion_draws_anew_in_each_read_and_repeats_with_the_seed():
    rounding = EIGHT_BITS | {"xbar.adc.mvm.stochastic_rounding": True, "xbar.adc.mvm.bits": 4}
    stock, x = nn.Linear(6, 50), torch.ones(20, 6) / 3
    reads = []
    for _ in range(2):
        layer = from_torch(stock, tree(rounding), seed=9)
        reads.append((layer(x), layer(x)))
    assert not torch.equal(*reads[0])
    assert all_equal(reads[0], reads[1])


NOISE = {
    "xbar.device.read_noise.enable": True,
    "xbar.device.read_noise.model": "NormalIndependentDevice",
    "xbar.device.read_noise.magnitude": 0.05,
}
"""Fresh deviations of each cell in each read."""


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
def test_read_noise_is_drawn_anew_for_every_sample_window_and_read(literal):
    stock, x = nn.Conv1d(2, 3, 2), torch.ones(4, 2, 6)
    layer = from_torch(stock, tree(NOISE, simulation__literal=literal), 1, seed=5)
    before = layer.get_matrix()
    one, other = layer(x).detach(), layer(x).detach()
    assert torch.cat([one, other]).unique().numel() == one.numel() + other.numel()
    assert torch.equal(layer.get_matrix(), before)


def test_read_noise_repeats_with_the_seed_or_with_the_generator_of_torch():
    stock, x = nn.Linear(6, 5), torch.ones(4, 6)
    first, second = (from_torch(stock, tree(NOISE), seed=5)(x) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, from_torch(stock, tree(NOISE), seed=6)(x))
    layer = from_torch(stock, tree(NOISE))
    reads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        reads.append(layer(x))
    assert torch.equal(reads[0], reads[1])
    assert not torch.equal(reads[0], reads[2])


@pytest.fixture(params=["compiled", "by torch"])
def drawn(request, monkeypatch):
    """Who draws read noise: compiled loops where they can, or PyTorch."""
    if request.param == "by torch":
        monkeypatch.setattr(compiled, "loops_compiler", lambda: None)
    elif compiled.loops_compiler() is None:
        pytest.skip("Numba is not installed, or its compiler is off")


ANYHOW = [
    pytest.param(lambda x: x, id="contiguous"),
    pytest.param(lambda x: x.to(memory_format=torch.channels_last), id="channels last"),
    pytest.param(lambda x: x.transpose(2, 3), id="transposed"),
    pytest.param(lambda x: x.double(), id="float64"),
]


@pytest.mark.parametrize("held", ANYHOW)
def test_read_noise_has_the_spread_that_was_asked_for_however_data_lie(drawn, held):
    """Standard deviation of 65,536 deviates; false-alarm rate below 1e-6 (5 sigma)."""
    stock = nn.Conv2d(4, 8, 1, bias=False)
    nn.init.ones_(stock.weight)
    x = held(torch.ones(8, 4, 32, 32))
    proportional = NOISE | {
        "xbar.device.read_noise.model": "NormalProportionalDevice",
        "xbar.device.infinite_on_off_ratio": True,
    }
    noisy = from_torch(stock.to(x.dtype), tree(proportional), seed=5)(x).detach()
    assert noisy.std().item() == pytest.approx(0.05 * 4**0.5, rel=5 / (2 * noisy.numel()) ** 0.5)
    assert noisy.mean().item() == pytest.approx(4, abs=5 * 0.1 / noisy.numel() ** 0.5)


POOLED = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 5,
    "xbar.dac.mvm.input_bitslicing": True,
    "xbar.dac.mvm.slice_size": 2,
}
"""Digits of the inputs whose currents are summed up before anything happens to them."""


@pytest.mark.parametrize("settings", [{}, POOLED], ids=["whole inputs", "digits"])
def test_read_noise_in_a_map_over_samples_differs_from_one_to_the_next(drawn, settings):
    layer = from_torch(nn.Linear(6, 5), tree(NOISE, settings), seed=5)
    mapped = torch.vmap(layer, randomness="different")(torch.ones(4, 1, 6))
    assert mapped.unique().numel() == mapped.numel()


def test_noise_of_the_host_is_common_to_a_map_over_samples_and_refused_as_different():
    host = LayerOptions(noise="host")
    layer = from_torch(nn.Linear(6, 5), tree(NOISE), seed=5, options=host)
    y = torch.vmap(layer, randomness="same")(torch.ones(4, 1, 6))
    assert torch.equal(y, y[:1].expand(4, 1, 5))
    assert y[0].unique().numel() == 5
    with pytest.raises(UnsupportedError, match='noise="device"'):
        torch.vmap(layer, randomness="different")(torch.ones(4, 1, 6))


def test_derivatives_do_not_see_read_noise():
    layer = from_torch(nn.Linear(6, 5), tree(NOISE), seed=5)
    x = torch.ones(4, 6, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, layer.weight.detach().sum(0).expand(4, 6))


def test_programming_errors_have_the_spread_that_was_asked_for():
    """Standard deviation of 40,000 deviates; false-alarm rate below 1e-6 (5 sigma)."""
    stock = nn.Linear(200, 200, bias=False)
    nn.init.ones_(stock.weight)
    params = tree(ERRORS, xbar__device__infinite_on_off_ratio=True)
    (error,) = errors(from_torch(stock, params, seed=5))
    sigma, count = 0.05, error.numel()
    assert abs(error.mean()) < 5 * sigma / count**0.5
    assert abs(error.std() - sigma) < 5 * sigma / (2 * count) ** 0.5


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_does_not_fit_is_refused(seed):
    with pytest.raises(CrossSimError, match=str(seed)):
        from_torch(network(), tree(ERRORS), seed=seed)


@pytest.mark.parametrize("seed", ["a", -1, 1.5, 2**63, [1]])
def test_a_seed_is_a_natural_number_of_63_bits(seed):
    with pytest.raises(ParameterError, match="seed"):
        AnalogLinear(tree(), 2, 2, seed=seed)
    with pytest.raises(ParameterError, match="seed"):
        from_torch(nn.Linear(2, 2), tree(), seed=seed)
