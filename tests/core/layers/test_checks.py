"""What layers without a framework refuse, and the type of what they return."""

from dataclasses import replace

import numpy as np
import pytest
from analog_settings import tree

from crosssim_core import AnalogCore, AnalogLayer, ConvLayout, LinearLayout
from crosssim_core.errors import (
    ArrayLibraryError,
    CrossSimError,
    DeviceUnavailableError,
    OperationError,
    ParameterError,
    ShapeError,
    UnsupportedError,
)
from crosssim_core.layers import CellLayout, ConvTransposeLayout
from crosssim_core.parameters import OutputDType

CONV = {
    "in_channels": 2,
    "out_channels": 4,
    "kernel_size": (3, 2),
    "stride": (1, 1),
    "padding": ((0, 0), (0, 0)),
    "dilation": (1, 1),
    "groups": 2,
}
TRANSPOSED = CONV | {"padding": (0, 0), "output_padding": (0, 0)}
WEIGHT = np.linspace(-1, 1, 12).reshape(3, 4)
BIAS = np.array([0.5, -0.5, 0.25])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("padding_mode", "foo"),
        ("bias_rows", -1),
        ("bias_rows", True),
        ("in_channels", -1),
        ("out_channels", 2.0),
        ("kernel_size", (0, 1)),
        ("stride", (0, 1)),
        ("stride", (1,)),
        ("stride", 1),
        ("dilation", (1, 0)),
        ("padding", ((0, 0), (0, -1))),
        ("padding", ((0, 0),)),
        ("padding", (1, 1)),
        ("padding", "same"),
        ("groups", 0),
        ("groups", 3),
    ],
)
def test_a_convolution_refuses_a_geometry_that_it_cannot_have(name, value):
    with pytest.raises(ParameterError) as caught:
        ConvLayout(**(CONV | {name: value}))
    assert caught.value.path == name
    assert str(value) in str(caught.value) or repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bias_rows", -1),
        ("kernel_size", (0, 1)),
        ("stride", (0, 1)),
        ("padding", (1,)),
        ("padding", (-1, 0)),
        ("output_padding", (1, 0)),
        ("dilation", (0, 1)),
        ("groups", 3),
    ],
)
def test_a_transposed_convolution_refuses_a_geometry_that_it_cannot_have(name, value):
    with pytest.raises(ParameterError) as caught:
        ConvTransposeLayout(**(TRANSPOSED | {name: value}))
    assert caught.value.path == name


@pytest.mark.parametrize("make", [LinearLayout, lambda n, m, **o: CellLayout.of("gru", n, m)])
def test_a_layer_has_a_number_of_features(make):
    with pytest.raises(ParameterError, match="must be an integer of at least 0, got -1"):
        make(-1, 3)
    with pytest.raises(ParameterError, match=r"must be an integer of at least 0, got 3\.5"):
        make(1, 3.5)


@pytest.mark.parametrize("bias_rows", [0, 1])
@pytest.mark.parametrize(
    ("layout", "weight", "bias"),
    [
        (LinearLayout(4, 3), (4, 3), (3,)),
        (LinearLayout(4, 3), (12,), (3,)),
        (LinearLayout(4, 3), (3, 4), (1,)),
        (LinearLayout(4, 3), (3, 4), (3, 1)),
        (LinearLayout(4, 3), (3, 4), (4,)),
        (ConvLayout(**CONV), (4, 1, 2, 3), (4,)),
        (ConvLayout(**CONV), (4, 6), (4,)),
        (ConvLayout(**CONV), (4, 2, 3, 2), (4,)),
        (ConvLayout(**CONV), (4, 1, 3, 2), (1,)),
        (ConvTransposeLayout(**TRANSPOSED), (4, 1, 3, 2), (4,)),
        (ConvTransposeLayout(**TRANSPOSED), (2, 2, 3, 2), (1,)),
    ],
)
def test_a_variable_of_another_shape_is_neither_reshaped_nor_broadcast(
    xp, layout, weight, bias, bias_rows
):
    layout = replace(layout, bias_rows=bias_rows)
    with pytest.raises(ShapeError, match=r"takes a (weight|bias) of shape \(.*\), got \("):
        AnalogLayer.program(layout, xp.ones(weight), xp.ones(bias))


