"""Defects of CrossSim 3.2 that the chain does not have, by number: what needs converters."""

import numpy as np
import pytest
from analog_settings import tree

from crosssim_core import AnalogCore
from crosssim_core.errors import ParameterError

pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])
V = np.array([0.6, -1])

OFFSET = {"core.style": "OFFSET"}
UNIT = {"core.offset.style": "UNIT_COLUMN_SUBTRACTION"}
PAIRS = {"core.style": "BITSLICED", "core.weight_bits": 8}
SLICES = PAIRS | {"core.bit_sliced.style": "OFFSET"}
SIGNED = {"xbar.dac.mvm.model": "SignMagnitudeDAC", "xbar.dac.mvm.bits": 4}
UNSIGNED = {
    "xbar.dac.mvm.model": "QuantizerDAC",
    "xbar.dac.mvm.bits": 3,
    "xbar.dac.mvm.signed": False,
}
DIGITS = {"xbar.dac.mvm.input_bitslicing": True}
CIRCUITS = ("RampADC", "SarADC", "PipelineADC", "CyclicADC")


@pytest.fixture(params=[False, True], ids=["simplified", "literal"])
def literal(request):
    return request.param


def adc(model="QuantizerADC", bits=8, side="mvm", **more):
    settings = {"model": model, "bits": bits, "adc_range_option": "MAX"} | more
    return {f"xbar.adc.{side}.{name}": value for name, value in settings.items()}


@pytest.mark.parametrize("style", [{}, OFFSET | UNIT, PAIRS, SLICES, SLICES | UNIT])
@pytest.mark.parametrize("model", CIRCUITS)
def test_b07_b34_circuits_follow_the_output_lines_of_any_batch(style, model, literal):
    """In CrossSim, errors of the lines went along the batch, or met lines they did not know."""
    spread = adc(model, bits=5, sigma_comparator=0.1) | (
        {"xbar.adc.mvm.group_size": 1} if model != "RampADC" else {}
    )
    core = AnalogCore(A, tree(style, SIGNED, spread, simulation__literal=literal), seed=1)
    random = np.random.default_rng(2)
    for shape in ((3,), (3, 3), (3, 2), (4, 3, 3), (2, 3, 3, 5)):
        x = random.uniform(-1, 1, shape)
        vectors = np.moveaxis(x, -2, -1).reshape(-1, 3) if x.ndim > 1 else x[None]
        want = np.stack([core @ vector for vector in vectors])
        want = np.moveaxis(want.reshape(*shape[:-2], -1, 2), -1, -2) if x.ndim > 1 else want[0]
        np.testing.assert_allclose(core @ x, want, rtol=0, atol=1e-12)
    for shape in ((2,), (2, 2), (3, 2), (4, 2, 2), (2, 3, 5, 2)):
        x = random.uniform(-1, 1, shape)
        want = np.stack([vector @ core for vector in x.reshape(-1, 2)]).reshape(*shape[:-1], 3)
        np.testing.assert_allclose(x @ core, want, rtol=0, atol=1e-12)


def test_b07_the_unit_line_has_a_converter_of_its_own():
    core = AnalogCore(A, tree(OFFSET, UNIT, adc("RampADC", sigma_comparator=0.1)), seed=1)
    for side, lines in (("mvm", 3), ("vmm", 4)):
        (converter,) = core._plan.arrays[0].reads[side].adcs
        assert converter.model.site.lines == lines


@pytest.mark.parametrize("style", [{}, OFFSET, PAIRS, SLICES])
def test_b10_either_direction_converts_alone(style, literal):
    """In CrossSim x·A used ``adc_per_ibit`` of A·x, and no ADC where A·x had none."""
    plain = tree(style, SIGNED, DIGITS, simulation__literal=literal)
    exact = AnalogCore(A, plain)
    for side in ("mvm", "vmm"):
        seen = []
        for per_digit in (False, True):
            params = tree(
                style, SIGNED, DIGITS, {"xbar.adc.match": False},
                adc(bits=4, side=side, adc_per_ibit=per_digit), simulation__literal=literal,
            )  # fmt: skip
            core = AnalogCore(A, params)
            products = {"mvm": core @ X, "vmm": V @ core}
            other = "vmm" if side == "mvm" else "mvm"
            want = {"mvm": exact @ X, "vmm": V @ exact}[other]
            np.testing.assert_allclose(products[other], want, rtol=0, atol=1e-12)
            seen.append(products[side])
            assert np.abs(seen[-1] - {"mvm": exact @ X, "vmm": V @ exact}[side]).max() > 1e-3
        assert np.abs(seen[0] - seen[1]).max() > 1e-3


