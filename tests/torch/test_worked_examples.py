"""Small layers whose every number was computed independently, in float64."""

import pytest
import torch
from analog_settings import tree
from torch import tensor

from crosssim_torch import (
    AnalogConv2d,
    AnalogGRUCell,
    AnalogLinear,
    AnalogLSTMCell,
    AnalogRNNCell,
    from_torch,
)

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

CELLS = {
    "xbar.device.Rmin": 1e4,
    "xbar.device.Rmax": 1e6,
    "xbar.device.cell_bits": 7,
    "xbar.dac.mvm.bits": 8,
    "xbar.adc.mvm.bits": 8,
    "xbar.adc.mvm.model": "SignMagnitudeADC",
}


def signed(limit, adc):
    """Sign-magnitude converters over ±limit and ±adc."""
    return CELLS | {
        "xbar.dac.mvm.model": "SignMagnitudeDAC",
        "core.mapping.inputs.mvm.min": -limit,
        "core.mapping.inputs.mvm.max": limit,
        "xbar.adc.mvm.calibrated_range": [-adc, adc],
    }


ASYMMETRIC = signed(1.0, 2.0) | {
    "xbar.adc.mvm.model": "QuantizerADC",
    "xbar.adc.mvm.calibrated_range": [-1.2, 1.7],
}
UNSIGNED = CELLS | {
    "xbar.dac.mvm.model": "QuantizerDAC",
    "xbar.dac.mvm.signed": False,
    "core.mapping.inputs.mvm.min": 0.0,
    "core.mapping.inputs.mvm.max": 1.0,
    "xbar.adc.mvm.calibrated_range": [-2.0, 2.0],
}

W = tensor([[0.30, -0.72, 0.11, 0.55], [-0.48, 0.05, 0.93, -0.27], [0.66, 0.81, -0.39, -0.14]])
B = tensor([0.24, -0.51, 0.37])
X = tensor([[0.13, -0.57, 0.82, 0.34], [-0.91, 0.44, 0.06, 1.30]])

LINEAR_LEVELS = [[41, -98, 15, 75], [-66, 7, 127, -37], [90, 111, -53, -19]]

LINEAR = {
    "digital bias": (
        0,
        signed(1.0, 2.0),
        [[], [], []],
        [[0.9648868, 0.0669506, -0.3696802], [0.2104128, -0.2585086, -0.0442210]],
    ),
    "one bias row": (
        1,
        signed(1.0, 2.0),
        [[33], [-70], [51]],
        [[0.9615843, 0.0591744, -0.3698402], [0.2071104, -0.2662849, -0.0295872]],
    ),
    "two bias rows": (
        2,
        signed(1.0, 2.0),
        [[16, 16], [-35, -35], [25, 25]],
        [[0.9615843, 0.0591744, -0.3698402], [0.2071104, -0.2662849, -0.0443808]],
    ),
    "bias drive clips": (
        1,
        signed(0.5, 3.0),
        [[33], [-70], [51]],
        [[0.7544740, 0.0332857, -0.3772369], [-0.0665712, -0.0776664, 0.1220473]],
    ),
    "asymmetric ADC": (
        0,
        ASYMMETRIC,
        [[], [], []],
        [[0.9609386, 0.0613724, -0.3726738], [0.2024242, -0.2591266, -0.0414915]],
    ),
}

KERNELS = tensor(
    [
        [[[0.52, -0.31], [0.08, 0.77]]],
        [[[-0.64, 0.19], [0.45, -0.12]]],
        [[[0.27, 0.36], [-0.83, 0.05]]],
        [[[0.91, -0.22], [0.14, -0.58]]],
    ]
)
KERNEL_BIAS = tensor([0.12, -0.34, 0.56, -0.07])
IMAGE = ((7 * torch.arange(18) + 3) % 19 / 19).reshape(1, 2, 3, 3)

