"""Derivatives are those of the stock layer that holds the programmed weights."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")
pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import ERRORS, tree  # noqa: E402
from hypothesis import assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_cases import assert_all_close, derivatives, every_layer, layer_cases  # noqa: E402
from torch.func import functional_call, jvp, vjp  # noqa: E402

from crosssim_torch import LayerOptions, from_torch, to_torch  # noqa: E402

COARSE = ERRORS | {
    "xbar.device.cell_bits": 4,
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 4,
    "xbar.adc.mvm.model": "SignMagnitudeADC",
    "xbar.adc.mvm.bits": 5,
    "xbar.adc.mvm.calibrated_range": [-1.5, 1.5],
}
"""4-bit inputs, 5-bit outputs, 5 % programming error."""

# What PyTorch says of the copy that its own padding='same' makes, of its own projections, and of
# its own forward mode.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated"),
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.filterwarnings("ignore:LSTM with projections"),
]

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
    del got["output 0"], want["output 0"]
    assert_all_close(got, want, TOLERANCE[case.dtype])


@settings(max_examples=150)
@given(every_layer(), st.sampled_from(("dense", "packed")), st.integers(0, 2**31))
def test_with_errors_and_exact_conversion_everything_is_as_with_the_programmed_weights(
    case, groups, seed
):
    # Rows for a bias that is not there hold zeros that err, and no stock layer has them.
    assume(case.arguments.get("bias", True) or not case.bias_rows)
    case, options = case.in_float64(), LayerOptions(groups=groups)
    analog = from_torch(case.stock(), tree(ERRORS), case.bias_rows, seed=seed, options=options)
    physical = to_torch(analog, physical_weights=True)
    assert_all_close(derivatives(analog, case), derivatives(physical, case), 1e-10)


class Outputs(torch.nn.Module):
    """All outputs of a layer in one vector."""

    def __init__(self, layer, case):
        super().__init__()
        self.layer, self.case = layer, case

    def forward(self, x):
        return torch.cat([y.flatten() for y in self.case.run(self.layer, x)])


def waves(like):
    return {n: torch.cos(torch.arange(t.numel()).to(t)).reshape(t.shape) for n, t in like.items()}


@given(
    every_layer(),
    st.sampled_from(("dense", "packed")),
    st.sampled_from(("straight", "masked")),
    st.integers(0, 2**31),
)
def test_forward_mode_takes_the_derivatives_of_backward(case, groups, gradient, seed):
    """``u · J v`` is ``Jᵀ u · v``, by the input and all parameters at once."""
    case, options = case.in_float64(), LayerOptions(groups=groups, gradient=gradient)
    layer = from_torch(case.stock(), tree(COARSE), case.bias_rows, seed=seed, options=options)
    model, x = Outputs(layer, case), case.input().detach()
    at = {"": x} | {n: p.detach() for n, p in model.named_parameters()}

    def run(at):
        return functional_call(model, {n: p for n, p in at.items() if n}, at[""])

    along = waves(at)
    _, tangent = jvp(run, (at,), (along,))
    y, pull = vjp(run, at)
    arrives = torch.sin(1 + torch.arange(len(y)).to(y))
    (gradients,) = pull(arrives)
    backward = sum(float((gradients[n] * along[n]).sum()) for n in at)
    assert float(arrives @ tangent) == pytest.approx(backward, rel=1e-9, abs=1e-9)
