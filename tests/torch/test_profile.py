"""What a network's arrays have been given, and what they hold."""

import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")

from analog_settings import needs_devices, tree  # noqa: E402
from torch import nn  # noqa: E402

from crosssim_core.errors import OperationError  # noqa: E402
from crosssim_core.parameters import BitSlicedCoreStyle, CoreStyle  # noqa: E402
from crosssim_torch import AnalogGRUCell, AnalogLinear, LayerOptions, from_torch  # noqa: E402
from crosssim_torch.profile import (  # noqa: E402
    corestyle_str,
    get_conductance_matrices,
    get_profiled_adc_inputs,
    get_profiled_xbar_inputs,
    profiles_of,
    reset_profiles,
)

BOTH = {
    "simulation.analytics.profile_xbar_inputs": True,
    "simulation.analytics.profile_adc_inputs": True,
}
STYLES = {
    "balanced": {},
    "digital subtraction": {"core.balanced.subtract_current_in_xbar": False},
    "offset": {"core.style": "OFFSET"},
    "unit column": {"core.style": "OFFSET", "core.offset.style": "UNIT_COLUMN_SUBTRACTION"},
    "slices": {"core.style": "BITSLICED", "core.weight_bits": 8, "core.bit_sliced.num_slices": 2},
    "offset slices": {
        "core.style": "BITSLICED",
        "core.weight_bits": 8,
        "core.bit_sliced.num_slices": 2,
        "core.bit_sliced.style": "OFFSET",
    },
}
LITERAL = pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])


@LITERAL
def test_worked_example_e4(literal):
    torch.manual_seed(0)
    stock = nn.Sequential(nn.Conv2d(1, 2, 2, padding=1), nn.Flatten(), nn.Linear(32, 3))
    network = from_torch(stock, tree(BOTH, simulation__literal=literal))
    images = torch.rand(4, 1, 3, 3)
    with torch.no_grad():
        for part in images.split([3, 1]):
            network(part)
        maps = nn.functional.conv2d(images, stock[0].weight, padding=1)
        hidden = stock[1](stock[0](images))
        products = hidden @ stock[2].weight.T
    inputs, currents = get_profiled_xbar_inputs(network), get_profiled_adc_inputs(network)
    assert [x.shape for x in inputs] == [(100,), (128,)]
    np.testing.assert_array_equal(inputs[0], nn.functional.pad(images, (1, 1, 1, 1)).flatten())
    np.testing.assert_allclose(inputs[1], hidden.flatten(), atol=1e-6)
    assert [a.shape for a in currents] == [(1, 128), (1, 12)]
    scale = 0.9 / stock[0].weight.abs().max().item()
    np.testing.assert_allclose(currents[0][0], scale * maps.flatten(), atol=1e-6)
    scale = 0.9 / stock[2].weight.abs().max().item()
    # Within a forward pass the values lie output by output, then sample by sample.
    want = torch.cat([part.T.flatten() for part in products.split([3, 1])])
    np.testing.assert_allclose(currents[1][0], scale * want, atol=1e-6)


def recurrent_layers():
    return {
        "cell": (nn.GRUCell(3, 2), torch.ones(4, 3)),
        "stack": (nn.LSTM(3, 2, num_layers=2, bidirectional=True), torch.ones(5, 4, 3)),
        "projection": (nn.LSTM(3, 4, proj_size=2), torch.ones(5, 4, 3)),
        "attention": (nn.MultiheadAttention(4, 2), torch.ones(5, 4, 4)),
        "transposed": (nn.ConvTranspose1d(2, 3, 2, stride=2), torch.ones(4, 2, 5)),
    }


@LITERAL
@pytest.mark.parametrize("name", recurrent_layers())
@pytest.mark.parametrize("style", STYLES)
def test_defect_s24_every_layer_and_style_is_recorded(name, style, literal):
    torch.manual_seed(0)
    stock, x = recurrent_layers()[name]
    settings = (BOTH, STYLES[style], {"core.rows_max": 3})
    network = from_torch(stock, tree(*settings, simulation__literal=literal), 1)
    arguments = (x, x, x) if name == "attention" else (x,)
    network(*arguments)
    for inputs, currents in zip(
        get_profiled_xbar_inputs(network), get_profiled_adc_inputs(network), strict=True
    ):
        assert inputs.size
        assert currents.size
        assert np.isfinite(currents).all()
    once = [a.shape[-1] for a in get_profiled_adc_inputs(network)]
    network(*arguments)
    assert [a.shape[-1] for a in get_profiled_adc_inputs(network)] == [2 * n for n in once]


@pytest.mark.parametrize("rows_max", [0, 4])
def test_packed_groups_record_their_own_currents_however_they_are_read(rows_max):
    """Read by vectors, each group is driven by the inputs of all; only its own are its inputs."""
    stock, x = nn.Conv1d(4, 6, 3, groups=2), torch.randn(3, 4, 7)
    seen = []
    for literal in (False, True):
        params = tree(
            simulation__analytics__profile_adc_inputs=True,
            simulation__literal=literal,
            core__rows_max=rows_max,
        )
        layer = from_torch(stock, params, 1, options=LayerOptions(groups="packed"))
        layer(x)
        seen.append(get_profiled_adc_inputs(layer)[0])
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-5, atol=1e-5)


