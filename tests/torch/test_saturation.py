"""Derivatives that stop where a converter saturates."""

import pytest
import torch
from analog_settings import ERRORS, tree
from torch import nn

from crosssim_core.chain import arithmetic
from crosssim_torch import LayerOptions, from_torch
from crosssim_torch.arithmetic import TorchArithmetic
from crosssim_torch.calibration import calibrate

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

MASKED = LayerOptions(gradient="masked")
RANGES = ERRORS | {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 8,
    "core.mapping.inputs.mvm.min": -0.8,
    "core.mapping.inputs.mvm.max": 0.8,
    "xbar.adc.mvm.model": "SignMagnitudeADC",
    "xbar.adc.mvm.bits": 8,
    "xbar.adc.mvm.calibrated_range": [-0.6, 0.6],
}
X = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(4, 6)


def network(kind):
    if kind == "linear":
        return nn.Linear(6, 5, dtype=torch.float64), X
    groups = 2 if kind == "grouped" else 1
    return nn.Conv1d(2, 4, 3, groups=groups, dtype=torch.float64), X.repeat(1, 2).reshape(4, 2, 6)


def derivatives(layer, x):
    x = x.clone().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    (y * torch.linspace(1, 2, y.numel(), dtype=y.dtype).reshape(y.shape)).sum().backward()
    return y.detach(), x.grad, layer.weight.grad.clone(), layer.bias.grad.clone()


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
@pytest.mark.parametrize("bias_rows", [0, 1])
@pytest.mark.parametrize("kind", ["linear", "conv", "grouped"])
@pytest.mark.parametrize("groups", ["dense", "packed"])
def test_a_masked_derivative_is_that_of_clipping_at_the_ends_of_the_ranges(
    kind, groups, bias_rows, literal
):
    stock, x = network(kind)
    params = tree(RANGES, simulation__literal=literal)
    options = LayerOptions(gradient="masked", groups=groups)
    layer = from_torch(stock, params, bias_rows, seed=1, options=options)
    physical = type(layer).to_torch(layer, physical_weights=True)
    scale = float(layer.form_matrix().abs().max()) * 0.8 / 0.9
    inside = x.clone().requires_grad_()
    digital = physical.bias if not bias_rows else None
    clipped = inside.clamp(-0.8, 0.8)
    weight, bias = physical.weight, physical.bias
    own = None if digital is not None else 0.8 * bias
    if kind == "linear":
        current = nn.functional.linear(clipped, weight, own)
    else:
        current = nn.functional.conv1d(clipped, weight, own, groups=stock.groups)
    read = current.clamp(-0.6 * scale, 0.6 * scale)
    want = read if digital is None else read + digital.reshape(-1, *(1,) * (read.dim() - 2))
    (want * torch.linspace(1, 2, want.numel(), dtype=x.dtype).reshape(want.shape)).sum().backward()
    y, grad_x, grad_weight, grad_bias = derivatives(layer, x)
    assert (read != current).any()
    assert (clipped != inside).any()
    torch.testing.assert_close(y, want.detach(), rtol=0, atol=0.02)
    torch.testing.assert_close(grad_x, inside.grad)
    torch.testing.assert_close(grad_weight, weight.grad)
    expected = bias.grad if digital is not None else bias.grad / 0.8
    torch.testing.assert_close(grad_bias, expected)