CONV_LEVELS = [
    [73, -43, 11, 107, 0, 0, 0, 0],
    [-89, 27, 63, -17, 0, 0, 0, 0],
    [0, 0, 0, 0, 38, 50, -116, 7],
    [0, 0, 0, 0, 127, -31, 20, -81],
]
CONV = {
    0: (
        [[], [], [], []],
        [
            [[0.2358037, 0.8437733], [0.3226564, 0.5832148]],
            [[-0.3544755, -0.2097209], [-0.3400000, -0.4268528]],
            [[0.5889509, -0.1348222], [0.8060830, 0.9074112]],
            [[-0.3450338, -0.0700000], [-0.5911167, 0.4800676]],
        ],
    ),
    1: (
        [[17], [-47], [78], [-10]],
        [
            [[0.2460830, 0.8540524], [0.3184603, 0.5934939]],
            [[-0.3618867, -0.2026565], [-0.3329356, -0.4197885]],
            [[0.5790185, -0.1302792], [0.7961506, 0.9119542]],
            [[-0.3474112, -0.0723773], [-0.5934941, 0.4921657]],
        ],
    ),
}


def linear(bias_rows, settings):
    stock = torch.nn.Linear(4, 3)
    stock.load_state_dict({"weight": W, "bias": B})
    return from_torch(stock, tree(settings), bias_rows)


def conv(bias_rows, settings):
    stock = torch.nn.Conv2d(2, 4, 2, stride=2, padding=1, groups=2)
    stock.load_state_dict({"weight": KERNELS, "bias": KERNEL_BIAS})
    return from_torch(stock, tree(settings), bias_rows)


def close(got, want, tolerance=1e-6):
    torch.testing.assert_close(got, torch.as_tensor(want), rtol=0, atol=tolerance)


def joined(levels, bias_levels):
    return tensor([a + b for a, b in zip(levels, bias_levels, strict=True)], dtype=torch.float32)


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
@pytest.mark.parametrize("example", LINEAR)
def test_a_linear_layer_gives_the_numbers_of_the_example(example, literal):
    bias_rows, settings, bias_levels, output = LINEAR[example]
    layer = linear(bias_rows, settings | {"simulation.literal": literal})
    assert isinstance(layer, AnalogLinear)
    close(layer.get_matrix() * 127 / 0.93, joined(LINEAR_LEVELS, bias_levels), 2e-5)
    close(layer(X), output)


def test_the_programmed_weights_of_the_linear_example_are_its_levels():
    weight, bias = linear(0, signed(1.0, 2.0)).get_core_weights()
    close(
        weight,
        [
            [0.3002362, -0.7176378, 0.1098425, 0.5492126],
            [-0.4833071, 0.0512599, 0.9300001, -0.2709449],
            [0.6590552, 0.8128347, -0.3881103, -0.1391339],
        ],
    )
    close(bias, B)
    _, bias = linear(1, signed(1.0, 2.0)).get_core_weights()
    close(bias, [0.2416536, -0.5125985, 0.3734646])


@pytest.mark.parametrize("bias_rows", [0, 1])
def test_derivatives_of_the_linear_example_take_the_programmed_weights_and_unclipped_inputs(
    bias_rows,
):
    layer = linear(bias_rows, signed(1.0, 2.0))
    x = X.clone().requires_grad_()
    layer(x).sum().backward()
    close(x.grad, [[0.4759843, 0.1464567, 0.6517323, 0.1391339]] * 2)
    close(layer.weight.grad, [[-0.78, -0.13, 0.88, 1.64]] * 3)
    close(layer.bias.grad, [2.0, 2.0, 2.0])


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
@pytest.mark.parametrize("bias_rows", CONV)
def test_a_convolution_gives_the_numbers_of_the_example(bias_rows, literal):
    bias_levels, output = CONV[bias_rows]
    layer = conv(bias_rows, UNSIGNED | {"simulation.literal": literal})
    assert isinstance(layer, AnalogConv2d)
    close(layer.get_matrix() * 127 / 0.91, joined(CONV_LEVELS, bias_levels), 2e-5)
    close(layer(IMAGE), [output])


