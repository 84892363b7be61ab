"""The network that benchmarks and reference tests run: ResNet-20 for images of 32×32 pixels.

Its published weights belong to others and are not part of this repository. They are taken from
the folder that CONTRIBUTING.md tells of; elsewhere the network keeps its random ones.
"""

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

FILE = "resnet20.npz"
PLACES = [
    *map(Path, filter(None, [os.environ.get("CROSSSIM_REFERENCE_DIR")])),
    Path(__file__).parents[2] / "shared" / "reference",
]
STEM_EPS = 1e-3
"""The weights were trained with this in the first batch-norm, and PyTorch's default after it."""


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut, with a 1×1 convolution where the shape changes.

    Source: K. He, X. Zhang, S. Ren, J. Sun, CVPR 2016, option B.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(y)) + shortcut).relu()


class ResNet20(nn.Module):
    """Three stages of three blocks, with 16, 32 and 64 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16, eps=STEM_EPS)
        self.res1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.res2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.res3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        return self.classifier(self.res3(self.res2(self.res1(x))))


def reference_folder() -> Path | None:
    """Where the published weights and their results are; None if nowhere."""
    return next((place for place in PLACES if (place / FILE).is_file()), None)


def reference_arrays(folder: Path) -> dict[str, Tensor]:
    """Weights, images and logits in that folder, by name."""
    with np.load(folder / FILE) as file:
        return {name: torch.tensor(value) for name, value in file.items()}


def resnet20(arrays: dict[str, Tensor] | None = None) -> ResNet20:
    """The network in evaluation mode, with the published weights if ``arrays`` has them."""
    model = ResNet20()
    if arrays is not None:
        prefix = "state/"
        weights = {n.removeprefix(prefix): v for n, v in arrays.items() if n.startswith(prefix)}
        model.load_state_dict(weights)
    return model.eval()
