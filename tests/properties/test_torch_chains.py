"""In a layer, the simplified chain computes what the literal chain computes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")
pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import tree  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_cases import layer_cases  # noqa: E402

from crosssim_torch import from_torch  # noqa: E402


@st.composite
def dacs(draw, low, high):
    """Settings of a DAC over the given input limits, one of which may become 0."""
    kind = draw(st.sampled_from(("IdealDAC", "SignMagnitudeDAC", "QuantizerDAC", "unsigned")))
    if kind == "unsigned":
        settings = {"xbar.dac.mvm.signed": False, "core.mapping.inputs.mvm.min": 0.0}
        model = "QuantizerDAC"
    else:
        settings = {"core.mapping.inputs.mvm.min": low if kind == "QuantizerDAC" else -high}
        model = kind
    settings |= {"core.mapping.inputs.mvm.max": high, "xbar.dac.mvm.model": model}
    return settings | ({} if model == "IdealDAC" else {"xbar.dac.mvm.bits": draw(st.integers(2, 8))})


@st.composite
def parameter_settings(draw):
    """Any supported read of a balanced core.

    Ranges are irrational, so that no current lies on a rounding tie, where two right answers
    differ; the same holds for ranges of whole numbers where programming errors blur currents.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    low, high, icol, bottom, top = random.uniform((-2, 1, 0.2, -3, 0.5), (-0.5, 2, 3, -0.5, 3))
    blurred = draw(st.booleans())
    settings = draw(dacs(float(low), float(high))) | {
        "core.rows_max": draw(st.integers(0, 9)),
        "core.cols_max": draw(st.integers(0, 4)),
        "core.mapping.weights.col_partition_strategy": draw(st.sampled_from(("EQUAL", "MAX"))),
        "core.balanced.style": draw(st.sampled_from(("ONE_SIDED", "TWO_SIDED"))),
        "core.balanced.interleaved_posneg": (interleaved := draw(st.booleans())),
        "core.balanced.subtract_current_in_xbar": interleaved or draw(st.booleans()),
        "xbar.device.cell_bits": draw(st.sampled_from((0, 0, 1, 3, 7))),
        "xbar.device.infinite_on_off_ratio": draw(st.booleans()),
        "xbar.array.Icol_max": draw(st.sampled_from((0.0, float(icol)))),
    }
    if blurred:
        settings |= {
            "xbar.device.programming_error.enable": True,
            "xbar.device.programming_error.model": "NormalIndependentDevice",
            "xbar.device.programming_error.magnitude": 0.05,
        }
    adc = draw(st.sampled_from(("IdealADC", "SignMagnitudeADC", "QuantizerADC")))
    if adc != "IdealADC":
        settings |= {"xbar.adc.mvm.model": adc, "xbar.adc.mvm.bits": draw(st.integers(2, 8))}
        if blurred and draw(st.booleans()):
            settings |= {"xbar.adc.mvm.adc_range_option": "MAX"}
            settings |= {"xbar.adc.mvm.model": "QuantizerADC"} if not _bipolar(settings) else {}
        else:
            span = [float(bottom), float(top)] if adc == "QuantizerADC" else [-float(top), float(top)]
            settings |= {"xbar.adc.mvm.calibrated_range": span}
    return settings


def _bipolar(settings):
    return (
        settings.get("xbar.dac.mvm.signed", True)
        or settings["core.balanced.subtract_current_in_xbar"]
    )


@settings(max_examples=300)
@given(layer_cases(), parameter_settings(), st.integers(0, 2**31))
def test_the_simplified_chain_is_the_literal_chain(case, chosen, seed):
    case = case.in_float64()
    stock = case.stock()
    analog, literal = (
        from_torch(stock, tree(chosen, simulation__literal=on), case.bias_rows, seed=seed)
        for on in (False, True)
    )
    x = case.input().detach()
    want = literal(x).detach()
    scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
    torch.testing.assert_close(analog(x), want, rtol=0, atol=1e-10 * scale)
    torch.testing.assert_close(analog.get_matrix(), literal.get_matrix(), rtol=0, atol=0)