def test_b23_a_signed_quantizer_has_no_code_at_zero():
    """Kept as it is; SignMagnitudeDAC and SignMagnitudeADC have one."""
    inputs = {"xbar.dac.mvm.model": "QuantizerDAC", "xbar.dac.mvm.bits": 2}
    zero = np.zeros(3)
    np.testing.assert_allclose(AnalogCore(A, tree(inputs)) @ zero, A.sum(axis=1) / 3)
    core = AnalogCore(A, tree(adc(bits=2, adc_range_option="CALIBRATED", calibrated_range=[-3, 3])))
    np.testing.assert_allclose(np.abs(core @ zero), [1 / 0.9] * 2)
    for model in (SIGNED, adc("SignMagnitudeADC", bits=2)):
        np.testing.assert_array_equal(AnalogCore(A, tree(model)) @ zero, [0, 0])


def test_b24_digits_start_at_zero():
    """CrossSim dropped the top digit of inputs of [1, 3]: 0.267 where 0.717 is right."""
    limits = {"core.mapping.inputs.mvm.min": 1.0, "core.mapping.inputs.mvm.max": 3.0}
    wide = UNSIGNED | {"xbar.dac.mvm.bits": 4} | limits
    with pytest.raises(ParameterError, match="starting at 0"):
        AnalogCore(A, tree(wide, DIGITS))
    product = AnalogCore(A, tree(wide)) @ np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(product, [0.716666667, -1.046666667], rtol=0, atol=1e-9)


@pytest.mark.parametrize("digits", [{}, DIGITS])
def test_b25_data_driven_ranges_without_sign_use_all_codes(digits, literal):
    """In CrossSim the lower half of the codes stood for negative inputs."""
    params = tree(UNSIGNED, digits, simulation__literal=literal)
    params.core.mapping.inputs.mvm.percentile = 1.0
    product = AnalogCore(np.eye(3), params) @ np.abs(X)
    np.testing.assert_allclose(product, [1, 4 / 7, 5 / 7], rtol=0, atol=1e-12)


@pytest.mark.parametrize("digits", [{}, DIGITS])
@pytest.mark.parametrize("percentile", [0.8, 1.0, 1.5])
@pytest.mark.parametrize("style", [{}, OFFSET, OFFSET | UNIT, SLICES])
@pytest.mark.parametrize("conversion", [{}, adc()])
def test_b25_ranges_per_vector_make_a_batch_equal_single_products(
    xp, style, percentile, digits, conversion, literal
):
    params = tree(style, SIGNED, digits, conversion, simulation__literal=literal)
    params.core.mapping.inputs.mvm.percentile = percentile
    params.core.mapping.inputs.mvm.per_vector = True
    core = AnalogCore(xp.asarray(A.copy()), params)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)) * np.array([0.01, 1, 1, 100])
    batch = np.asarray(core.matmul(xp.asarray(x.copy())))
    for i in range(2):
        for k in range(4):
            single = np.asarray(core.matmul(xp.asarray(x[i, :, k].copy())))
            np.testing.assert_allclose(batch[i, :, k], single, rtol=1e-12, atol=0)
    left = np.asarray(core.rmatmul(xp.asarray(x[:, :2, :].swapaxes(1, 2).copy())))
    single = np.asarray(core.rmatmul(xp.asarray(x[1, :2, 3].copy())))
    np.testing.assert_allclose(left[1, 3], single, rtol=1e-12, atol=0)


def test_b25_ranges_of_a_call_are_common_to_its_vectors_unless_asked_otherwise():
    params = tree(SIGNED)
    params.core.mapping.inputs.mvm.percentile = 1.0
    both = np.stack((X, 100 * X), axis=1)
    assert np.abs((AnalogCore(A, params) @ both)[:, 0] - A @ X).max() > 0.5
    params.core.mapping.inputs.mvm.per_vector = True
    assert np.abs((AnalogCore(A, params) @ both)[:, 0] - A @ X).max() < 0.1


def test_b25_vectors_of_zeros_have_products_of_zero(literal):
    params = tree(SIGNED, simulation__literal=literal)
    params.core.mapping.inputs.mvm.percentile = 1.0
    params.core.mapping.inputs.mvm.per_vector = True
    np.testing.assert_array_equal(AnalogCore(A, params) @ np.zeros((3, 2)), np.zeros((2, 2)))


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_b38_sign_magnitude_converters_have_one_level_less_than_a_power_of_two(bits):
    """The documentation of CrossSim speaks of half as many."""
    levels = 2**bits - 1
    span = adc("SignMagnitudeADC", bits, adc_range_option="CALIBRATED")
    span["xbar.adc.mvm.calibrated_range"] = [-0.9, 0.9]
    x = np.linspace(-1.2, 1.2, 4001)[:, None]
    out = (AnalogCore(np.eye(1), tree(span)) @ x.T)[0]
    np.testing.assert_allclose(np.unique(np.round(out, 9)), np.linspace(-1, 1, levels), atol=1e-8)
    inputs = {"xbar.dac.mvm.model": "SignMagnitudeDAC", "xbar.dac.mvm.bits": bits}
    out = (AnalogCore(np.eye(1), tree(inputs)) @ x.T)[0]
    np.testing.assert_allclose(np.unique(np.round(out, 9)), np.linspace(-1, 1, levels), atol=1e-8)
