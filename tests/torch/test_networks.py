"""Networks as they are in use become analog with no layer silently left digital."""

from itertools import pairwise

import pytest
import torch
from analog_settings import ERRORS, needs_devices, tree
from torch import nn

from crosssim_torch import ConversionReport, from_torch, to_torch


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut.

    Source: K. He, X. Zhang, S. Ren, J. Sun, CVPR 2016, option B.
    """

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet18(nn.Module):
    """The shape of ResNet-18 with ``width`` channels in its first stage, 64 in the original."""

    def __init__(self, width=8, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        widths = [width * 2**i for i in range(4)]
        for number, (inputs, outputs) in enumerate(pairwise([width, *widths]), start=1):
            stride = 1 if number == 1 else 2
            stage = nn.Sequential(Block(inputs, outputs, stride), Block(outputs, outputs, 1))
            setattr(self, f"layer{number}", stage)
        self.fc = nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def lived_in(model):
    """``model`` with running statistics that are not those of a fresh one."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    return model.eval()


def unexplained(report):
    """Digital layers that a matrix product may be formed with."""
    return [layer for layer in report.digital if layer.why != "no matrix product"]


def test_a_resnet18_becomes_analog_as_a_whole():
    stock, x = lived_in(ResNet18()), torch.rand(2, 3, 32, 32)
    analog, report = from_torch(stock, tree(), fuse_batchnorm=True, report=True)
    assert len(report.layers) == 21
    assert not report.digital
    with torch.no_grad():
        torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)


def test_without_folding_batch_norms_are_all_that_stays_digital():
    report = from_torch(ResNet18(), tree(), report=True)[1]
    assert len(report.digital) == 20
    assert not unexplained(report)


def encoder(norm_first=False):
    layer = nn.TransformerEncoderLayer(
        16, 4, 32, batch_first=True, norm_first=norm_first, dropout=0.1
    )
    return nn.TransformerEncoder(layer, 4, enable_nested_tensor=not norm_first)


@needs_devices
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_transformer_encoder_never_takes_a_path_past_its_arrays(norm_first):
    stock, x = encoder(norm_first).eval(), torch.randn(3, 7, 16)
    analog, report = from_torch(stock, tree(ERRORS), 1, seed=0, report=True)
    assert len([layer for layer in report.layers if layer.analog]) == 4 * 4
    assert not unexplained(report)
    padding = torch.zeros(3, 7, dtype=torch.bool)
    padding[1, 4:] = True
    for mask in (None, padding):
        with torch.no_grad():
            fused, digital = (m(x, src_key_padding_mask=mask) for m in (analog, stock))
        plain = analog(x, src_key_padding_mask=mask)
        seen = slice(None) if mask is None else ~mask
        assert torch.equal(fused[seen], plain[seen].detach())
        assert (fused - digital)[seen].abs().max() > 0.01
        physical = to_torch(analog, physical_weights=True)
        torch.testing.assert_close(
            physical(x, src_key_padding_mask=mask)[seen], plain[seen], rtol=1e-4, atol=1e-5
        )


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
def test_an_encoder_built_of_an_analog_layer_takes_padded_data():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    stock = nn.TransformerEncoder(layer, 2).eval()
    analog = nn.TransformerEncoder(from_torch(layer, tree(), 1), 2).eval()
    back = to_torch(analog)
    assert back.layers[0].activation_relu_or_gelu == layer.activation_relu_or_gelu
    x, padding = torch.randn(3, 5, 8), torch.zeros(3, 5, dtype=torch.bool)
    padding[1, 3:] = True
    with torch.no_grad():
        want = stock(x, src_key_padding_mask=padding)[~padding]
        for model in (analog, back):
            got = model(x, src_key_padding_mask=padding)[~padding]
            torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_a_decoder_becomes_analog_as_a_whole():
    layer = nn.TransformerDecoderLayer(16, 4, 32, batch_first=True)
    stock = nn.TransformerDecoder(layer, 2).eval()
    analog, report = from_torch(stock, tree(), report=True)
    assert len([layer for layer in report.layers if layer.analog]) == 2 * 6
    assert not unexplained(report)
    x, memory = torch.randn(2, 5, 16), torch.randn(2, 4, 16)
    causal = nn.Transformer.generate_square_subsequent_mask(5)
    torch.testing.assert_close(
        analog(x, memory, tgt_mask=causal, tgt_is_causal=True),
        stock(x, memory, tgt_mask=causal, tgt_is_causal=True),
    )


def test_a_whole_transformer_trains_through_its_arrays():
    stock = nn.Transformer(16, 4, 1, 1, 32, dropout=0.0, batch_first=True)
    analog = from_torch(stock, tree())
    x, y = torch.randn(2, 5, 16), torch.randn(2, 3, 16)
    for model in (stock, analog):
        model(x, y).square().sum().backward()
    gradients = dict(stock.named_parameters())
    for name, parameter in analog.named_parameters():
        torch.testing.assert_close(
            parameter.grad, gradients[name].grad, rtol=1e-3, atol=1e-4, msg=name
        )
    assert not unexplained(ConversionReport.of(analog))
