"""Products that were computed by hand or with CrossSim 3.2, of cores with converters."""

import numpy as np
import pytest
from analog_settings import tree
from watch import Watch

from crosssim_core import AnalogCore

pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])
V = np.array([0.6, -1])


@pytest.fixture(params=[False, True], ids=["simplified", "literal"])
def literal(request):
    return request.param


def dac(model, bits, size=None, **more):
    """A DAC; it slices inputs if a slice size is given."""
    settings = {"xbar.dac.mvm.model": model, "xbar.dac.mvm.bits": bits}
    if size is not None:
        settings |= {"xbar.dac.mvm.input_bitslicing": True, "xbar.dac.mvm.slice_size": size}
    return settings | {f"xbar.dac.mvm.{name}": value for name, value in more.items()}


def adc(model, bits, limits="MAX", **more):
    """An ADC of a calibrated range or with the name of a rule for it."""
    rule = "adc_range_option" if isinstance(limits, str) else "calibrated_range"
    settings = {"model": model, "bits": bits, rule: limits} | more
    return {f"xbar.adc.mvm.{name}": value for name, value in settings.items()}


def limits(low, high):
    return {"core.mapping.inputs.mvm.min": low, "core.mapping.inputs.mvm.max": high}


def sliced(style, bits=4, slices=2, cell_bits=0):
    return {
        "core.style": "BITSLICED",
        "core.bit_sliced.style": style,
        "core.bit_sliced.num_slices": slices,
        "core.weight_bits": bits,
        "xbar.device.cell_bits": cell_bits,
    }


SM, SMA, Q, QA = "SignMagnitudeDAC", "SignMagnitudeADC", "QuantizerDAC", "QuantizerADC"
PER_DIGIT = {"xbar.adc.mvm.adc_per_ibit": True}
OFFSET = {"core.style": "OFFSET"}
UNIT = {"core.offset.style": "UNIT_COLUMN_SUBTRACTION"}
DIGITAL = {"core.balanced.subtract_current_in_xbar": False}
PERCENTILE = {"core.mapping.inputs.mvm.percentile": 0.9}

INPUTS = {
    "sign and magnitude": (dac(SM, 3), X, (1.333333333, -0.633333333)),
    "the same in digits of 1 bit": (dac(SM, 3, 1), X, (1.333333333, -0.633333333)),
    "limits of 2": (dac(SM, 3) | limits(-2.0, 2.0), 2.5 * X, (3.166666667, -2.466666667)),
    "6 bits in digits of 2": (dac(SM, 6, 2), X, (1.427419355, -0.829032258)),
    "6 bits in digits of 3": (dac(SM, 6, 3), X, (1.427419355, -0.829032258)),
    "quantizer with a sign": (dac(Q, 2), (0, 0.5, -1), (-0.083333333, 1.366666667)),
    "quantizer with limits of its own": (
        dac(Q, 3) | limits(-1.0, 3.0),
        (-1, 0.5, 3.2),
        (-0.607142857, -2.728571429),
    ),
    "quantizer without a sign": (
        dac(Q, 3, signed=False) | limits(0.0, 2.0),
        (1.9, 0.5, -0.3),
        (1.714285714, 1.057142857),
    ),
    "percentile": (dac(SM, 3) | PERCENTILE, (0.1, 0.2, 0.9), (0.063333333, -0.557333333)),
}


@pytest.mark.parametrize("example", INPUTS)
def test_inputs_are_converted_as_in_the_examples(xp, example, literal):
    chosen, x, want = INPUTS[example]
    core = AnalogCore(xp.asarray(A.copy()), tree(chosen, simulation__literal=literal))
    product = np.asarray(core @ xp.asarray(np.array(x, dtype=np.float64)))
    np.testing.assert_allclose(product, want, rtol=0, atol=2e-9)


def test_vectors_of_one_call_share_a_data_driven_range(literal):
    params = tree(dac(SM, 3), simulation__literal=literal)
    params.core.mapping.inputs.mvm.percentile = 1.0
    product = AnalogCore(A, params) @ np.stack((X, 4 * X), axis=1)
    want = [[1.666666667, 5.333333333], [-0.933333333, -2.533333333]]
    np.testing.assert_allclose(product, want, rtol=0, atol=1e-9)


