"""Groups of convolutions, dense or packed, and zeros that stand for no weight."""

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from erring_models import bench_installed
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from crosssim_core.errors import ParameterError
from crosssim_torch import (
    LayerOptions,
    from_torch,
)
from crosssim_torch.calibration.ranges import set_converters

X = torch.linspace(-1, 1, 12).reshape(3, 4)
PACKED = LayerOptions(groups="packed")


def cells(layer):
    """Cells that are stored."""
    return sum(b.numel() for n, b in layer.named_buffers() if "conductance" in n)


def depthwise(options=None, params=None, channels=16, **more):
    torch.manual_seed(0)
    stock = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
    return from_torch(stock, params or tree(), options=options, **more), stock


@pytest.mark.parametrize("options", [None, PACKED])
def test_zeros_between_groups_are_not_stored(options):
    layer, stock = depthwise(options)
    assert cells(layer) == 2 * stock.weight.numel()
    x = torch.randn(2, 16, 5, 5)
    torch.testing.assert_close(layer(x), stock(x))


def read_cells(layer, key=""):
    """Cells that products are formed with."""
    holding = layer._holdings(layer._rows, layer.options)[key]
    return sum(g.numel() for g in layer._layer(key, holding).arrays.state.conductance)


@needs_devices
@pytest.mark.parametrize(("rows_max", "cols_max"), [(144, 0), (100, 0), (0, 24), (200, 12)])
@pytest.mark.parametrize("bias_rows", [0, 1])
def test_zeros_between_groups_are_left_out_of_several_arrays(rows_max, cols_max, bias_rows):
    stock = nn.Conv2d(64, 64, 3, groups=64, bias=bool(bias_rows)).double()
    x = torch.randn(2, 64, 5, 5, generator=torch.manual_seed(0)).double()
    size = {"core.rows_max": rows_max, "core.cols_max": cols_max, "xbar.device.cell_bits": 0}
    layer, literal = (
        from_torch(stock, tree(EIGHT_BITS | size, simulation__literal=on), bias_rows, seed=1)
        for on in (False, True)
    )
    assert cells(layer) == cells(literal) == read_cells(layer) == 2 * 64 * (9 + bias_rows)
    assert read_cells(literal) == 2 * 64 * (64 * 9 + bias_rows)
    torch.testing.assert_close(layer(x), literal(x))


SAR = {"model": "SarADC", "sigma_capacitor": 0.05, "sigma_comparator": 0.02, "group_size": 3}
READ_AS_THEY_ARE = {
    "circuits": (SAR, {}, False),
    "random numbers": ({"stochastic_rounding": True}, {}, False),
    "masked derivatives": ({}, {"gradient": "masked"}, False),
    "lines that are not told apart": ({"model": "bench.skewed"}, {}, True),
    "errors of zeros": ({}, {"structural_errors": True}, True),
}


@needs_devices
@pytest.mark.parametrize("kind", READ_AS_THEY_ARE)
def test_zeros_are_multiplied_where_lines_cannot_be_told_apart(kind):
    adc, options, multiplied = READ_AS_THEY_ARE[kind]
    params = tree(EIGHT_BITS, core__rows_max=100, core__cols_max=24)
    with bench_installed():
        params.update({f"xbar.adc.mvm.{name}": value for name, value in adc.items()})
        stock = nn.Conv2d(64, 64, 3, groups=64)
        layer = from_torch(stock, params, options=LayerOptions(**options), seed=1)
        x = torch.randn(2, 64, 5, 5, generator=torch.manual_seed(0))
        assert layer(x).isfinite().all()
        assert read_cells(layer) == 2 * 64 * 9 * (64 if multiplied else 1)


@needs_devices
@pytest.mark.parametrize("size", [8, 192])
def test_a_quarter_of_a_gru_is_neither_stored_nor_read(size):
    torch.manual_seed(0)
    stock, x = nn.GRU(size, size).double(), torch.rand(2, 3, size).double()
    params = EIGHT_BITS | {"core.rows_max": 100, "core.cols_max": 300}
    layer, literal = (
        from_torch(stock, tree(params, simulation__literal=on)) for on in (False, True)
    )
    assert cells(layer) == 2 * 6 * size**2
    assert read_cells(layer, "l0") == 2 * 6 * size**2
    assert read_cells(literal, "l0") == 2 * 8 * size**2
    torch.testing.assert_close(layer(x)[0], literal(x)[0])


