"""One call sets the converters of a whole network, and tells what that costs."""

import json
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")
pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import ERRORS, tree  # noqa: E402
from torch import nn  # noqa: E402

from crosssim_core.errors import ConversionError, ParameterError  # noqa: E402
from crosssim_torch import AnalogLinear, analog_modules, from_torch  # noqa: E402
from crosssim_torch.calibration import (  # noqa: E402
    apply_ranges,
    calibrate,
    calibrate_adc_limits,
    calibrate_input_limits,
    load_ranges,
    save_ranges,
)
from crosssim_torch.profile import (  # noqa: E402
    get_profiled_adc_inputs,
    get_profiled_xbar_inputs,
)

CONVERTERS = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 8,
    "xbar.adc.mvm.model": "SignMagnitudeADC",
    "xbar.adc.mvm.bits": 8,
    "xbar.adc.mvm.adc_range_option": "MAX",
}
SLICES = {"core.style": "BITSLICED", "core.weight_bits": 8, "core.bit_sliced.num_slices": 2}
DIGITS = {"xbar.dac.mvm.input_bitslicing": True, "xbar.dac.mvm.slice_size": 2}
STYLES = {
    "balanced": {},
    "digital subtraction": {"core.balanced.subtract_current_in_xbar": False},
    "offset": {"core.style": "OFFSET", "xbar.adc.mvm.model": "QuantizerADC"},
    "slices": SLICES,
    "offset slices": SLICES | {"core.bit_sliced.style": "OFFSET"},
    "digits": DIGITS,
    "digit by digit": SLICES | DIGITS | {"xbar.adc.mvm.adc_per_ibit": True},
    "unsigned": {
        "xbar.dac.mvm.model": "QuantizerDAC",
        "xbar.dac.mvm.signed": False,
        "core.mapping.inputs.mvm.min": 0.0,
    },
}


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 12),
        nn.ReLU(),
        nn.Linear(12, 5),
    )


@pytest.fixture
def images():
    torch.manual_seed(1)
    return 3 * torch.rand(48, 1, 6, 6)


def deviation(analog, stock, x):
    """Of the outputs, root mean square over that of the digital ones."""
    with torch.no_grad():
        want = stock(x)
        return float((analog(x) - want).square().mean().sqrt() / want.square().mean().sqrt())


@pytest.mark.parametrize(
    ("style", "method"),
    [
        *((style, "percentile") for style in STYLES),
        *((style, method) for style in ("balanced", "slices") for method in ("max", "error")),
    ],
)
def test_a_calibrated_network_computes_what_the_digital_one_does(style, method, images):
    stock = network()
    analog = from_torch(stock, tree(CONVERTERS, STYLES[style], core__rows_max=20), seed=0)
    before = deviation(analog, stock, images)
    report = calibrate(analog, images.split(16), method=method, show_progress=False)
    after = deviation(analog, stock, images)
    assert after < 0.06
    assert after < before / 2
    assert list(report.ranges) == ["0", "4", "6"]
    slices = 2 if ("core.style" in STYLES[style] and "slices" in style) or "by" in style else 1
    assert len(report.converters) == 3 * (1 + slices)
    if method == "max":
        assert {c.clipped for c in report.converters} == {0.0}


def test_ranges_are_what_the_calibrated_layers_are_given(images):
    analog = from_torch(network(), tree(CONVERTERS), seed=0)
    calibrate(analog, images.split(20), method="max", show_progress=False)
    seen = {}

    def note(name, module, arguments):
        seen[name] = float(arguments[0].abs().max())

    for name, module in analog.named_modules():
        if module in analog_modules(analog):
            module.register_forward_pre_hook(partial(note, name))
    with torch.no_grad():
        analog(images)
    for name, largest in seen.items():
        limits = analog.get_submodule(name).params.core.mapping.inputs.mvm
        assert limits.max == -limits.min == pytest.approx(largest, rel=1e-6)


def test_adc_ranges_just_hold_the_currents():
    layer = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, -2.0, 0.25], [1.0, 1.0, 1.0]]))
    inputs = torch.tensor([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [1.0, 1.0, 1.0]])
    free = tree(CONVERTERS, xbar__device__infinite_on_off_ratio=True, xbar__dac__mvm__bits=0)
    free.core.mapping.inputs.mvm.update({"min": -4.0, "max": 4.0})
    analog = from_torch(layer, free)
    report = calibrate(analog, inputs, method="max", show_progress=False)
    # The largest product is -8, of the largest weight 2 and the largest input 4.
    (adc,) = report.converters
    assert (adc.converter, adc.bits) == ("ADC", 8)
    assert (adc.low, adc.high) == pytest.approx((-1.0, 1.0))
    assert adc.lost_bits == pytest.approx(np.log2(2 / 1.5))
    assert analog.params.xbar.adc.mvm.calibrated_range == [adc.low, adc.high]