OUTPUTS = {
    "sign and magnitude": (adc(SMA, 4, [-2.0, 2.0]), (1.587301587, -0.952380952)),
    "digital subtraction": (
        adc(QA, 4, [-2.2, 2.2]) | DIGITAL,
        (1.629629630, -0.651851852),
    ),
    "accumulated digits": (
        dac(SM, 4, 2) | adc(SMA, 4, [-2.0, 2.0]),
        (1.269841270, -0.634920635),
    ),
    "single digits": (
        dac(SM, 4, 2) | adc(SMA, 4, [-2.0, 2.0]) | PER_DIGIT,
        (1.224489796, -0.952380952),
    ),
    "saturation of single digits": (
        dac(SM, 4, 2) | {"xbar.array.Icol_max": 0.3},
        (0.730158730, -0.558730159),
    ),
    "offset with unit line": (OFFSET | UNIT | adc(QA, 8, [-3.0, 3.0]), (1.411764706, -0.888888889)),
    "slices with unit line, per digit": (  # P-A
        sliced("OFFSET", cell_bits=2)
        | UNIT
        | dac(SM, 3, 1)
        | adc(SMA, 5, [[-20 / 3, 20 / 3]] * 2)
        | PER_DIGIT,
        (1.552028219, -0.564373898),
    ),
    "slices with digital offset, accumulated": (  # P-B
        sliced("OFFSET", cell_bits=2) | dac(SM, 3, 1) | adc(SMA, 5, "MAX"),
        (1.333333333, -0.571428571),
    ),
    "slices of pairs, digitally subtracted": (  # P-C
        sliced("BALANCED", cell_bits=2)
        | DIGITAL
        | dac(SM, 4, 2)
        | adc(SMA, 5, [[-2.0, 2.0], [-1.0, 1.0]])
        | PER_DIGIT,
        (1.496598639, -0.952380952),
    ),
    "offset with the largest range": (  # P-D
        OFFSET | dac(SM, 4) | adc(QA, 6, "MAX"),
        (1.497354497, -0.830687831),
    ),
}


@pytest.mark.parametrize("example", OUTPUTS)
def test_currents_are_converted_as_in_the_examples(xp, example, literal):
    chosen, want = OUTPUTS[example]
    core = AnalogCore(xp.asarray(A.copy()), tree(chosen, simulation__literal=literal))
    product = np.asarray(core @ xp.asarray(X.copy()))
    np.testing.assert_allclose(product, want, rtol=0, atol=1e-9)


SEEN = {
    "sign and magnitude": (OUTPUTS["sign and magnitude"], [[(1.29375, -0.765)]]),
    "digital subtraction": (
        OUTPUTS["digital subtraction"],
        [[(1.19375, 0.035), (-0.1, 0.8)]],
    ),
    "accumulated digits": (OUTPUTS["accumulated digits"], [[(1.253571429, -0.681428571)]]),
    "single digits": (OUTPUTS["single digits"], [[(1.425, -0.75), (0.375, -0.21)]]),
    "offset with unit line": (OUTPUTS["offset with unit line"], [[(0.6875, 1.334375, 0.305)]]),
    "P-A": (
        OUTPUTS["slices with unit line, per digit"],
        [[(0, 0.9, 0), (0.2, 1.7, 1.1)], [(0, 0.6, -0.3), (1.4, 1.7, 0.8)]],
    ),
    "P-C": (
        OUTPUTS["slices of pairs, digitally subtracted"],
        [
            [
                (1.133333333, 0.033333333), (0.033333333, 0.333333333),
                (0.566666667, 0.266666667), (0.066666667, 0.366666667),
            ],
            [
                (0.333333333, -0.266666667), (-0.266666667, 0.133333333),
                (0.166666667, 0.066666667), (0.066666667, 0.166666667),
            ],
        ],
    ),
}  # fmt: skip
"""What the ADC of each slice is given, one after the other: digits, and for each both signs."""


