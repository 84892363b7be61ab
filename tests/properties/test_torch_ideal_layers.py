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
    attention_cases,
    cell_cases,
    conv_cases,
    derivatives,
    layer_cases,
    linear_cases,
    recurrent_cases,
    transposed_cases,
)

from crosssim_core import CrossSimParameters  # noqa: E402
from crosssim_torch import LayerOptions, from_torch  # noqa: E402

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}

# What PyTorch says of the copy that its own padding='same' makes, and of its own projections.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.filterwarnings("ignore:LSTM with projections"),
]


def check(case, groups="dense"):
    stock = case.stock()
    want = derivatives(stock, case)
    options = LayerOptions(groups=groups)
    analog = from_torch(stock, CrossSimParameters(), case.bias_rows, options=options)
    got = derivatives(analog, case)
    assert case.run(analog, case.input())[0].is_contiguous()
    assert_all_close(got, want, TOLERANCE[case.dtype])


@settings(max_examples=200)
@given(linear_cases())
def test_an_ideal_linear_layer_is_the_stock_layer_in_output_and_derivatives(case):
    check(case)


@pytest.mark.parametrize("groups", ["dense", "packed"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_an_ideal_convolution_is_the_stock_layer_in_output_and_derivatives(axes, groups):
    settings(max_examples=120)(given(conv_cases(axes))(lambda case: check(case, groups)))()


@pytest.mark.parametrize("groups", ["dense", "packed"])
def test_an_ideal_transposed_convolution_is_the_stock_layer_in_output_and_derivatives(groups):
    settings(max_examples=120)(given(transposed_cases())(lambda case: check(case, groups)))()


@given(cell_cases())
def test_an_ideal_recurrent_cell_is_the_stock_layer_in_output_and_derivatives(case):
    check(case)


@given(recurrent_cases())
def test_an_ideal_recurrent_layer_is_the_stock_layer_in_output_and_derivatives(case):
    check(case)


@given(attention_cases())
def test_ideal_attention_is_the_stock_layer_in_output_and_derivatives(case):
    check(case)


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
        y.backward(case.gradients((y.detach().to(dtype),))[0].to(kind))
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
