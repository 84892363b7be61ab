"""Derivatives are those of the stock layer that holds the programmed weights."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")
pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import ERRORS, tree  # noqa: E402
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_cases import assert_all_close, derivatives, layer_cases  # noqa: E402

from crosssim_torch import from_torch  # noqa: E402

COARSE = ERRORS | {
    "xbar.device.cell_bits": 4,
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 4,
    "xbar.adc.mvm.model": "SignMagnitudeADC",
    "xbar.adc.mvm.bits": 5,
    "xbar.adc.mvm.calibrated_range": [-1.5, 1.5],
}
"""4-bit inputs, 5-bit outputs, 5 % programming error."""

# What PyTorch says of the copy that its own padding='same' makes.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


@given(layer_cases(), st.booleans(), st.integers(0, 2**31))
def test_derivatives_are_those_of_the_stock_layer_with_the_programmed_weights(case, train, seed):
    analog = from_torch(case.stock().train(train), tree(COARSE), case.bias_rows, seed=seed)
    programmed = case.stock()
    with torch.no_grad():
        for parameter, value in zip(
            (programmed.weight, programmed.bias), analog.get_core_weights(), strict=True
        ):
            if value is not None:
                parameter.copy_(value)
    got, want = derivatives(analog, case), derivatives(programmed, case)
    assert analog.training is train
    del got["output"], want["output"]
    assert_all_close(got, want, TOLERANCE[case.dtype])


@given(layer_cases(), st.integers(0, 2**31))
def test_with_errors_and_exact_conversion_the_output_is_that_of_the_programmed_weights(case, seed):
    stock = case.in_float64().stock()
    if stock.bias is None and case.bias_rows:
        return
    analog = from_torch(stock, tree(ERRORS), case.bias_rows, seed=seed)
    physical = type(analog).to_torch(analog, physical_weights=True)
    x = case.in_float64().input()
    torch.testing.assert_close(analog(x), physical(x), rtol=1e-10, atol=1e-10)