@pytest.mark.parametrize("together", [False, True])
def test_the_chip_stays_as_it_is_and_modes_return(together, images):
    analog = from_torch(network(), tree(CONVERTERS, ERRORS), seed=0)
    analog[4].eval()
    before = [module.get_matrix() for module in analog_modules(analog)]
    calibrate(analog, images, together=together, show_progress=False)
    for module, held in zip(analog_modules(analog), before, strict=True):
        assert torch.equal(module.get_matrix(), held)
    assert [module.training for module in analog] == [True] * 4 + [False] + [True] * 2
    kept = analog[0].params.copy()
    analog[0].reinitialize()
    assert analog[0].params == kept
    assert not torch.equal(analog[0].get_matrix(), before[0])


def test_errors_of_circuits_stay_as_they_are(images):
    circuit = {"xbar.adc.mvm.model": "RampADC", "xbar.adc.mvm.sigma_comparator": 0.02}
    stock = network()
    analog, again = (from_torch(stock, tree(CONVERTERS, circuit), seed=3) for _ in range(2))
    report = calibrate(analog, images, show_progress=False)
    apply_ranges(again, report.ranges)
    with torch.no_grad():
        assert torch.equal(analog(images), again(images))


def test_ranges_survive_a_file_and_fit_another_chip(images, tmp_path):
    stock = network()
    analog, other = (from_torch(stock, tree(CONVERTERS, SLICES), seed=s) for s in (1, 2))
    report = calibrate(analog, images, show_progress=False)
    save_ranges(report.ranges, tmp_path / "ranges.json")
    apply_ranges(other, load_ranges(tmp_path / "ranges.json"))
    assert [m.params for m in analog_modules(other)] == [m.params for m in analog_modules(analog)]
    assert json.loads(json.dumps(report.to_dict()))["rule"]["method"] == "percentile"
    before = other[0].params.copy()
    with pytest.raises(ConversionError, match="'5'"):
        apply_ranges(other, {"0": (report.ranges["6"][0],), "5": ()})
    with pytest.raises(ConversionError, match="1 parameter tree"):
        apply_ranges(other, {"0": ()})
    assert other[0].params == before


def test_layers_are_calibrated_behind_calibrated_ones_or_all_together(images):
    coarse = tree(CONVERTERS, xbar__adc__mvm__bits=3, xbar__dac__mvm__bits=3)
    found = []
    for together in (False, True):
        analog = from_torch(network(), coarse, seed=0)
        found.append(calibrate(analog, images, together=together, show_progress=False).ranges)
    assert found[0]["0"] == found[1]["0"]
    assert found[0]["6"] != found[1]["6"]


def test_layers_run_in_an_order_of_their_own_and_some_not_at_all():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.idle, self.first = (nn.Linear(3, 3) for _ in range(3))

        def forward(self, x):
            return self.last(self.first(self.first(x)))

    analog = from_torch(Crossed(), tree(CONVERTERS), seed=0)
    report = calibrate(analog, torch.randn(8, 3), show_progress=False)
    assert list(report.ranges) == ["first", "last"]
    assert report.not_reached == ("idle",)
    assert analog.idle.params == tree(CONVERTERS)
    assert "idle: not reached" in str(report)


def test_a_layer_that_is_called_twice_is_given_the_values_of_both_calls():
    layer = AnalogLinear(tree(CONVERTERS), 2, 2, bias=False)
    twice = nn.Sequential(layer, layer)
    with torch.no_grad():
        layer.weight.copy_(10 * torch.eye(2))
    report = calibrate(twice, torch.ones(1, 2), method="max", show_progress=False)
    assert report.ranges["0"][0].inputs == pytest.approx((-10.0, 10.0))


