"""Stock networks take the checkpoints of analog ones, strictly, whatever they went through."""

import pytest
import torch
from analog_settings import ERRORS, tree
from through_files import through_a_file, through_safetensors
from torch import nn
from torch.nn.utils import parametrizations, prune

from crosssim_core.errors import ConversionError
from crosssim_torch import AnalogLinearLike, analog_modules, from_torch, register, stock_state_dict

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
pytest.importorskip("crosssim_devices", reason="chips differ by the errors of that package")


class Tied(nn.Module):
    """As language models have it: words go in and out by one matrix."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(6, 4)
        self.out = nn.Linear(4, 6, bias=False)
        self.out.weight = self.words.weight


class Named(nn.Module):
    """Has a parameter of its own that is called as if it belonged to a chip."""

    def __init__(self):
        super().__init__()
        self.chip_scale = nn.Parameter(torch.rand(3))
        self.layer = nn.Linear(4, 3)


def pruned():
    return nn.Sequential(prune.l1_unstructured(nn.Linear(4, 4), "weight", 0.5))


def normalised():
    return nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 4)))


def bounded():
    return nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 4)))


NETWORKS = {
    "alone": lambda: nn.Linear(4, 3),
    "nested": lambda: nn.Sequential(
        nn.Sequential(nn.Sequential(nn.Conv1d(4, 4, 1, groups=4))), nn.Linear(4, 3)
    ),
    "recurrent": lambda: nn.Sequential(nn.LSTM(4, 3, 2, bidirectional=True, proj_size=2)),
    "attention": lambda: nn.Sequential(nn.MultiheadAttention(4, 2)),
    "parametrized": lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4))),
    "pruned": pruned,
    "normalised": normalised,
    "bounded": bounded,
    "tied": Tied,
    "named like a chip": Named,
}


class Wrapped(nn.Module):
    """Names things as DistributedDataParallel does."""

    def __init__(self, module):
        super().__init__()
        self.module = module


WRAPPERS = {
    "plain": lambda network: network,
    "DDP": Wrapped,
    "compiled": lambda network: torch.compile(network, backend="eager"),
}


def analog(make, seed=1):
    torch.manual_seed(seed)
    return from_torch(make(), tree(ERRORS), 1, seed=seed, subclasses="convert")


@pytest.mark.parametrize("through", [through_a_file, through_safetensors])
@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_stock_network_takes_the_checkpoint_of_an_analog_one_strictly(name, wrap, through):
    if name == "tied" and through is through_safetensors:
        pytest.skip("safetensors saves shared tensors by save_model alone, which has its own test")
    model, stock = analog(NETWORKS[name]), NETWORKS[name]()
    saved = through(WRAPPERS[wrap](model).state_dict())
    WRAPPERS[wrap](stock).load_state_dict(stock_state_dict(saved), strict=True)
    want = stock_state_dict(model)
    assert want.keys() == stock.state_dict().keys()
    for key, value in stock.state_dict().items():
        assert torch.equal(value, want[key]), key


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_an_analog_network_takes_a_stock_checkpoint_and_an_analog_one_strictly(name, wrap):
    torch.manual_seed(3)
    model, other, stock = analog(NETWORKS[name]), analog(NETWORKS[name], seed=2), NETWORKS[name]()
    wrapped = WRAPPERS[wrap](other)
    wrapped.load_state_dict(WRAPPERS[wrap](stock).state_dict(), strict=True)
    for key, value in stock.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key
    wrapped.load_state_dict(WRAPPERS[wrap](model).state_dict(), strict=True)
    for one, twin in zip(analog_modules(model), analog_modules(other), strict=True):
        pairs = zip(one.get_core_weights(), twin.get_core_weights(), strict=True)
        assert all((a is None and b is None) or torch.equal(a, b) for a, b in pairs)


def test_safetensors_saves_networks_with_tied_weights_and_their_chip(tmp_path):
    files = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    model, other = analog(Tied), analog(Tied, seed=2)
    want = model.out(torch.ones(4))
    files.save_model(model, tmp_path / "model.safetensors")
    files.load_model(other, tmp_path / "model.safetensors")
    assert other.out.weight is other.words.weight
    assert torch.equal(other.out(torch.ones(4)), want)


def test_a_checkpoint_of_an_analog_network_tells_a_stock_one_what_it_lacks():
    """PyTorch refuses what a stock layer has no name for, and there is no way round."""
    model, stock = analog(NETWORKS["nested"]), NETWORKS["nested"]()
    with pytest.raises(RuntimeError, match=r"Unexpected key.*chip_conductance_0"):
        stock.load_state_dict(model.state_dict(), strict=True)
    stock.load_state_dict(model.state_dict(), strict=False)
    assert torch.equal(stock[1].weight, model[1].weight)


def test_a_layer_whose_own_parameters_are_called_like_a_chip_is_refused():
    class Odd(nn.Linear):
        def __init__(self):
            super().__init__(4, 3)
            self.chip_gain = nn.Parameter(torch.ones(3))

    @register
    class AnalogOdd(AnalogLinearLike, Odd):
        stock_class = Odd

    with pytest.raises(ConversionError, match=r"chip_gain.*chip_"):
        from_torch(Odd(), tree())