def test_with_ideal_arrays_both_examples_are_the_stock_layers():
    close(linear(1, {})(X), [[0.9666, 0.0699, -0.3733], [0.3718, -0.3464, -0.0796]])
    close(conv(1, {})(IMAGE)[0, 0], [[0.2415790, 0.8510530], [0.3221050, 0.5884210]])


W_IH = tensor([[0.4, -0.3], [0.2, 0.62], [-0.5, 0.1], [0.7, -0.2]])
W_HH = tensor([[0.25], [-0.36], [0.45], [-0.15]])
B_IH = tensor([0.05, -0.1, 0.15, -0.2])
B_HH = tensor([-0.12, 0.08, 0.02, 0.3])
INPUT, H, C = tensor([0.6, -0.9]), tensor([0.35]), tensor([-0.2])

LSTM_LEVELS = [[73, -54, 45], [36, 112, -65], [-91, 18, 82], [127, -36, -27]]
GRU_LEVELS = [[82, -61, 51], [41, 127, -74], [-102, 20, 0], [0, 0, 92]]
CELL_EXAMPLES = {
    "LSTM, digital biases": (AnalogLSTMCell, 4, (0, 0), LSTM_LEVELS, [[]] * 4, -0.0731155),
    "LSTM, bias rows": (
        AnalogLSTMCell,
        4,
        (1, 2),
        LSTM_LEVELS,
        [[9, -11, -11], [-18, 7, 7], [27, 2, 2], [-36, 27, 27]],
        -0.0742891,
    ),
    "GRU, digital biases": (AnalogGRUCell, 3, (0, 0), GRU_LEVELS, [[]] * 4, 0.0469011),
    "GRU, bias rows": (
        AnalogGRUCell,
        3,
        (1, 2),
        GRU_LEVELS,
        [[10, -12, -12], [-20, 8, 8], [31, 0, 0], [0, 2, 2]],
        0.0455433,
    ),
    "RNN, digital biases": (AnalogRNNCell, 1, (0, 0), [[127, -95, 79]], [[]], 0.4790451),
    "RNN, bias rows": (
        AnalogRNNCell,
        1,
        (1, 2),
        [[127, -95, 79]],
        [[16, -19, -19]],
        0.4790519,
    ),
}


def cell(twin, gates, rows, settings):
    stock = twin.stock_class(2, 1)
    tensors = {"weight_ih": W_IH, "weight_hh": W_HH, "bias_ih": B_IH, "bias_hh": B_HH}
    stock.load_state_dict({name: t[:gates] for name, t in tensors.items()})
    return twin.from_torch(stock, tree(settings), *rows)


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
@pytest.mark.parametrize("example", CELL_EXAMPLES)
def test_a_cell_gives_the_numbers_of_the_example(example, literal):
    twin, gates, rows, levels, bias_levels, output = CELL_EXAMPLES[example]
    layer = cell(twin, gates, rows, signed(1.0, 2.0) | {"simulation.literal": literal})
    limit = float(layer.form_matrix().abs().max())
    close(layer.get_matrix() * 127 / limit, joined(levels, bias_levels), 2e-5)
    if twin is AnalogLSTMCell:
        h, c = layer(INPUT, (H, C))
        close(c, [-0.1137212 if any(rows) else -0.1119178])
    else:
        h = layer(INPUT, H)
    close(h, [output])


def test_the_programmed_row_of_the_rnn_example_is_its_levels():
    row = cell(AnalogRNNCell, 1, (1, 2), signed(1.0, 2.0)).get_matrix()
    close(row, [[0.4000001, -0.2992126, 0.2488189, 0.0503937, -0.0598425, -0.0598425]])