@pytest.mark.parametrize(
    ("stock", "x"),
    [
        (nn.LSTM(3, 2, num_layers=2, bidirectional=True), torch.randn(5, 4, 3)),
        (nn.GRUCell(3, 2), torch.randn(4, 3)),
        (nn.TransformerEncoderLayer(8, 2, 16), torch.randn(5, 4, 8)),
        (nn.ConvTranspose1d(2, 3, 2, stride=2, groups=1), torch.randn(4, 2, 5)),
    ],
    ids=["stack", "cell", "encoder", "transposed"],
)
def test_every_kind_of_layer_is_calibrated(stock, x):
    analog = from_torch(stock.eval(), tree(CONVERTERS, SLICES), bias_rows=1, seed=0)
    report = calibrate(analog, x, method="max", show_progress=False)
    assert len(report.ranges) == len(analog_modules(analog))
    with torch.no_grad():
        got, want = analog(x), stock(x)
    pairs = [(got, want)] if isinstance(got, torch.Tensor) else [(got[0], want[0])]
    for ours, theirs in pairs:
        assert float((ours - theirs).abs().max()) < 0.05
    # The drive of bias rows is 1 and inside the limits.
    assert all(of[0].inputs[1] >= 1 for of in report.ranges.values())


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("projection", [0, 3])
def test_errors_of_recurrent_layers_are_those_of_quantization_and_fall_with_its_steps(
    projection, directions
):
    """With projections they are larger, as matrices share ranges, and fall at the same rate."""
    torch.manual_seed(0)
    stock = nn.LSTM(6, 8, bidirectional=directions == 2, proj_size=projection).double()
    x = torch.randn(10, 16, 6, dtype=torch.float64)
    want = stock(x)[0].detach()
    errors = []
    for bits in (8, 12, 16):
        converters = {"xbar.dac.mvm.bits": bits, "xbar.adc.mvm.bits": bits}
        analog = from_torch(stock, tree(CONVERTERS, converters))
        calibrate(analog, x, method="max", show_progress=False)
        with torch.no_grad():
            errors.append(float((analog(x)[0] - want).norm() / want.norm()))
    assert errors[0] < (0.12 if projection else 0.02)
    # 16 on the average; the steps of ranges that were found behind coarser converters differ.
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.3)
    assert errors[0] / errors[2] == pytest.approx(256, rel=0.3)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_ranges_that_follow_the_inputs_of_each_product_suit_projections():
    torch.manual_seed(0)
    stock = nn.LSTM(6, 8, bidirectional=True, proj_size=3).double()
    x = torch.randn(10, 16, 6, dtype=torch.float64)
    dac = {key: value for key, value in CONVERTERS.items() if "dac" in key}
    errors = []
    for follows in ({}, {"core.mapping.inputs.mvm.percentile": 1.0}):
        analog = from_torch(stock, tree(dac, follows))
        calibrate(analog, x, method="max", show_progress=False)
        with torch.no_grad():
            errors.append(float((analog(x)[0] - stock(x)[0]).norm() / stock(x)[0].norm()))
    assert errors[1] < errors[0] / 3


def test_each_array_has_the_range_of_its_own_parameters():
    fine = tree(CONVERTERS, xbar__adc__mvm__bits=10, core__rows_max=2)
    layer = AnalogLinear([fine, tree(CONVERTERS, SLICES, core__rows_max=2)], 4, 2, seed=0)
    report = calibrate(layer, torch.randn(32, 4), method="max", show_progress=False)
    names = [c.converter for c in report.converters]
    assert names == [
        "DAC of array 0",
        "DAC of array 1",
        "ADC of array 0",
        "ADC slice 0 of array 1",
        "ADC slice 1 of array 1",
    ]
    first, second = layer.params
    assert len(first.xbar.adc.mvm.calibrated_range) == 2
    assert np.shape(second.xbar.adc.mvm.calibrated_range) == (2, 2)


def test_what_follows_the_data_or_is_exact_stays_as_it_is():
    granular = (
        SLICES
        | DIGITS
        | {
            "core.mapping.inputs.mvm.percentile": 0.9,
            "xbar.adc.mvm.adc_per_ibit": True,
            "xbar.adc.mvm.adc_range_option": "GRANULAR",
        }
    )
    layer = AnalogLinear(tree(CONVERTERS, granular), 4, 2)
    report = calibrate(layer, torch.randn(8, 4), show_progress=False)
    assert report.converters == ()
    assert layer.params == tree(CONVERTERS, granular)
    both = AnalogLinear(tree(CONVERTERS), 4, 2)
    for chosen in ({"inputs": False}, {"adcs": False}):
        before = both.params.copy()
        calibrate(both, torch.randn(8, 4), show_progress=False, **chosen)
        same = both.params.core if "inputs" in chosen else both.params.xbar
        assert same == (before.core if "inputs" in chosen else before.xbar)