def test_a_choice_of_derivatives_leaves_the_output_and_the_chip_as_they_are():
    stock, x = network("linear")
    layer = from_torch(stock, tree(RANGES), 1, seed=1)
    want, buffers = derivatives(layer, x), dict(layer.named_buffers())
    layer.options = MASKED
    got = derivatives(layer, x)
    torch.testing.assert_close(got[0], want[0], rtol=1e-12, atol=1e-12)
    assert not torch.equal(got[1], want[1])
    assert all(buffer is buffers[name] for name, buffer in layer.named_buffers())


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_batches_that_are_read_in_pieces_are_masked_like_whole_ones(kind, literal, monkeypatch):
    digits = {"xbar.dac.mvm.input_bitslicing": True, "xbar.adc.mvm.adc_per_ibit": True}
    stock, x = network(kind)
    x = torch.cat((x, x.flip(-1), 0.3 * x))
    layer = from_torch(stock, tree(RANGES, digits, simulation__literal=literal), options=MASKED)
    want = derivatives(layer, x)
    monkeypatch.setattr(arithmetic, "ROOM", 200)
    for got, whole in zip(derivatives(layer, x), want, strict=True):
        torch.testing.assert_close(got, whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("model", ["SignMagnitudeADC", "QuantizerADC", "SarADC"])
def test_ranges_that_were_calibrated_to_the_largest_values_mask_none_of_these(model, dtype):
    for seed in range(20):
        torch.manual_seed(seed)
        stock, x = nn.Linear(9, 4, dtype=dtype), torch.randn(6, 9, dtype=dtype)
        params = tree(RANGES, xbar__adc__mvm__model=model)
        masked, straight = (
            from_torch(stock, params, seed=1, options=LayerOptions(gradient=gradient))
            for gradient in ("masked", "straight")
        )
        for layer in (masked, straight):
            calibrate(layer, x, method="max", show_progress=False)
        torch.testing.assert_close(derivatives(masked, x), derivatives(straight, x))


def test_ideal_converters_mask_nothing():
    stock, x = network("conv")
    straight, masked = (
        derivatives(from_torch(stock, tree(ERRORS), 1, seed=1, options=options), x)
        for options in (None, MASKED)
    )
    assert all(map(torch.equal, straight, masked))


DIGITS = {
    "xbar.dac.mvm.input_bitslicing": True,
    "xbar.dac.mvm.slice_size": 2,
    "xbar.adc.mvm.adc_per_ibit": True,
}


@pytest.mark.parametrize("settings", [{}, DIGITS], ids=["whole", "digits"])
@pytest.mark.parametrize(
    ("stock", "shape"),
    [
        (nn.Linear(6, 5), (11, 6)),
        (nn.Linear(6, 5), (3, 4, 6)),
        (nn.Conv1d(2, 4, 3, groups=2), (7, 2, 6)),
        (nn.ConvTranspose1d(2, 4, 3, 2), (7, 2, 6)),
    ],
    ids=["linear", "axes", "conv", "transposed"],
)
def test_a_batch_that_is_read_in_chunks_is_masked_as_one(stock, shape, settings, monkeypatch):
    layer = from_torch(stock, tree(RANGES, settings), 1, seed=1, options=MASKED)
    x = torch.linspace(-1, 1, torch.Size(shape).numel()).reshape(shape)
    want = derivatives(layer, x)
    monkeypatch.setattr(TorchArithmetic, "room", lambda self, x, noise: 40)
    torch.testing.assert_close(derivatives(layer, x), want)


@pytest.mark.parametrize("rows", [(0, 0), (2, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("kind", ["cell", "layer"])
def test_recurrent_layers_mask_what_enters_their_gates(kind, rows):
    stock = nn.RNNCell(6, 5) if kind == "cell" else nn.RNN(6, 5)
    stock.double()
    params = tree(RANGES | {"xbar.adc.mvm.bits": 16, "xbar.dac.mvm.bits": 16})
    layer = type(from_torch(stock, params)).from_torch(stock, params, *rows, options=MASKED)
    weight_ih, weight_hh, bias_ih, bias_hh = (
        w.clone().requires_grad_() for w in layer.get_core_weights()
    )
    scale = float(layer.form_matrix().abs().max()) * 0.8 / 0.9
    x, h = X.clone().requires_grad_(), torch.linspace(1, -1, 20, dtype=X.dtype).reshape(4, 5)
    clipped = x.clamp(-0.8, 0.8)
    current = clipped @ weight_ih.mT + h.clamp(-0.8, 0.8) @ weight_hh.mT
    held = [0.8 * b for b, n in zip((bias_ih, bias_hh), rows, strict=True) if n]
    added = [b for b, n in zip((bias_ih, bias_hh), rows, strict=True) if not n]
    current = current + sum(held)
    read = current.clamp(-0.6 * scale, 0.6 * scale)
    assert (read != current).any()
    want = torch.tanh(read + sum(added))
    want.square().sum().backward()
    inside = X.clone().requires_grad_()
    y = layer(inside, h) if kind == "cell" else layer(inside[None], h[None])[0][0]
    torch.testing.assert_close(y, want.detach(), rtol=0, atol=1e-3)
    y.square().sum().backward()
    torch.testing.assert_close(inside.grad, x.grad, rtol=0, atol=1e-3)
    for parameter, own, n in zip(
        layer.parameters(), (weight_ih, weight_hh, bias_ih, bias_hh), (0, 0, *rows), strict=True
    ):
        expected = own.grad / (0.8 if n else 1.0)
        torch.testing.assert_close(parameter.grad, expected, rtol=0, atol=1e-3)
