"""ResNet-20 on CIFAR-10 images: logits against those of CrossSim 3.2.

The weights are published by others and not part of this repository: see CONTRIBUTING.md.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import convertible_modules, from_torch

PLACES = [
    *filter(None, [os.environ.get("CROSSSIM_REFERENCE_DIR")]),
    str(Path(__file__).parents[3] / "shared" / "reference"),
]
STEM_EPS = 1e-3
"""The weights were trained with this in the first batch-norm, and PyTorch's default after it."""

# CrossSim writes core.weight_bits where it has no effect too.
pytestmark = pytest.mark.filterwarnings("ignore:core.weight_bits")


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


@pytest.fixture(scope="module")
def folder():
    for place in map(Path, PLACES):
        if (place / "resnet20.npz").is_file():
            return place
    reason = f"resnet20.npz is in none of: {', '.join(PLACES)}"
    if os.environ.get("CROSSSIM_REQUIRE_REFERENCE") == "1":
        pytest.fail(f"CROSSSIM_REQUIRE_REFERENCE is 1, and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def arrays(folder):
    with np.load(folder / "resnet20.npz") as file:
        return {name: torch.tensor(value) for name, value in file.items()}


@pytest.fixture(scope="module")
def network(arrays):
    model = ResNet20()
    model.load_state_dict({n[6:]: v for n, v in arrays.items() if n.startswith("state/")})
    return model.eval()


def logits(network, folder, arrays, configuration):
    trees = json.loads((folder / f"resnet20-{configuration}.json").read_text())
    assert len(trees) == len(convertible_modules(network))
    params = [CrossSimParameters.from_dict(tree) for tree in trees]
    analog = from_torch(network, params, fuse_batchnorm=True)
    with torch.no_grad():
        return analog(arrays["x"])


def test_the_network_built_here_gives_the_published_logits(network, arrays):
    with torch.no_grad():
        torch.testing.assert_close(network(arrays["x"]), arrays["y/torch"], rtol=0, atol=1e-4)


def test_with_ideal_arrays_the_logits_are_those_of_crosssim(network, folder, arrays):
    got = logits(network, folder, arrays, "ideal")
    torch.testing.assert_close(got, arrays["y/ideal"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("configuration", ["balanced8"])
def test_with_quantizing_converters_the_logits_are_those_of_crosssim(
    network, folder, arrays, configuration
):
    pytest.importorskip("crosssim_devices", reason="the converters are models of that package")
    got, want = logits(network, folder, arrays, configuration), arrays[f"y/{configuration}"]
    assert (got - want).abs().mean() <= 0.02 * want.std()
    assert (got.argmax(1) == want.argmax(1)).sum() >= 15
