"""Analog layers under the machinery of PyTorch."""

import copy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from analog_settings import ERRORS, needs_devices, tree
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset

from crosssim_torch import (
    AnalogLinear,
    AnalogLSTM,
    analog_modules,
    from_torch,
    to_torch,
)

X = torch.linspace(-1, 1, 12).reshape(3, 4)
IMAGES = torch.linspace(-1, 1, 2 * 3 * 5 * 5).reshape(2, 3, 5, 5)


def network():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))


# Training


@pytest.mark.parametrize("variant", ["foreach", "fused", "plain"])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_every_form_of_an_optimizer_moves_the_arrays(kind, variant):
    stock = network()
    analog = from_torch(stock, tree(), 1)
    chosen = {"foreach": variant == "foreach", "fused": variant == "fused"}
    for model in (stock, analog):
        optimizer = kind(model.parameters(), lr=0.1, **chosen)
        for _ in range(3):
            optimizer.zero_grad()
            model(X).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(analog(X), stock(X), rtol=1e-3, atol=1e-4)
    for module in analog_modules(analog):
        torch.testing.assert_close(module.get_matrix(), module.form_matrix())


LOADED = """
import torch
layer = torch.load({place!r}, weights_only=False)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, fused=True)
layer(torch.ones(2, 4)).sum().backward()
optimizer.step()
torch.testing.assert_close(layer.get_matrix(), layer.form_matrix())
"""


def test_a_loaded_layer_heeds_fused_optimizers_though_nothing_else_was_imported(tmp_path):
    place = str(tmp_path / "layer.pt")
    torch.save(AnalogLinear(tree(), 4, 3), place)
    subprocess.run([sys.executable, "-c", LOADED.format(place=place)], check=True)


def test_fused_optimizers_of_several_networks_step_in_threads_and_subclasses():
    class Own(torch.optim.Adam):
        def step(self, closure=None):
            return super().step(closure)

    models = [from_torch(network(), tree(), 1) for _ in range(3)]
    shared = Own([p for m in models for p in m[0].parameters()], lr=0.1, fused=True)
    own = [Own(m[2].parameters(), lr=0.1, fused=True) for m in models]

    def work(number):
        models[number](X).square().sum().backward()
        own[number].step()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    shared.step()
    for model in models:
        torch.testing.assert_close(model(X), to_torch(model)(X))


@needs_devices
@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed_activations_have_the_derivatives_of_the_whole(use_reentrant):
    model = from_torch(network(), tree(ERRORS), 1, seed=0)
    gradients = []
    for saving in (False, True):
        model.zero_grad()
        x = X.clone().requires_grad_()
        y = checkpoint(model, x, use_reentrant=use_reentrant) if saving else model(x)
        y.square().sum().backward()
        gradients.append([x.grad, *(p.grad.clone() for p in model.parameters())])
    assert all(map(torch.equal, *gradients))


def test_a_graph_may_be_kept_and_used_again():
    layer = AnalogLinear(tree(), 4, 3)
    loss = layer(X).square().sum()
    loss.backward(retain_graph=True)
    first = layer.weight.grad.clone()
    loss.backward()
    torch.testing.assert_close(layer.weight.grad, 2 * first)


def test_hooks_see_and_change_what_passes():
    layer = AnalogLinear(tree(), 4, 3)
    seen = []
    layer.register_forward_hook(lambda module, args, y: seen.append(y.shape))
    layer.register_full_backward_hook(lambda module, into, out: seen.append(out[0].shape))
    layer.weight.register_hook(lambda g: torch.zeros_like(g))
    layer(X.clone().requires_grad_()).sum().backward()
    assert seen == [(3, 3), (3, 3)]
    assert not layer.weight.grad.any()


# Data and processes


class Features(Dataset):
    """Samples that an analog layer makes, in whatever process loads them."""

    def __init__(self, layer):
        self.layer = layer

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        with torch.no_grad():
            return self.layer(X[index])


@needs_devices
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_of_a_data_loader_read_the_same_chip(context):
    layer = AnalogLinear(tree(ERRORS), 4, 3, seed=0)
    loader = DataLoader(Features(layer), 3, num_workers=1, multiprocessing_context=context)
    torch.testing.assert_close(next(iter(loader)), layer(X).detach())


def test_a_data_parallel_wrapper_without_gpus_passes_everything_through():
    layer = AnalogLinear(tree(), 4, 3)
    assert torch.equal(nn.DataParallel(layer)(X), layer(X)) or torch.cuda.is_available()


# Copies and devices


def test_a_shallow_copy_shares_weights_and_chip_as_stock_layers_do():
    layer = AnalogLinear(tree(), 4, 3)
    twin = copy.copy(layer)
    assert twin.weight is layer.weight
    assert torch.equal(twin(X), layer(X))


def test_attributes_that_a_stacked_layer_lacks_are_plainly_absent():
    layer = AnalogLSTM(tree(), 3, 4, 2, bias_ih_rows=[1, 2])
    assert layer.bias_ih_l1_rows == 2
    assert not hasattr(layer, "analog_foo")
    assert not hasattr(layer, "x_rows")


@pytest.mark.gpu
@needs_devices
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_network_moves_to_the_gpu_with_its_chip():
    model = from_torch(network(), tree(ERRORS), 1, seed=0)
    want = model(X).detach()
    model.cuda()
    torch.testing.assert_close(model(X.cuda()).cpu(), want, rtol=1e-4, atol=1e-5)
    assert {b.device.type for b in model.buffers()} == {"cuda"}
    model(X.cuda()).sum().backward()
    assert model[0].weight.grad.device.type == "cuda"
    torch.testing.assert_close(model.cpu()(X).detach(), want)