@pytest.mark.parametrize("example", SEEN)
def test_the_adcs_are_given_the_currents_of_the_examples(example):
    (chosen, _), want = SEEN[example]
    core = AnalogCore(A, tree(chosen, simulation__literal=True))
    watch = Watch(core, "mvm")
    core @ X
    for adc, currents in zip(watch.adcs(), want, strict=True):
        np.testing.assert_allclose(adc.seen, currents, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("low", "high", "signed", "want"),
    [(-1.0, 3.0, True, (-0.5, 1.5)), (1.0, 3.0, False, (0.5, 1.5)), (-2.0, 2.0, True, (-1, 1))],
)
def test_a_quantizer_covers_the_scaled_limits_of_the_inputs(low, high, signed, want):
    core = AnalogCore(A, tree(dac(Q, 3, signed=signed) | limits(low, high)))
    levels = core._plan.arrays[0].reads["mvm"].path.dac.uniform
    np.testing.assert_allclose((levels.low, levels.high), want, rtol=0, atol=1e-15)


LEFT = {
    "balanced": (dac(SM, 3), (0.366666667, -1.133333333, 1.166666667)),
    "offset": (OFFSET | dac(SM, 3), (0.366666667, -1.133333333, 1.166666667)),
    "offset with unit line": (
        OFFSET | UNIT | dac(SM, 3),
        (0.366666667, -1.133333333, 1.166666667),
    ),
    "slices of pairs": (sliced("BALANCED") | dac(SM, 3), (0.380952381, -1.238095238, 1.190476190)),
    "slices with offset": (sliced("OFFSET") | dac(SM, 3), (0.380952381, -1.238095238, 1.190476190)),
    "slices with unit line": (
        sliced("OFFSET") | UNIT | dac(SM, 3),
        (0.380952381, -1.238095238, 1.190476190),
    ),
    "limits of 4": (
        dac(SM, 3)
        | {"core.mapping.inputs.match": False}
        | {"core.mapping.inputs.vmm.min": -4.0, "core.mapping.inputs.vmm.max": 4.0},
        (-0.4, -1.066666667, 1.333333333),
    ),
    "P-B": (
        sliced("OFFSET", cell_bits=2) | dac(SM, 3, 1) | adc(SMA, 5, "MAX"),
        (0.460317460, -1.126984127, 1.306878307),
    ),
    "P-D": (
        OFFSET | dac(SM, 4) | adc(QA, 6, "MAX"),
        (0.312169312, -1.098765432, 1.158730159),
    ),
}


@pytest.mark.parametrize("example", LEFT)
def test_products_from_the_left_are_those_of_the_examples(xp, example, literal):
    chosen, want = LEFT[example]
    core = AnalogCore(xp.asarray(A.copy()), tree(chosen, simulation__literal=literal))
    product = np.asarray(core.rmatmul(xp.asarray(V.copy())))
    np.testing.assert_allclose(product, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("rows_max", "want"),
    [(0, (1.587301587, -0.952380952)), (2, (1.587301587, -0.634920635))],
)
def test_every_array_converts_its_own_part_of_the_product(rows_max, want, literal):
    matrix = np.array([[1, -0.5, 0.25, 0.6], [0.3, 0.8, -1, -0.2]])
    params = tree(adc(SMA, 4, [-2.0, 2.0]), core__rows_max=rows_max, simulation__literal=literal)
    product = AnalogCore(matrix, params) @ np.array([1, -0.5, 0.75, 0.2])
    np.testing.assert_allclose(product, want, rtol=0, atol=1e-9)


def test_a_whole_core_gives_the_number_of_the_example(literal):
    core = AnalogCore(
        np.array([[0.5, -1, 0.25]]), tree(adc(SMA, 4, "MAX"), simulation__literal=literal)
    )
    np.testing.assert_allclose(core @ np.array([1, -0.5, 0.2]), [0.95238095], rtol=0, atol=1e-8)
