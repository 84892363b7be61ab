"""What the names of the ADC ranges promise, for every way to hold and to apply numbers."""

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import tree
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from watch import Watch

from crosssim_core import AnalogCore
from crosssim_core._array import as_host, installed_namespaces

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

PLAIN = ("QuantizerADC", "SignMagnitudeADC")
libraries = st.sampled_from([*installed_namespaces().values()])
CIRCUITS = ("RampADC", "SarADC", "PipelineADC", "CyclicADC")


@st.composite
def arrays(draw, levels):
    """Any style; with ``levels``, cells that are not continuous."""
    style = draw(st.sampled_from(("BALANCED", "OFFSET", "BITSLICED")))
    slice_style = draw(st.sampled_from(("BALANCED", "OFFSET")))
    pairs = "BALANCED" in (style, slice_style if style == "BITSLICED" else style)
    interleaved = draw(st.booleans())
    bits = st.integers(2 if style == "OFFSET" else 1, 7)
    continuous = style == "BITSLICED" or not levels
    return {
        "core.style": style,
        "core.weight_bits": draw(st.integers(2, 9)),
        "core.balanced.style": draw(st.sampled_from(("ONE_SIDED", "TWO_SIDED"))),
        "core.balanced.interleaved_posneg": interleaved,
        "core.balanced.subtract_current_in_xbar": (interleaved and pairs) or draw(st.booleans()),
        "core.bit_sliced.style": slice_style,
        "core.bit_sliced.num_slices": draw(st.integers(1, 5)),
        "core.offset.style": draw(st.sampled_from(("DIGITAL_OFFSET", "UNIT_COLUMN_SUBTRACTION"))),
        "core.rows_max": draw(st.sampled_from((0, 3))),
        "xbar.device.cell_bits": draw(st.just(0) | bits if continuous else bits),
        "xbar.device.Rmax": draw(st.floats(1.5e3, 1e6)),
        "xbar.device.infinite_on_off_ratio": draw(st.booleans()),
    }


@st.composite
def digits(draw):
    """A DAC that feeds inputs digit by digit."""
    signed = draw(st.booleans())
    return {
        "xbar.dac.mvm.model": "SignMagnitudeDAC" if signed else "QuantizerDAC",
        "xbar.dac.mvm.bits": draw(st.integers(2, 8)),
        "xbar.dac.mvm.signed": signed,
        "xbar.dac.mvm.input_bitslicing": True,
        "xbar.dac.mvm.slice_size": draw(st.integers(1, 5)),
        "core.mapping.inputs.mvm.min": -1.0 if signed else 0.0,
    }


def steps(params, inputs):
    """Steps of cells and digits that the largest current of a line is made of."""
    core, device = params.core, params.xbar.device
    cell_bits = device.cell_bits
    if core.style.name == "BITSLICED" and not cell_bits:
        bits, count = core.weight_bits, core.bit_sliced.num_slices
        cell_bits = -(-(bits - core.has_pairs * (bits % count > 0)) // count)
    return inputs * (2**cell_bits - 1) * (2**params.xbar.dac.mvm.slice_size - 1)


def values(seed, m, n):
    """A matrix and vectors for both sides that reach full scale in places."""
    random = np.random.default_rng(seed)
    parts = [np.clip(random.normal(size=shape), -1, 1) for shape in ((m, n), (n, 3), (3, m))]
    if seed % 3 == 0:
        parts = [np.sign(part) for part in parts]
    if seed % 3 == 1:
        parts = [np.abs(np.sign(part)) for part in parts]
    return parts


@settings(max_examples=400)
@given(
    array=arrays(levels=True),
    dac=digits(),
    model=st.sampled_from((*PLAIN, *PLAIN, *CIRCUITS)),
    m=st.integers(1, 5),
    n=st.integers(1, 7),
    seed=st.integers(0, 999),
    literal=st.booleans(),
    xp=libraries,
)
def test_b21_granular_loses_nothing_with_just_enough_bits(
    array, dac, model, m, n, seed, literal, xp
):
    """The bits hold the largest current, counted in steps of cells and digits, and a sign."""
    exact = tree(array, dac, simulation__literal=literal)
    adc = {"model": model, "adc_per_ibit": True, "adc_range_option": "GRANULAR"}
    largest = steps(exact, max(m, n) if not exact.core.rows_max else max(m, 3))
    granular = exact.copy()
    granular.update({f"xbar.adc.mvm.{name}": value for name, value in adc.items()})
    granular.xbar.adc.mvm.bits = largest.bit_length() + 1
    assume(model in PLAIN or granular.xbar.adc.mvm.bits <= 10)
    matrix, right, left = values(seed, m, n)
    ideal, core = AnalogCore(matrix, exact), AnalogCore(xp.asarray(matrix), granular)
    products = core.matmul(xp.asarray(right)), core.rmatmul(xp.asarray(left))
    for got, want in zip(products, (ideal @ right, left @ ideal), strict=True):
        np.testing.assert_allclose(as_host(got), want, rtol=0, atol=1e-10)


@settings(max_examples=400)
@given(
    array=arrays(levels=False),
    model=st.sampled_from(("IdealDAC", "SignMagnitudeDAC", "QuantizerDAC")),
    bits=st.sampled_from((0, 2, 4, 7)),
    signed=st.booleans(),
    digits=st.booleans(),
    limits=st.sampled_from(((-1.0, 1.0), (0.0, 1.0), (-0.5, 2.0), (0.5, 1.5), (1.0, 3.0))),
    adc_bits=st.integers(1, 10),
    m=st.integers(1, 9),
    n=st.integers(1, 9),
    seed=st.integers(0, 999),
    xp=libraries,
)
def test_b22_max_is_a_bound_that_no_current_exceeds(
    array, model, bits, signed, digits, limits, adc_bits, m, n, seed, xp
):
    low, high = limits
    if model == "SignMagnitudeDAC":
        signed, low = True, -high
    if model == "QuantizerDAC" and not signed:
        low = max(low, 0.0)
    sliceable = model == "SignMagnitudeDAC" or (model == "QuantizerDAC" and not signed and low == 0)
    params = tree(
        array,
        {"xbar.dac.mvm.model": model, "xbar.dac.mvm.bits": bits, "xbar.dac.mvm.signed": signed},
        {"core.mapping.inputs.mvm.min": low, "core.mapping.inputs.mvm.max": high},
        {"xbar.dac.mvm.input_bitslicing": digits and sliceable and bits > 0},
        {"xbar.adc.mvm.model": "QuantizerADC", "xbar.adc.mvm.bits": adc_bits},
        {"xbar.adc.mvm.adc_range_option": "MAX", "xbar.adc.mvm.adc_per_ibit": seed % 2 == 0},
        simulation__literal=True,
    )
    params.xbar.adc.mvm.adc_per_ibit &= params.xbar.dac.mvm.input_bitslicing
    matrix, right, left = values(seed, m, n)
    core = AnalogCore(xp.asarray(matrix), params)
    watched = [Watch(core, side) for side in ("mvm", "vmm")]
    for x in (right, left):
        x *= high
        np.clip(x, low, high, out=x)
    core.matmul(xp.asarray(right)), core.rmatmul(xp.asarray(left))
    for watch in watched:
        assert all(adc.excess() <= 1e-12 for adc in watch.adcs())
