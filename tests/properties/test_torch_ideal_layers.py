"""With ideal arrays, an analog layer is the stock layer."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")

from hypothesis import assume, given, settings  # noqa: E402
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
