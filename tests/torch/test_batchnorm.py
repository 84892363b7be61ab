"""Batch-norms are folded where this is exact, and named where they remain."""

import copy
import pickle

import pytest
import torch
from analog_settings import tree
from torch import nn
from torch.nn.utils import prune

from crosssim_core.errors import ConversionError, ConversionWarning, ShapeError
from crosssim_torch import analog_modules, from_torch, to_torch

KINDS = {
    nn.Linear: (lambda **o: nn.Linear(3, 4, **o), nn.BatchNorm1d, (5, 3)),
    nn.Conv1d: (lambda **o: nn.Conv1d(3, 4, 2, **o), nn.BatchNorm1d, (5, 3, 6)),
    nn.Conv2d: (lambda **o: nn.Conv2d(3, 4, 2, **o), nn.BatchNorm2d, (5, 3, 4, 5)),
    nn.Conv3d: (lambda **o: nn.Conv3d(3, 4, 2, **o), nn.BatchNorm3d, (5, 3, 3, 4, 3)),
}


def lived_in(model):
    """``model`` with statistics and affine parameters that are not their defaults."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            if module.running_mean is not None:
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.2, 3)
            if module.affine:
                nn.init.uniform_(module.weight, -2, 2)
                nn.init.uniform_(module.bias, -1, 1)
    return model.eval()


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_folded_network_computes_what_the_unfolded_one_does(kind, bias, affine):
    make, norm, shape = KINDS[kind]
    stock = lived_in(nn.Sequential(make(bias=bias), norm(4, affine=affine, eps=0.01), nn.ReLU()))
    x = torch.randn(shape)
    for rows in (0, 1):
        analog = from_torch(stock, tree(), rows, fuse_batchnorm=True)
        torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-5)
        assert type(analog[1]) is nn.Identity
        assert analog[0].bias is not None
        assert len(analog) == 3


@pytest.mark.parametrize("lead", [(), (4,), (2, 4), (2, 3, 4)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_folded_network_computes_the_same_or_refuses_whatever_the_axes(kind, lead):
    """All lengths are 4, as the channels: a batch-norm over another axis has no other sign."""
    make, norm, shape = KINDS[kind]
    x = torch.randn(*lead, 3, *(5,) * (len(shape) - 2))
    stock = lived_in(nn.Sequential(make(), norm(4)))
    analog = from_torch(stock, tree(), fuse_batchnorm=True)
    for network in (analog, pickle.loads(pickle.dumps(analog)), to_torch(analog)):
        if len(lead) == 1:
            torch.testing.assert_close(network(x), stock(x), rtol=1e-4, atol=1e-5)
        else:
            # PyTorch says what a stock convolution cannot take at all.
            with pytest.raises((ShapeError, RuntimeError)):
                network(x)


def test_the_network_that_is_folded_is_left_as_it_was():
    stock = lived_in(nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4)))
    before = copy.deepcopy(stock.state_dict())
    from_torch(stock, tree(), fuse_batchnorm=True)
    assert stock[0].bias is None
    assert type(stock[1]) is nn.BatchNorm1d
    assert all(torch.equal(v, before[k]) for k, v in stock.state_dict().items())


def test_several_layers_in_nested_modules_are_folded():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
            self.conv2, self.bn2 = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
            self.shortcut = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3))

        def forward(self, x):
            y = self.bn1(self.conv1(x)).relu()
            return self.bn2(self.conv2(y)) + self.shortcut(x)

    stock = lived_in(nn.Sequential(Block(), Block()))
    analog = from_torch(stock, tree(), fuse_batchnorm=True)
    x = torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in analog.modules())
    assert len(analog_modules(analog)) == 6


def test_training_flags_and_frozen_parameters_are_kept():
    stock = nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.Dropout())
    stock[0].weight.requires_grad_(False)
    for train in (True, False):
        analog = from_torch(stock.train(train), tree(), fuse_batchnorm=True)
        assert all(m.training is train for m in analog.modules())
        assert not analog[0].weight.requires_grad


def test_without_being_asked_nothing_is_folded():
    stock = lived_in(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
    analog = from_torch(stock, tree())
    assert type(analog[1]) is nn.BatchNorm1d
    x = torch.randn(5, 3)
    torch.testing.assert_close(analog(x), stock(x))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_folding_keeps_the_type(dtype):
    stock = lived_in(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))).to(dtype)
    analog = from_torch(stock, tree(), fuse_batchnorm=True)
    assert {p.dtype for p in analog.parameters()} == {dtype}


def remaining(stock, reason, x=None):
    """Convert, expect the warning, and check that the function of the network is kept."""
    stock = lived_in(stock)
    with pytest.warns(ConversionWarning, match=reason):
        analog = from_torch(stock, tree(), fuse_batchnorm=True)
    if x is not None:
        torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)
    return analog


class Transposed(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(3, 3, 2)
        self.norm = nn.BatchNorm2d(3)


def test_a_transposed_convolution_is_never_folded():
    from crosssim_torch.batchnorm import fuse_batchnorms

    stock = lived_in(Transposed())
    before = stock.up.weight.detach().clone()
    with pytest.warns(ConversionWarning, match="Batch-norm norm is not folded"):
        folded = fuse_batchnorms(stock)
    assert type(folded.norm) is nn.BatchNorm2d
    assert torch.equal(folded.up.weight, before)


def test_a_warning_names_the_transposed_convolution_before_a_batch_norm():
    stock = nn.Sequential(nn.ConvTranspose2d(3, 3, 2), nn.BatchNorm2d(3))
    x = torch.randn(2, 3, 4, 4)
    remaining(stock, "1 is not folded: .*ConvTranspose2d.*transposed", x)


def test_a_layer_with_a_replaced_method_is_not_folded():
    first = nn.Linear(3, 3)
    first.forward = lambda x: 3.0 * nn.functional.linear(x, first.weight, first.bias)
    stock = lived_in(nn.Sequential(first, nn.BatchNorm1d(3), nn.Linear(3, 2)))
    x = torch.randn(5, 3)
    with pytest.warns(ConversionWarning) as told:
        analog = from_torch(stock, tree(), fuse_batchnorm=True)
    assert any("1 is not folded" in str(one.message) for one in told)
    torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)


def test_a_batch_norm_without_running_statistics_remains():
    norm = nn.BatchNorm1d(4, track_running_stats=False)
    remaining(nn.Sequential(nn.Linear(3, 4), norm), "1 .*running statistics", torch.randn(5, 3))


def test_a_layer_that_is_shared_by_two_batch_norms_is_not_folded():
    shared = nn.Linear(4, 4)
    again = nn.Sequential(shared, nn.BatchNorm1d(4))
    stock = nn.Sequential(shared, nn.BatchNorm1d(4), nn.ReLU(), again)
    analog = remaining(stock, "not the only one", torch.randn(5, 4))
    assert type(analog[1]) is nn.BatchNorm1d
    assert type(analog[3][1]) is nn.BatchNorm1d


def test_a_batch_norm_that_is_shared_is_not_folded():
    shared = nn.BatchNorm1d(4)
    stock = nn.Sequential(nn.Linear(4, 4), shared, nn.Sequential(nn.Linear(4, 4), shared))
    analog = remaining(stock, "not the only one", torch.randn(5, 4))
    assert type(analog[1]) is nn.BatchNorm1d


def test_a_layer_whose_weight_is_tied_is_not_folded():
    stock = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), nn.Linear(4, 4)])
    stock[1].weight = stock[0][0].weight
    analog = remaining(stock, "not the only one")
    assert torch.equal(analog[1].weight, stock[1].weight)
    assert analog[0][0].weight is analog[1].weight


def test_a_batch_norm_after_something_else_remains():
    x = torch.randn(5, 4)
    late = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4))
    remaining(late, "Batch-norm 2 is not", x)
    early = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 4))
    remaining(early, "Batch-norm 0 is not", x)


def test_the_second_of_two_batch_norms_remains():
    stock = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4))
    analog = remaining(stock, "Batch-norm 2 is not", torch.randn(5, 4))
    assert type(analog[1]) is nn.Identity


def test_a_batch_norm_over_another_axis_remains():
    """Of (N, L, C) data the batch-norm takes L for its channels, the linear layer C."""
    stock = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(3))
    remaining(stock, "channels", torch.randn(2, 3, 4))


def test_a_batch_norm_of_images_after_a_linear_layer_remains():
    """It takes axis 1 for the channels, and a linear layer has its outputs on the last one."""
    stock = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm2d(4))
    remaining(stock, "a Linear before it .* another axis", torch.randn(2, 4, 3, 4))


def test_an_instance_norm_is_left_alone():
    stock = nn.Sequential(nn.Conv2d(3, 4, 2), nn.InstanceNorm2d(4)).eval()
    analog = from_torch(stock, tree(), fuse_batchnorm=True)
    x = torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)


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
