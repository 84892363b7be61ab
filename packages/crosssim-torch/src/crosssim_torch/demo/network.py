"""A small convolutional network, how it learns, and how well it knows."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crosssim_torch.demo.data import Images

BATCH = 64
"""Images in one step of training."""


def digit_network(seed: int) -> nn.Sequential:
    """Three batch-normalised convolutions and a classifier, ``(n, 1, 8, 8)`` to ``(n, 10)``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 2 * 2, 10)),
        )


def train(
    network: nn.Module,
    images: Images,
    *,
    epochs: int,
    rate: float,
    seed: int,
    after_epoch: Callable[[], None] = lambda: None,
) -> None:
    """Train ``network`` in place, and leave it in evaluation mode.

    Args:
        network: From ``(n, 1, 8, 8)`` to ``(n, 10)``; may be analog.
        images: What to learn from.
        epochs: Passes over all images.
        rate: Largest learning rate of a one-cycle schedule.
        seed: Order of the images.
        after_epoch: Called after each pass.
    """
    order = torch.Generator().manual_seed(seed)
    count = len(images.labels)
    steps = epochs * -(-count // BATCH)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    network.train()
    for _ in range(epochs):
        for batch in torch.randperm(count, generator=order).split(BATCH):
            optimizer.zero_grad()
            cross_entropy(network(images.pixels[batch]), images.labels[batch]).backward()
            optimizer.step()
            schedule.step()
        after_epoch()
    network.eval()


@torch.no_grad()
def accuracy(network: nn.Module, images: Images) -> float:
    """Share of ``images`` that ``network`` recognises [1]."""
    answers: Tensor = network(images.pixels).argmax(dim=1)
    return float((answers == images.labels).double().mean())
