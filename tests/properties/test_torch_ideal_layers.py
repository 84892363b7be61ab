"""With ideal arrays, an analog layer is the stock layer."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")

from hypothesis import assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_cases import (  # noqa: E402
    CONVOLUTIONS,
    LayerCase,
    assert_all_close,
    conv_cases,
    derivatives,
    layer_cases,
    linear_cases,
)

from crosssim_core import CrossSimParameters  # noqa: E402
from crosssim_torch import from_torch  # noqa: E402

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}

# What PyTorch says of the copy that its own padding='same' makes.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def check(case):
    stock = case.stock()
    want = derivatives(stock, case)
    analog = from_torch(stock, CrossSimParameters(), case.bias_rows)
    got = derivatives(analog, case)
    assert analog(case.input()).is_contiguous()
    assert_all_close(got, want, TOLERANCE[case.dtype])


@settings(max_examples=200)
@given(linear_cases())
def test_an_ideal_linear_layer_is_the_stock_layer_in_output_and_derivatives(case):
    check(case)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_an_ideal_convolution_is_the_stock_layer_in_output_and_derivatives(axes):
    settings(max_examples=200)(given(conv_cases(axes))(check))()


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("bias_rows", [0, 1, 3])
def test_an_ideal_depthwise_convolution_is_the_stock_layer(axes, bias_rows):
    arguments = {"in_channels": 3, "out_channels": 6, "kernel_size": 3, "groups": 3, "padding": 1}
    check(LayerCase(CONVOLUTIONS[axes], arguments, (2, 3, *(5, 4, 3)[:axes]), bias_rows))


@given(layer_cases())
def test_a_batch_is_read_as_each_of_its_samples(case):
    analog = from_torch(case.stock(), CrossSimParameters(), case.bias_rows)
    x = case.input().detach()
    batches = x.shape[: x.dim() - max(1, analog.weight.dim() - 1)]
    assume(batches and 0 not in batches)
    want = torch.stack([analog(sample) for sample in x])
    torch.testing.assert_close(analog(x), want, rtol=0, atol=30 * TOLERANCE[case.dtype])


HALVES = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}
"""Half of the distance of neighbouring numbers around 1, by which rounding errs at most."""


@settings(max_examples=200)
@given(layer_cases(), st.sampled_from(tuple(HALVES)))
def test_an_ideal_layer_of_half_precision_is_the_exact_layer_rounded_once(case, dtype):
    """The stock layer with the same numbers in double precision says what is exact."""
    stock = replace(case, dtype=dtype).stock()
    x = case.input().detach().to(dtype)

    def run(layer, kind):
        own = x.to(kind, copy=True).requires_grad_()
        y = layer(own)
        y.backward(case.gradient(y.detach().to(dtype)).to(kind))
        tensors = {"output": y.detach(), "input": own.grad}
        return tensors | {name: p.grad for name, p in layer.named_parameters()}

    analog = from_torch(stock, CrossSimParameters(), case.bias_rows)
    got, want = run(analog, dtype), run(stock.double(), torch.float64)
    assert {tensor.dtype for tensor in got.values()} == {dtype}
    doubles = {name: tensor.double() for name, tensor in got.items()}
    if case.arguments.get("padding_mode", "zeros") != "zeros":
        # PyTorch's own padding adds up derivatives in half precision.
        del doubles["input"], want["input"]
    assert_all_close(doubles, want, HALVES[dtype] + TOLERANCE[torch.float32])
