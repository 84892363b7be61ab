"""Handwritten digits that scikit-learn brings along."""

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor

TRAINING = 1347
"""Images to learn from."""


@dataclass(frozen=True, slots=True)
class Images:
    """Pictures and what they show."""

    pixels: Tensor
    """Brightness in [0, 1], shape ``(images, 1, 8, 8)`` [1]."""
    labels: Tensor
    """Digits, shape ``(images,)``."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Images to learn from and images to be tested with."""

    training: Images
    test: Images


def digits() -> Digits:
    """The 1,797 scans of digits in their order; the last quarter, kept for testing, is mostly by
    people who wrote none of the others.

    Source:
        E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
        Learning Repository (1998), doi:10.24432/C50P49.
    """
    values, answers = load_digits(return_X_y=True)
    pixels = torch.as_tensor(values / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    labels = torch.as_tensor(answers)
    return Digits(
        Images(pixels[:TRAINING], labels[:TRAINING]), Images(pixels[TRAINING:], labels[TRAINING:])
    )