def test_a_cell_records_the_whole_vector_that_drives_it():
    cell = AnalogGRUCell(tree(BOTH), 3, 2, bias_ih_rows=1)
    x, h = torch.rand(4, 3), torch.rand(4, 2)
    cell(x, h)
    (inputs,) = get_profiled_xbar_inputs(cell)
    np.testing.assert_array_equal(inputs, torch.cat((x, h, torch.ones(4, 1)), 1).flatten())
    (currents,) = get_profiled_adc_inputs(cell)
    assert currents.shape == (1, 4 * 8)


def test_defect_s24_samples_of_several_axes_and_images_of_several_sizes_are_recorded():
    dense = from_torch(nn.Linear(3, 2), tree(BOTH))
    dense(torch.ones(2, 5, 3))
    assert get_profiled_xbar_inputs(dense)[0].shape == (30,)
    conv = from_torch(nn.Conv1d(1, 1, 2), tree(BOTH))
    conv(torch.ones(1, 1, 4))
    conv(torch.ones(1, 6))
    assert get_profiled_xbar_inputs(conv)[0].shape == (10,)
    assert get_profiled_adc_inputs(conv)[0].shape == (1, 3 + 5)


def test_layers_that_record_nothing_are_none(tmp_path):
    stock = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    network = from_torch(stock, [tree(), tree(simulation__analytics__profile_xbar_inputs=True)])
    network(torch.ones(1, 3))
    first, second = get_profiled_xbar_inputs(network, tmp_path)
    assert first is None
    assert second.shape == (3,)
    assert get_profiled_adc_inputs(network, tmp_path) == [None, None]
    saved = pickle.loads((tmp_path / "all_xbar_inputs.p").read_bytes())
    np.testing.assert_array_equal(saved[1], second)
    assert pickle.loads((tmp_path / "all_adc_inputs.p").read_bytes()) == [None, None]


def test_reset_synchronize_and_reinitialize_forget_what_they_should():
    layer = AnalogLinear(tree(BOTH), 3, 2)
    x = torch.ones(4, 3)

    def sizes():
        return get_profiled_xbar_inputs(layer)[0].size, get_profiled_adc_inputs(layer)[0].size

    layer(x)
    assert sizes() == (12, 8)
    layer.synchronize()
    assert sizes() == (12, 0)
    layer(x)
    assert sizes() == (24, 8)
    reset_profiles(layer)
    assert sizes() == (0, 0)
    layer(x)
    layer.reinitialize()
    assert sizes() == (0, 0)


def test_histograms_take_the_place_of_values():
    layer = AnalogLinear(tree(BOTH, simulation__analytics__profile_bins=64), 3, 2)
    layer(torch.tensor([[0.0, 0.25, -2.0]]))
    profile = profiles_of(layer)[""]
    assert (profile.xbar_histogram().low, profile.xbar_histogram().count) == (-2.0, 3)
    assert profile.adc_histogram().count == 2
    with pytest.raises(OperationError, match="Histograms"):
        get_profiled_xbar_inputs(layer)


def test_arrays_with_different_slices_are_told_one_by_one():
    sliced = tree(BOTH, STYLES["slices"], core__rows_max=2)
    layer = AnalogLinear([tree(BOTH, core__rows_max=2), sliced], 4, 2)
    layer(torch.ones(1, 4))
    with pytest.raises(OperationError, match="different slices"):
        get_profiled_adc_inputs(layer)
    assert [a.shape for a in profiles_of(layer)[""].adc_inputs()] == [(1, 2), (2, 1, 2)]


@needs_devices
def test_arrays_with_different_digits_share_rows():
    digits = {
        "xbar.dac.mvm.model": "SignMagnitudeDAC",
        "xbar.dac.mvm.bits": 4,
        "xbar.dac.mvm.input_bitslicing": True,
    }
    layer = AnalogLinear([tree(BOTH, core__rows_max=2), tree(BOTH, digits, core__rows_max=2)], 4, 2)
    layer(torch.ones(1, 4))
    (currents,) = get_profiled_adc_inputs(layer)
    assert currents.shape == (3, 4)
    assert not currents[1:, :2].any()


@pytest.mark.parametrize("style", STYLES)
def test_conductances_of_every_style_give_the_programmed_weights(style):
    layer = AnalogLinear(tree(STYLES[style], {"core.rows_max": 3}), 5, 2, bias=False)
    (found,) = get_conductance_matrices(layer)
    kind, _, part = found["core_style"], found["bitsliced_core_style"], found["Gmats"]
    assert len(part) == 2
    held = layer.core.arrays
    for array, mapping, g in zip(
        part, (p.mapping for p in held.plan.arrays), held.state.conductance, strict=True
    ):
        slices = array if kind == "BITSLICED" else [array]
        assert len(slices) == found["num_slices"]
        for i, matrices in enumerate(slices):
            assert list(matrices) == (["Gmat_pos", "Gmat_neg"] if mapping.signs == 2 else ["Gmat"])
            for sign, matrix in enumerate(matrices.values()):
                unit = int(mapping.unit_line)
                np.testing.assert_array_equal(matrix, g[i, sign, :, unit:].numpy())


def test_stacked_layers_list_all_their_arrays():
    (found,) = get_conductance_matrices(from_torch(nn.LSTM(3, 2, num_layers=2), tree()))
    assert [g["Gmat_pos"].shape for g in found["Gmats"]] == [(8, 5), (8, 4)]


def test_core_styles_have_names():
    assert corestyle_str(CoreStyle.OFFSET, BitSlicedCoreStyle.BALANCED) == ("OFFSET", "NONE")
    assert corestyle_str(CoreStyle.BITSLICED, BitSlicedCoreStyle.OFFSET) == ("BITSLICED", "OFFSET")