def test_data_come_in_many_forms(images):
    labels = torch.zeros(len(images))
    pairs = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(pairs, batch_size=16)
    mapping = [{"input": part} for part in images.split(16)]
    forms = (images.split(16), loader, mapping)
    found = []
    for data in forms:
        analog = from_torch(network(), tree(CONVERTERS), seed=0)
        found.append(calibrate(analog, data, show_progress=False).ranges)
    assert found[0] == found[1] == found[2]
    analog = from_torch(network(), tree(CONVERTERS), seed=0)
    own = calibrate(
        analog,
        [(labels, images)],
        forward=lambda model, batch: model(batch[1]),
        show_progress=False,
    )
    assert own.ranges["0"] == found[0]["0"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (iter([torch.ones(1, 4)]), "only once"),
        ([], "no batch"),
        (3, "got int"),
        ({"input": torch.ones(1, 4)}, "got dict"),
    ],
)
def test_data_that_cannot_be_used_are_refused(data, message):
    layer = AnalogLinear(tree(CONVERTERS), 4, 2)
    with pytest.raises(ConversionError, match=message):
        calibrate(layer, data, show_progress=False)


def test_after_an_error_everything_is_as_it_was(images):
    analog = from_torch(network(), tree(CONVERTERS), seed=0)
    with torch.no_grad():
        before = analog(images)
    with pytest.raises(RuntimeError, match="out of data"):
        calibrate(analog, _Failing(images), show_progress=False)
    with torch.no_grad():
        assert torch.equal(analog(images), before)
    assert all(module.params == tree(CONVERTERS) for module in analog_modules(analog))
    assert all(not module._forward_hooks for module in analog.modules())
    assert analog.training


class _Failing:
    """Data that end with an error in the third pass."""

    def __init__(self, images):
        self.images, self.passes = images, 0

    def __iter__(self):
        self.passes += 1
        yield self.images
        if self.passes == 3:
            raise RuntimeError("out of data")


def test_a_model_without_analog_layers_and_an_unknown_method_are_refused(images):
    with pytest.raises(ConversionError, match="convert it first"):
        calibrate(network(), images)
    with pytest.raises(ParameterError, match="'mean' is not known"):
        calibrate(from_torch(network(), tree(CONVERTERS)), images, method="mean")


def test_the_report_is_a_table_of_all_converters(images, capsys):
    analog = from_torch(network(), tree(CONVERTERS, SLICES), seed=0)
    report = calibrate(analog, images)
    lines = str(report).splitlines()
    assert lines[0].split() == ["layer", "converter", "bits", "range", "clipped", "lost", "bits"]
    assert len(lines) == 1 + 9
    assert "ADC slice 1" in lines[3]
    assert capsys.readouterr().out == ""


def test_profiled_values_lead_to_the_ranges_of_the_helpers(images):
    free = tree(
        simulation__analytics__profile_xbar_inputs=True,
        simulation__analytics__profile_adc_inputs=True,
    )
    stock = network()
    analog = from_torch(stock, free, seed=0)
    analog(images)
    inputs, currents = get_profiled_xbar_inputs(analog), get_profiled_adc_inputs(analog)
    limits = calibrate_input_limits(inputs)
    np.testing.assert_allclose(limits[:, 1], [x.max() for x in inputs])
    layers = analog_modules(analog)
    plain = calibrate_adc_limits(layers, currents)
    np.testing.assert_allclose(plain, [(a.min(), a.max()) for a in currents])
    narrow = calibrate_adc_limits(layers, currents, Nbits=3)
    assert (narrow[:, 0] >= plain[:, 0]).all()
    assert (narrow[:, 1] <= plain[:, 1]).all()
    with pytest.raises(ParameterError, match="layer 1"):
        calibrate_adc_limits(layers, [currents[0], None, currents[2]])
    with pytest.raises(ParameterError, match="1 arrays"):
        calibrate_adc_limits(layers, currents[:1])


def test_sliced_layers_get_limits_that_are_powers_of_two_below_their_width(images):
    settings = tree(SLICES, simulation__analytics__profile_adc_inputs=True, core__rows_max=20)
    analog = from_torch(network(), settings, seed=0)
    analog(images)
    found = calibrate_adc_limits(analog_modules(analog), get_profiled_adc_inputs(analog))
    for limits, width in zip(found, (9, 36, 12), strict=True):
        assert limits.shape == (2, 2)
        powers = np.log2(width / limits[:, 1])
        np.testing.assert_allclose(powers, np.round(powers), atol=1e-12)
