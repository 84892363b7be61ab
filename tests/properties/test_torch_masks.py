"""Masked derivatives are the same through both chains, whatever is clipped."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")
pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import ERRORS, tree  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_cases import (  # noqa: E402
    assert_all_close,
    cell_cases,
    conv_cases,
    derivatives,
    every_layer,
    transposed_cases,
)

from crosssim_torch import LayerOptions, from_torch  # noqa: E402

# What PyTorch says of the copy that its own padding='same' makes, and of its own projections.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.filterwarnings("ignore:LSTM with projections"),
]

FINE = {"xbar.dac.mvm.model": "SignMagnitudeDAC", "xbar.dac.mvm.bits": 24}
"""A DAC whose steps are so small that none of the chains sees another output beyond a limit."""

inputs = st.sampled_from(
    (
        {},
        FINE | {"core.mapping.inputs.mvm.min": -0.7, "core.mapping.inputs.mvm.max": 0.7},
        FINE | {"core.mapping.inputs.mvm.percentile": 0.63},
        FINE
        | {"core.mapping.inputs.mvm.percentile": 0.63, "core.mapping.inputs.mvm.per_vector": True},
    )
)

RANGE = "xbar.adc.mvm.calibrated_range"


def adc(model, low, high, bits, **more):
    own = {f"xbar.adc.mvm.{name}": value for name, value in {"bits": bits, **more}.items()}
    return {"xbar.adc.mvm.model": model, RANGE: [low, high], **own}


# Ranges without zero, beyond which lines lie that no data drive.
adcs = st.sampled_from(
    (
        {},
        adc("SignMagnitudeADC", -0.6, 0.6, 24),
        adc("QuantizerADC", 0.05, 0.6, 24),
        adc("SarADC", -0.5, 0.6, 6, sigma_capacitor=0.03, sigma_comparator=0.02, group_size=2),
        adc("SarADC", -0.7, -0.1, 6, sigma_capacitor=0.03, sigma_comparator=0.02, group_size=3),
    )
)
styles = st.sampled_from(
    (
        {},
        {"core.rows_max": 3},
        {"core.balanced.interleaved_posneg": True},
        {"core.balanced.interleaved_posneg": True, "core.rows_max": 3, "core.cols_max": 2},
        {"core.style": "OFFSET"},
        {"core.style": "BITSLICED", "core.weight_bits": 5},
    )
)


def check(case, chosen, groups, seed):
    """Both chains give the same derivatives, when a layer is first read and thereafter."""
    options, layers = LayerOptions(gradient="masked", groups=groups), []
    for literal in (False, True):
        params = tree(chosen, simulation__literal=literal)
        layers.append(from_torch(case.stock(), params, case.bias_rows, seed=seed, options=options))
    for _ in range(2):
        got, want = (derivatives(layer, case) for layer in layers)
        assert_all_close(got, want, 1e-5)


@given(
    every_layer(),
    inputs,
    adcs,
    styles,
    st.sampled_from((0.0, 0.6, 2.0)),
    st.sampled_from(("dense", "packed")),
    st.integers(0, 2**31),
)
def test_masked_derivatives_are_those_of_the_literal_chain(
    case, dac, adc, style, limit, groups, seed
):
    if adc and style.get("core.style") == "BITSLICED":
        adc = adc | {RANGE: [adc[RANGE]] * 2}
    chosen = ERRORS | dac | adc | style | {"xbar.array.Icol_max": limit}
    check(case.in_float64(), chosen, groups, seed)


pairs = st.sampled_from(("interleaved_posneg", "subtract_current_in_xbar"))


@settings(max_examples=200)
@given(
    conv_cases() | transposed_cases() | cell_cases(),
    adcs,
    st.sampled_from((0, 2, 3, 5)),
    st.sampled_from((0, 2, 4)),
    pairs,
    st.integers(0, 2**31),
)
def test_zeros_that_are_left_out_mask_what_they_mask_in_the_literal_chain(
    case, adc, rows_max, cols_max, pair, seed
):
    sizes = {"core.rows_max": rows_max, "core.cols_max": cols_max}
    limit = 0.6 if pair == "interleaved_posneg" else 0.0
    own = {f"core.balanced.{pair}": True, "xbar.array.Icol_max": limit}
    if pair == "interleaved_posneg":
        own["core.balanced.subtract_current_in_xbar"] = True
    check(case.in_float64(), ERRORS | adc | sizes | own, "dense", seed)
