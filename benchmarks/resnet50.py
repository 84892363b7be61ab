"""ResNet-50 with random weights, for times and memory alone."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """A 3×3 convolution between two 1×1 ones, and a shortcut.

    Source: K. He, X. Zhang, S. Ren, J. Sun, CVPR 2016, with the stride at the 3×3 convolution.
    """

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + shortcut).relu()


def stage(inputs: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    """Blocks of one width, of which the first has the stride."""
    first = Bottleneck(inputs, width, stride)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 1) for _ in range(blocks - 1)))


class ResNet50(nn.Module):
    """Four stages of bottlenecks, for images of three channels and a thousand classes.

    Args:
        blocks: Blocks of each stage.
        width: Channels of the first convolution.
    """

    def __init__(self, blocks: Sequence[int] = (3, 4, 6, 3), width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.stages = nn.Sequential(
            stage(width, width, blocks[0], 1),
            stage(4 * width, 2 * width, blocks[1], 2),
            stage(8 * width, 4 * width, blocks[2], 2),
            stage(16 * width, 8 * width, blocks[3], 2),
        )
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32 * width, 1000)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.bn1(self.conv1(x)).relu())
        return self.classifier(self.stages(x))


@torch.no_grad()
def resnet50(blocks: Sequence[int] = (3, 4, 6, 3), width: int = 64) -> ResNet50:
    """The network in evaluation mode; residual branches are weak, so that sums stay small."""
    model = ResNet50(blocks, width)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if isinstance(module, Bottleneck):
            module.bn3.weight.fill_(0.25)
    return model.eval()
