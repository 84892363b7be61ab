"""Batch-norms are folded where this is exact, and named where they remain."""

import copy
import pickle

import pytest
import torch
from analog_settings import tree
from norms import lived_in, remaining
from torch import nn

from crosssim_core.errors import ConversionError, ConversionWarning, ShapeError
from crosssim_torch import analog_modules, from_torch, to_torch

KINDS = {
    nn.Linear: (lambda **o: nn.Linear(3, 4, **o), nn.BatchNorm1d, (5, 3)),
    nn.Conv1d: (lambda **o: nn.Conv1d(3, 4, 2, **o), nn.BatchNorm1d, (5, 3, 6)),
    nn.Conv2d: (lambda **o: nn.Conv2d(3, 4, 2, **o), nn.BatchNorm2d, (5, 3, 4, 5)),
    nn.Conv3d: (lambda **o: nn.Conv3d(3, 4, 2, **o), nn.BatchNorm3d, (5, 3, 3, 4, 3)),
}


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


@pytest.mark.parametrize("given", ["yes", 1, ["1"]], ids=str)
def test_what_says_nothing_of_batchnorms_is_refused(given):
    stock = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval()
    with pytest.raises(ConversionError, match="fuse_batchnorm: give True, False, or a mapping"):
        from_torch(stock, tree(), fuse_batchnorm=given)
