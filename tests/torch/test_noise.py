"""Deviates that PyTorch draws."""

import pytest
import torch

from crosssim_core.random import Stream
from crosssim_torch.noise import BLOCK, TorchNoise

LARGE = torch.empty(3, 2, BLOCK + 5)
KINDS = ["normal_like", "uniform_like"]


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def drawn(kind, x=LARGE, seed=7):
    return getattr(TorchNoise(Stream.of(seed)), kind)(x)


@pytest.mark.parametrize("kind", KINDS)
def test_deviates_do_not_depend_on_the_number_of_threads(threads, kind):
    threads(1)
    alone = drawn(kind)
    threads(3)
    assert torch.equal(drawn(kind), alone)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_seed_the_global_generator_governs_large_tensors_too(kind):
    noise = TorchNoise(Stream.of(None))
    torch.manual_seed(0)
    first, second = (getattr(noise, kind)(LARGE) for _ in range(2))
    torch.manual_seed(0)
    assert torch.equal(getattr(noise, kind)(LARGE), first)
    assert torch.equal(getattr(noise, kind)(LARGE), second)
    assert not torch.equal(first, second)


def test_blocks_are_filled_to_the_end_and_independent_of_each_other():
    blocks = drawn("normal_like").flatten().split(BLOCK)
    whole = [block for block in blocks if len(block) == BLOCK]
    # Of 2**16 deviates each; false alarms below 1e-6 (6 standard errors).
    bound = 6 / BLOCK**0.5
    for i, block in enumerate(whole):
        assert abs(block.mean()) <= bound
        assert abs(block.var() - 1) <= bound * 2**0.5
        assert all(abs((block * other).mean()) <= bound for other in whole[:i])
    rest = blocks[-1]
    assert len(rest) == 30
    assert rest.abs().min() > 0
    assert rest.abs().max() < 7


@pytest.mark.parametrize("context", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_deviates_are_the_same_in_every_mode(context):
    want = drawn("normal_like")
    with context():
        got = drawn("normal_like")
    assert torch.equal(got, want)
    assert not got.requires_grad


def test_deviates_lie_in_memory_as_what_they_are_added_to():
    x = torch.empty(4, 8, 64, 64).contiguous(memory_format=torch.channels_last)
    got = drawn("normal_like", x)
    assert got.stride() == x.stride()
    # Of 2**17 deviates; false alarms below 1e-6.
    assert abs(got.mean()) <= 6 / got.numel() ** 0.5
    assert abs(got.var() - 1) <= 6 * (2 / got.numel()) ** 0.5
