"""A batch-norm is folded into what runs before it, where that is known."""

from types import MethodType

import pytest
import torch
from analog_settings import tree
from norms import lived_in, remaining
from torch import nn
from torch.nn.utils import prune

from crosssim_core.errors import ConversionError, ConversionWarning
from crosssim_torch import from_torch


class ByHand(nn.Module):
    """A layer and a batch-norm, registered in this order."""

    def __init__(self, norm=None):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4) if norm is None else norm


class NormFirst(ByHand):
    def forward(self, x):
        return self.layer(self.norm(x))


class Branched(ByHand):
    def forward(self, x):
        y = self.layer(x)
        return self.norm(y) + y


class Twice(ByHand):
    def forward(self, x):
        return self.norm(self.layer(self.norm(self.layer(x))))


class NormTwice(ByHand):
    def __init__(self):
        super().__init__(nn.BatchNorm1d(4, affine=False))
        self.other = nn.Linear(4, 4)

    def forward(self, x):
        return self.norm(self.layer(x)) + self.norm(self.other(x))


class WeightTaken(ByHand):
    def forward(self, x):
        return nn.functional.linear(self.norm(self.layer(x)), self.layer.weight)


@pytest.mark.parametrize("make", [NormFirst, Branched, Twice, NormTwice, WeightTaken])
def test_what_counts_is_the_order_of_execution_and_who_else_takes_the_output(make):
    torch.manual_seed(0)
    analog = remaining(make(), "Batch-norm norm is not folded", torch.randn(5, 4))
    assert type(analog.norm) is nn.BatchNorm1d


def test_a_layer_at_the_end_of_another_container_is_folded():
    stock = lived_in(nn.Sequential(nn.Sequential(nn.Linear(4, 4)), nn.BatchNorm1d(4)))
    analog, x = from_torch(stock, tree(), fuse_batchnorm=True), torch.randn(5, 4)
    assert type(analog[1]) is nn.Identity
    torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)


def test_layers_registered_apart_and_run_in_a_row_are_folded():
    class Apart(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.relu = nn.ReLU()
            self.layers = nn.ModuleList([nn.Linear(4, 4)])

        def forward(self, x):
            return self.relu(self.norm(self.layers[0](x)))

    stock, x = lived_in(Apart()), torch.randn(5, 4)
    analog = from_torch(stock, tree(), fuse_batchnorm=True)
    assert type(analog.norm) is nn.Identity
    torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)


class DataDependent(ByHand):
    def forward(self, x):
        y = self.norm(self.layer(x))
        return y if y.sum() > 0 else -y


class NormFirstUnknown(ByHand):
    def forward(self, x):
        y = self.layer(self.norm(x))
        return y if y.sum() > 0 else -y


@pytest.mark.parametrize("make", [DataDependent, NormFirstUnknown])
def test_where_nothing_tells_what_runs_before_it_a_batch_norm_remains(make):
    analog = remaining(make(), "norm is not folded: .*cannot be traced", torch.randn(5, 4))
    assert type(analog.norm) is nn.BatchNorm1d


def test_what_a_user_names_is_folded_where_nothing_else_tells():
    stock, x = lived_in(DataDependent()), torch.randn(5, 4)
    analog = from_torch(stock, tree(), fuse_batchnorm={"norm": "layer"})
    assert type(analog.norm) is nn.Identity
    torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("named", "message"),
    [({"nrom": "layer"}, "no such batch-norm"), ({"norm": "lager"}, "no such layer")],
)
def test_names_of_batch_norms_and_layers_are_checked(named, message):
    with pytest.raises(ConversionError, match=message):
        from_torch(DataDependent(), tree(), fuse_batchnorm=named)


class Around(nn.Module):
    """Cannot be traced, whatever it holds."""

    def __init__(self, *inner):
        super().__init__()
        self.inner = nn.ModuleList(inner)

    def forward(self, x):
        for module in self.inner:
            x = module(x)
        return x if x.sum() > 0 else -x


class NormLast(ByHand):
    def forward(self, x):
        return self.norm(self.layer(x))


def test_parts_that_can_be_traced_and_sequences_are_folded_in_a_network_that_cannot():
    torch.manual_seed(0)
    straight = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), Around(nn.ReLU()))
    stock = Around(NormFirst(), NormLast(), straight)
    analog = remaining(stock, "inner.0.norm is not folded", torch.randn(5, 4))
    assert type(analog.inner[0].norm) is nn.BatchNorm1d
    assert type(analog.inner[1].norm) is nn.Identity
    assert type(analog.inner[2][1]) is nn.Identity


def test_a_sequence_that_repeats_a_module_or_runs_otherwise_is_read_as_it_runs():
    relu = nn.ReLU()
    repeated = nn.Sequential(relu, nn.Linear(4, 4), relu, nn.BatchNorm1d(4), Around(nn.ReLU()))
    remaining(repeated, "Batch-norm 3 is not folded", torch.randn(5, 4))

    class Backwards(nn.Sequential):
        def forward(self, x):
            for module in reversed(self):
                x = module(x)
            return x if x.sum() > 0 else -x

    stock = Backwards(nn.Linear(4, 4), nn.BatchNorm1d(4))
    remaining(stock, "Batch-norm 1 is not folded", torch.randn(5, 4))


@pytest.mark.parametrize("wrap", [lambda module: module, nn.Sequential])
def test_a_sequence_with_a_replaced_forward_is_read_as_that_runs_it(wrap):
    sequence = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    sequence.forward = MethodType(lambda self, x: self[1](self[0](x).relu()), sequence)
    remaining(wrap(sequence), "is not folded", torch.randn(5, 4))


@pytest.mark.parametrize("shared", ["layer", "norm", "weight"])
def test_what_a_network_that_cannot_be_traced_uses_twice_remains(shared):
    one, two = NormLast(), NormLast()
    if shared == "weight":
        two.layer.weight = one.layer.weight
    else:
        setattr(two, shared, getattr(one, shared))
    remaining(Around(one, two), "is not folded", torch.randn(5, 4))


def doubled(module, args, output):
    return 2 * output.abs()


@pytest.mark.parametrize("name", ["layer", "norm"])
def test_what_hooks_do_between_a_layer_and_its_batch_norm_stays_between_them(name):
    stock = NormLast()
    getattr(stock, name).register_forward_hook(doubled)
    remaining(stock, "has hooks", torch.randn(5, 4))


def test_a_layer_whose_weight_is_pruned_is_not_folded():
    stock = NormLast()
    prune.l1_unstructured(stock.layer, "weight", 0.5)
    remaining(stock, "has hooks", torch.randn(5, 4))


def test_the_order_of_evaluation_counts():
    class Moody(ByHand):
        def forward(self, x):
            return self.norm(self.layer(x)) if self.training else self.layer(self.norm(x))

    stock, x = lived_in(Moody()), torch.randn(5, 4)
    with pytest.warns(ConversionWarning, match="is not folded"):
        analog = from_torch(stock.train(), tree(), fuse_batchnorm=True).eval()
    torch.testing.assert_close(analog(x), stock.eval()(x), rtol=1e-4, atol=1e-4)


def test_folding_leaves_nothing_behind_in_modules_that_keep_what_they_saw():
    class Keeping(ByHand):
        def __init__(self):
            super().__init__()
            self.runs = 0
            self.seen = None

        def forward(self, x):
            self.runs += 1
            self.seen = self.norm(self.layer(x))
            return self.seen

    analog = from_torch(lived_in(Keeping()), tree(), fuse_batchnorm=True)
    assert analog.runs == 0
    assert analog.seen is None