def multiplications(layer, x):
    """Those of one read, and of its derivatives by inputs and weights."""
    layer(x)
    with FlopCounterMode(display=False) as reading:
        y = layer(x.requires_grad_())
    with FlopCounterMode(display=False) as deriving:
        y.sum().backward()
    return [counter.get_total_flops() // 2 for counter in (reading, deriving)]


@needs_devices
@pytest.mark.parametrize("gradient", ["straight", "masked"])
@pytest.mark.parametrize("model", ["SignMagnitudeADC", "SarADC"])
def test_no_zero_is_multiplied_in_either_direction(model, gradient):
    params = tree(EIGHT_BITS, core__rows_max=18, core__cols_max=5, xbar__adc__mvm__model=model)
    options = LayerOptions(gradient=gradient)
    gru = from_torch(nn.GRUCell(6, 20), params, options=options)
    conv = from_torch(nn.Conv1d(8, 8, 3, groups=8), params, options=options)
    assert multiplications(gru, torch.rand(7, 6)) == [7 * 60 * 26, 2 * 7 * 60 * 26]
    # Of derivatives of kernels PyTorch counts those between groups, which it leaves out.
    assert multiplications(conv, torch.rand(5, 8, 9))[0] == 5 * 8 * 3 * 7


@needs_devices
def test_a_chip_keeps_its_cells_when_its_converters_are_exchanged():
    """Cells are stored in the same way however arrays are read."""
    stock = nn.Conv2d(64, 64, 3, groups=64)
    layer = from_torch(stock, tree(EIGHT_BITS, ERRORS, core__rows_max=100), seed=1)
    before, x = layer.get_core_weights()[0], torch.randn(1, 64, 5, 5)
    layer(x)
    trees = [tree(EIGHT_BITS, ERRORS, core__rows_max=100) for _ in range(6)]
    for one in trees[:3]:
        one.xbar.adc.mvm.bits = 6
    set_converters(layer, trees)
    torch.testing.assert_close(layer.get_core_weights()[0], before, rtol=0, atol=0)
    assert read_cells(layer) == 2 * 64 * 9
    assert layer(x).isfinite().all()


def test_a_dense_layer_shows_its_matrix_with_zeros_and_a_packed_one_without():
    dense, _ = depthwise()
    packed, _ = depthwise(PACKED)
    assert dense.get_matrix().shape == dense.form_matrix().shape == (16, 16 * 9)
    assert packed.get_matrix().shape == packed.form_matrix().shape == (16, 9)
    assert (dense.get_matrix() == 0).sum() == 16 * 15 * 9
    torch.testing.assert_close(dense.get_core_weights()[0], packed.get_core_weights()[0])


@needs_devices
def test_zeros_between_groups_err_if_that_is_asked_for():
    asked = LayerOptions(structural_errors=True)
    errors = tree({**ERRORS, "xbar.device.programming_error.model": "NormalIndependentDevice"})
    layer, _ = depthwise(asked, errors, seed=1)
    assert (layer.get_matrix() != 0).sum() > 16 * 16 * 9 / 2
    assert cells(layer) == 2 * 16 * 16 * 9
    x = torch.randn(2, 16, 5, 5)
    physical = type(layer).to_torch(layer, physical_weights=True)
    # What flows through the cells between groups is no part of any stock weight.
    assert (layer(x) - physical(x)).abs().max() > 0.05
    plain, _ = depthwise(None, errors, seed=1)
    physical = type(plain).to_torch(plain, physical_weights=True)
    torch.testing.assert_close(plain(x), physical(x), rtol=1e-4, atol=1e-5)


@needs_devices
def test_zeros_of_a_gru_err_if_that_is_asked_for():
    errors = tree({**ERRORS, "xbar.device.programming_error.model": "NormalIndependentDevice"})
    for asked in (False, True):
        options = LayerOptions(structural_errors=asked)
        layer = from_torch(nn.GRUCell(3, 2), errors, seed=1, options=options)
        zero = layer.form_matrix() == 0
        assert zero.sum() == 2 * 2 + 2 * 3
        assert bool(layer.get_matrix()[zero].any()) is asked


STYLES = {
    "balanced": {},
    "offset": {
        "core.style": "OFFSET",
        "core.offset.style": "UNIT_COLUMN_SUBTRACTION",
        "core.rows_max": 5,
    },
}
WITHOUT_BIAS = {
    "linear": (nn.Linear(4, 3, bias=False), torch.randn(2, 4), "dense"),
    "convolution": (nn.Conv1d(4, 4, 3, bias=False), torch.randn(2, 4, 6), "dense"),
    "dense groups": (nn.Conv1d(4, 4, 3, groups=2, bias=False), torch.randn(2, 4, 6), "dense"),
    "packed groups": (nn.Conv1d(4, 4, 3, groups=2, bias=False), torch.randn(2, 4, 6), "packed"),
    "transposed": (nn.ConvTranspose1d(4, 4, 3, bias=False), torch.randn(2, 4, 6), "dense"),
    "lstm": (nn.LSTMCell(4, 3, bias=False), torch.randn(2, 4), "dense"),
    "gru": (nn.GRUCell(4, 3, bias=False), torch.randn(2, 4), "dense"),
}


@needs_devices
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", WITHOUT_BIAS)
def test_bias_rows_of_a_layer_without_bias_err_only_if_that_is_asked_for(kind, style):
    stock, x, groups = WITHOUT_BIAS[kind]
    errors = {**ERRORS, "xbar.device.programming_error.model": "NormalIndependentDevice"}
    for asked in (False, True):
        options = LayerOptions(groups=groups, structural_errors=asked)
        layer = from_torch(stock, tree(STYLES[style], errors), 2, seed=1, options=options)
        columns = sum(layer._rows.values())
        held = layer.get_matrix()[:, -columns:]
        assert bool(held.abs().max() > 1e-3) is asked
        if kind in ("dense groups", "gru") and style == "offset":
            # Zeros between groups differ by the errors of the unit line.
            continue
        physical = type(layer).to_torch(layer, physical_weights=True)
        got, want = (one[0] if isinstance(one, tuple) else one for one in (layer(x), physical(x)))
        assert bool((got - want).abs().max() > 1e-3) is asked


@needs_devices
@pytest.mark.parametrize("stock", [nn.Linear(4, 3), nn.Conv1d(4, 4, 3, groups=2)], ids=type)
def test_bias_rows_err_no_more_once_the_bias_is_taken_away(stock):
    layer, other = (from_torch(stock, tree(ERRORS), 2, seed=seed) for seed in (1, 2))
    layer.bias = other.bias = None
    assert not layer.get_matrix()[:, -2:].any()
    other.load_state_dict(layer.state_dict())
    x = torch.randn(2, 4, 4)
    assert torch.equal(other(x), layer(x))


@needs_devices
def test_packed_groups_have_converters_of_their_own_range():
    """MAX ranges follow from the inputs of an array, which are fewer where groups are packed."""
    coarse = EIGHT_BITS | {"xbar.adc.mvm.adc_range_option": "MAX", "xbar.adc.mvm.bits": 6}
    dense, stock = depthwise(None, tree(coarse))
    packed, _ = depthwise(PACKED, tree(coarse))
    x = torch.rand(2, 16, 6, 6) - 0.5
    wrong = [(layer(x) - stock(x)).abs().mean() for layer in (dense, packed)]
    assert wrong[1] < wrong[0] / 4


@pytest.mark.parametrize("style", ["DIGITAL_OFFSET", "UNIT_COLUMN_SUBTRACTION"])
def test_packed_groups_may_be_divided_and_have_unit_lines(style):
    torch.manual_seed(0)
    stock, x = nn.Conv2d(6, 10, 3, groups=2).double(), torch.randn(2, 6, 5, 5).double()
    settings = {
        "core.rows_max": 7,
        "core.cols_max": 3,
        "core.style": "OFFSET",
        "core.offset.style": style,
        "core.mapping.weights.percentile": 1.0,
    }
    for literal in (False, True):
        params = tree(settings, simulation__literal=literal)
        layer = from_torch(stock, params, 2, options=PACKED)
        torch.testing.assert_close(layer(x), stock(x))
        torch.testing.assert_close(layer.get_core_weights()[0], stock.weight.detach())
        # Five parts of 29 inputs, and two of the five outputs of a group.
        assert len(layer.core.arrays.plan.arrays) == 2 * 5
        unit = style == "UNIT_COLUMN_SUBTRACTION"
        assert cells(layer) == 2 * (5 + 2 * unit) * (29 + 5 * unit)


@needs_devices
def test_pairs_of_packed_groups_share_the_dummy_line_of_their_group():
    """Where lines saturate and the range of an unsubtracted pair begins above no current."""
    settings = {
        "core.balanced.subtract_current_in_xbar": False,
        "xbar.device.cell_bits": 3,
        "xbar.array.Icol_max": 0.55,
        "xbar.dac.mvm.model": "SignMagnitudeDAC",
        "xbar.dac.mvm.bits": 2,
        "xbar.dac.mvm.input_bitslicing": True,
        "xbar.adc.mvm.model": "QuantizerADC",
        "xbar.adc.mvm.bits": 9,
        "xbar.adc.mvm.adc_per_ibit": True,
        "xbar.adc.mvm.adc_range_option": "GRANULAR",
    }
    stock, x = nn.Conv2d(4, 6, 2, groups=2).double(), torch.rand(2, 4, 3, 3).double() - 0.5
    got, want = (
        from_torch(stock, tree(settings, simulation__literal=literal), options=PACKED)(x)
        for literal in (False, True)
    )
    torch.testing.assert_close(got, want)


def test_the_layout_can_be_changed_and_a_change_that_fails_changes_nothing():
    layer, stock = depthwise()
    x = torch.randn(2, 16, 5, 5)
    layer.options = PACKED
    assert layer.get_matrix().shape == (16, 9)
    torch.testing.assert_close(layer(x), stock(x))
    layer.options = LayerOptions()
    layer.params = [tree(core__rows_max=72)] * 2
    with pytest.raises(ParameterError, match="over 1 array"):
        layer.options = PACKED
    assert layer.options == LayerOptions()
    torch.testing.assert_close(layer(x), stock(x), rtol=1e-4, atol=1e-5)
