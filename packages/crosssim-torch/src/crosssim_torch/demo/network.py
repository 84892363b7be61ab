"""A small convolutional network, how it learns, and how well it knows."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from crosssim_torch.demo.data import Images

BATCH = 64
"""Images in one step of training."""
SMOOTHING = 0.1
"""Share of the answer that training spreads over all digits [1]."""


def digit_network(seed: int, width: int = 16) -> nn.Sequential:
    """Three batch-normalised convolutions and a classifier, ``(n, 1, 8, 8)`` to ``(n, 10)``.

    Args:
        seed: Where its weights come from.
        width: Channels of the first convolution; the others have twice as many.
    """
    wide = 2 * width
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            *(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, wide, 3, padding=1), nn.BatchNorm2d(wide), nn.ReLU()),
            nn.MaxPool2d(2),
            *(nn.Conv2d(wide, wide, 3, padding=1), nn.BatchNorm2d(wide), nn.ReLU()),
            nn.MaxPool2d(2),
            *(nn.Flatten(), nn.Linear(wide * 2 * 2, 10)),
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

    Each batch is shifted by up to one pixel in both directions.

    Args:
        network: From ``(n, 1, 8, 8)`` to ``(n, 10)``; may be analog.
        images: What to learn from.
        epochs: Passes over all images.
        rate: Largest learning rate of a one-cycle schedule.
        seed: Order and shifts of the images.
        after_epoch: Called after each pass.
    """
    generator = torch.Generator().manual_seed(seed)
    count = len(images.labels)
    steps = epochs * -(-count // BATCH)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    network.train()
    for _ in range(epochs):
        for batch in torch.randperm(count, generator=generator).split(BATCH):
            optimizer.zero_grad()
            answers = network(_shifted(images.pixels[batch], generator))
            cross_entropy(answers, images.labels[batch], label_smoothing=SMOOTHING).backward()
            optimizer.step()
            schedule.step()
        after_epoch()
    network.eval()


@torch.no_grad()
def accuracy(network: nn.Module, images: Images) -> float:
    """Share of ``images`` that ``network`` recognises [1]."""
    answers: Tensor = network(images.pixels).argmax(dim=1)
    return float((answers == images.labels).double().mean())


def _shifted(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """The images, moved together by at most one pixel."""
    down, right = torch.randint(3, (2,), generator=generator).tolist()
    return pad(pixels, (1, 1, 1, 1))[..., down : down + 8, right : right + 8]