@pytest.mark.parametrize("number", range(4))
def test_a_cell_takes_each_variable_in_its_own_shape(number):
    layout = CellLayout.of("lstm", 2, 3, rows=(1, 1))
    variables = [np.ones(shape) for shape in ((12, 2), (12, 3), (12,), (12,))]
    layout.matrix(*variables)
    variables[number] = variables[number][:1]
    with pytest.raises(ShapeError, match=r"takes a (weight|bias)_[ih]h of shape"):
        layout.matrix(*variables)


def test_a_gpu_that_is_asked_for_and_not_there_is_an_error():
    params = tree(simulation__useGPU=True, simulation__gpu_id=99)
    with pytest.raises(DeviceUnavailableError, match=r"simulation\.useGPU"):
        AnalogLayer.program(LinearLayout(4, 3), WEIGHT, BIAS, params)


@pytest.mark.parametrize(
    ("weight", "bias", "error"),
    [
        ([["a"] * 4] * 3, BIAS, OperationError),
        (WEIGHT, ["a"] * 3, OperationError),
        (WEIGHT + 0j, BIAS, UnsupportedError),
        (WEIGHT, BIAS * 1j, UnsupportedError),
        (WEIGHT * np.nan, BIAS, ParameterError),
    ],
)
def test_a_layer_is_made_of_real_numbers(weight, bias, error):
    with pytest.raises(error):
        AnalogLayer.program(LinearLayout(4, 3), weight, bias)


@pytest.mark.parametrize("params", [[], {}, 3, "ISAAC", tree().core])
def test_a_layer_takes_no_parameters_of_another_kind(params):
    with pytest.raises(ParameterError, match="one CrossSimParameters for all arrays"):
        AnalogLayer.program(LinearLayout(4, 3), WEIGHT, BIAS, params)


def test_arrays_and_inputs_belong_to_one_library():
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
    layer = AnalogLayer.program(LinearLayout(4, 3), WEIGHT, BIAS)
    with pytest.raises(ArrayLibraryError, match=r"numpy .* array_api_strict"):
        layer(strict.ones(4))
    with pytest.raises(CrossSimError):
        AnalogLayer.program(LinearLayout(4, 3), WEIGHT, strict.ones(3))


@pytest.mark.parametrize("rule", OutputDType)
@pytest.mark.parametrize("bias_rows", [None, 0, 1])
def test_the_type_of_a_result_is_that_of_the_core_with_the_same_matrix(xp, rule, bias_rows):
    """The parameter had no effect; the output had the type of the input."""
    params = tree(core__output_dtype=rule)
    if not hasattr(xp, rule.name.lower()) and rule > OutputDType.INPUT:
        pytest.skip(f"{xp.__name__} has no {rule.name}")
    layout = LinearLayout(4, 3, bias=bias_rows is not None, bias_rows=bias_rows or 0)
    for of_weight in (xp.float32, xp.float64, xp.int8):
        weight = xp.asarray(3 * WEIGHT, dtype=of_weight)
        bias = None if bias_rows is None else xp.asarray(2 * BIAS, dtype=of_weight)
        layer = AnalogLayer.program(layout, weight, bias, params)
        core = AnalogCore(weight, params)
        for of_input in (xp.float32, xp.float64, xp.int16):
            x = xp.asarray([1, 0, -1, 1], dtype=of_input)
            y = layer(x)
            assert y.dtype == (core @ x).dtype
            want = np.asarray(weight, dtype=float) @ [1, 0, -1, 1]
            want = want + (0 if bias is None else np.asarray(bias, dtype=float))
            rounded = np.rint(want) if "int" in str(y.dtype) else want
            np.testing.assert_allclose(np.asarray(y, dtype=float), rounded, rtol=2e-3, atol=1e-3)
