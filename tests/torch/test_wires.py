"""Layers whose arrays have wires with resistance, or cells that are not ohmic."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from torch import nn

from crosssim_core import AnalogCore
from crosssim_core.chain.product import MATRIX_PRODUCT
from crosssim_torch import AnalogConv2d, AnalogLinear, LayerOptions, from_torch

WIRES = {
    "xbar.array.parasitics.enable": True,
    "xbar.array.parasitics.Rp_row": 8.0,
    "xbar.array.parasitics.Rp_col": 12.0,
    "xbar.array.parasitics.Rp_row_terminal": 40.0,
}
SHARED = {"core.balanced.interleaved_posneg": True}
DIGITS = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 4,
    "xbar.dac.mvm.input_bitslicing": True,
}
SUPPLY = DIGITS | {"xbar.array.parasitics.current_from_input": False}
CUBIC = {
    "xbar.device.nonlinear_IV.enable": True,
    "xbar.device.nonlinear_IV.model": "CubicDevice",
    "xbar.device.Vread": 0.8,
}
NOISE = {
    "xbar.device.read_noise.enable": True,
    "xbar.device.read_noise.model": "NormalProportionalDevice",
    "xbar.device.read_noise.magnitude": 1e-9,
}
TIGHT = {"simulation.Verr_th_mvm": 1e-11}
PARTS = {"core.rows_max": 7, "core.cols_max": 3}
KINDS = {
    "input lines": (WIRES, False),
    "shared": (WIRES | SHARED, False),
    "parts": (WIRES | PARTS, False),
    "offset": (WIRES | {"core.style": "OFFSET"}, False),
    "slices": (WIRES | {"core.style": "BITSLICED", "core.weight_bits": 16}, False),
    "cubic": (CUBIC | DIGITS | PARTS, False),
    "supply lines": (WIRES | SUPPLY, True),
    "noise": (WIRES | NOISE, True),
    "cubic, wires": (WIRES | CUBIC | PARTS, True),
    "cubic, supply lines": (WIRES | CUBIC | SUPPLY | SHARED, True),
}
kinds = pytest.mark.parametrize(
    ("settings", "by_vectors"),
    [pytest.param(*values, id=name, marks=needs_devices) for name, values in KINDS.items()],
)
X = torch.rand((2, 3, 5, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def stock_conv(**further):
    torch.manual_seed(0)
    return nn.Conv2d(3, 5, (2, 3), padding=1, dtype=torch.float64, **further)


@kinds
def test_convolutions_form_the_currents_of_their_windows(settings, by_vectors):
    """A native convolution where a matrix says it all, else every window as a vector."""
    analog = from_torch(stock_conv(), tree(settings, TIGHT), bias_rows=2, seed=0)
    assert analog.core.arrays.by_vectors("mvm", MATRIX_PRODUCT) == by_vectors
    matrix = AnalogCore(analog.form_matrix().numpy(), tree(settings, TIGHT), seed=0)
    layout = analog.core.layout
    vectors = layout.vectors(X).numpy()
    products = matrix.matmul(vectors.reshape(-1, vectors.shape[-1]).T).T
    want = layout.outputs(torch.tensor(products.reshape(*vectors.shape[:-1], 5)), X)
    tolerance = 1e-7 if "read_noise" in str(settings) else 1e-10
    torch.testing.assert_close(analog(X), want, rtol=0, atol=tolerance)


STOCKS = {
    "grouped": nn.Conv2d(4, 6, 2, groups=2, dtype=torch.float64),
    "depthwise": nn.Conv1d(4, 4, 3, groups=4, padding=1, dtype=torch.float64),
    "transposed": nn.ConvTranspose2d(4, 3, (2, 3), stride=2, dtype=torch.float64),
    "transposed, grouped": nn.ConvTranspose1d(4, 6, 3, groups=2, dtype=torch.float64),
}


@needs_devices
@pytest.mark.parametrize("settings", [WIRES, WIRES | SHARED, WIRES | SUPPLY], ids=str)
@pytest.mark.parametrize("kind", STOCKS)
def test_groups_and_transposed_convolutions_have_wires(kind, settings):
    """Of one array for all groups, whose products are those of its vectors."""
    stock = STOCKS[kind]
    x = torch.rand(2, 4, *[5] * len(stock.kernel_size), dtype=torch.float64)
    analog = from_torch(stock, tree(settings), bias_rows=1, seed=0)
    matrix = AnalogCore(analog.form_matrix().numpy(), tree(settings))
    layout = analog.core.layout
    vectors = layout.vectors(x)
    products = matrix.matmul(vectors.reshape(-1, vectors.shape[-1]).T.numpy()).T
    want = layout.outputs(torch.tensor(products).reshape(*vectors.shape[:-1], -1), x)
    torch.testing.assert_close(analog(x), want, rtol=0, atol=1e-10)
    ideal = from_torch(stock, tree(settings, xbar__array__parasitics__enable=False), 1, seed=0)
    assert (analog(x) - ideal(x)).abs().max() > 1e-4


@needs_devices
@pytest.mark.parametrize("settings", [WIRES, WIRES | SHARED, WIRES | SUPPLY], ids=str)
@pytest.mark.parametrize("kind", ["grouped", "depthwise"])
def test_packed_groups_have_wires_of_their_own(kind, settings):
    stock = STOCKS[kind]
    limits = {"percentile": None, "min": -1.0, "max": 1.0}
    params = tree(settings, core__mapping__weights=limits, core__mapping__inputs__mvm=limits)
    x = torch.rand(2, 4, *[5] * len(stock.kernel_size), dtype=torch.float64)
    packed = from_torch(stock, params, options=LayerOptions(groups="packed"), seed=0)
    weights, biases = stock.weight.chunk(stock.groups), stock.bias.chunk(stock.groups)
    alone = []
    for part, weight, bias in zip(x.chunk(stock.groups, 1), weights, biases, strict=True):
        outputs, inputs, *kernel = weight.shape
        one = type(stock)(inputs, outputs, tuple(kernel), padding=stock.padding).double()
        one.load_state_dict({"weight": weight, "bias": bias})
        alone.append(from_torch(one, params, seed=0)(part))
    torch.testing.assert_close(packed(x), torch.cat(alone, 1), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", STOCKS)
def test_derivatives_of_groups_and_transposed_convolutions_are_exact_with_wires(kind):
    """Each group in arrays of its own, where currents find no detour through the others."""
    stock = STOCKS[kind]
    x = torch.rand(1, 4, *[3] * len(stock.kernel_size), dtype=torch.float64, requires_grad=True)
    layer = from_torch(stock, tree(WIRES), options=LayerOptions(groups="packed"), seed=0)
    assert torch.autograd.gradcheck(layer, (x,))


DENSE = STOCKS | {
    "four groups": nn.Conv2d(4, 8, 2, groups=4, padding="same", dtype=torch.float64),
    "padded by its ends": nn.Conv1d(
        4, 4, 3, groups=2, stride=2, padding=2, padding_mode="circular", dtype=torch.float64
    ),
    "GRU cell": nn.GRUCell(4, 3, dtype=torch.float64),
    "GRU": nn.GRU(4, 3, 2, bidirectional=True, dtype=torch.float64),
}
LEAKY = {
    "pairs": {},
    "shared": SHARED,
    "offset": {"core.style": "OFFSET"},
    "offset in parts": {"core.style": "OFFSET"} | PARTS,
}


def output_of(layer, x):
    y = layer(x)
    return y[0] if isinstance(y, tuple) else y


def data_for(stock):
    axes = len(getattr(stock, "kernel_size", ()))
    shape = (1, 4, *[3] * axes) if axes else (2, 1, 4) if isinstance(stock, nn.GRU) else (2, 4)
    generator = torch.Generator().manual_seed(2)
    return torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("style", LEAKY)
@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize("gradient", ["straight", "masked"])
def test_derivatives_take_the_detours_of_currents_through_structural_zeros(kind, style, gradient):
    stock, options = DENSE[kind], LayerOptions(gradient=gradient)
    rows = {} if isinstance(stock, (nn.GRU, nn.GRUCell)) else {"bias_rows": 1}
    layer = from_torch(stock, tree(WIRES, LEAKY[style]), options=options, seed=0, **rows)
    assert torch.autograd.gradcheck(lambda x: output_of(layer, x), (data_for(stock),))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("kind", DENSE)
def test_detours_of_currents_are_left_to_the_inputs(kind):
    """Weights get the derivatives of ideal wires, where the data are the same."""
    stock, x = DENSE[kind], data_for(DENSE[kind])
    layers = [
        from_torch(stock, tree(WIRES | LEAKY["offset"], further), seed=0)
        for further in ({}, {"simulation.wires_in_gradients": False})
    ]
    gradients = []
    for layer in layers:
        leaf = x.detach().clone().requires_grad_()
        output_of(layer, leaf).sum().backward()
        gradients.append((leaf.grad, [p.grad for p in layer.parameters()]))
    (wired, by_weights), (ideal, wanted) = gradients
    assert (wired - ideal).abs().max() > 1e-3 * ideal.abs().max()
    if "GRU" not in kind:
        torch.testing.assert_close(by_weights, wanted, rtol=0, atol=1e-12)


@needs_devices
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("kind", DENSE)
def test_derivatives_pass_errors_of_structural_zeros(kind):
    """With ideal wires as well."""
    errors = ERRORS | {"xbar.device.programming_error.model": "NormalIndependentDevice"}
    options = LayerOptions(structural_errors=True)
    layer = from_torch(DENSE[kind], tree(errors), seed=0, options=options)
    assert torch.autograd.gradcheck(lambda x: output_of(layer, x), (data_for(DENSE[kind]),))


@needs_devices
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("settings", [{}, LEAKY["offset"], EIGHT_BITS, PARTS, CUBIC], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zeros_that_pass_nothing_have_no_part_in_derivatives(settings, dtype):
    for stock in DENSE.values():
        layer = from_torch(stock, tree(settings), seed=0).to(dtype)
        output_of(layer, data_for(stock).to(dtype))
        assert all(tile.along.matrix is None for tile in layer._tiles.values())


@kinds
def test_layers_in_single_precision_are_as_good_as_single_precision(settings, by_vectors):
    single = from_torch(stock_conv().float(), tree(settings), seed=0)
    double = from_torch(stock_conv().float().double(), tree(settings), seed=0)
    assert single(X.float()).dtype == torch.float32
    torch.testing.assert_close(single(X.float()).double(), double(X), rtol=0, atol=3e-5)


LINEAR = ("input lines", "shared", "parts", "offset")


@pytest.mark.parametrize("settings", [KINDS[name][0] for name in LINEAR], ids=LINEAR)
def test_derivatives_by_the_inputs_are_exact_with_wires(settings):
    layer = from_torch(nn.Linear(6, 4, dtype=torch.float64), tree(settings), bias_rows=1, seed=0)
    x = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))
    image = X[..., :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(from_torch(stock_conv(), tree(settings), seed=0), (image,))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.RNN])
def test_derivatives_of_recurrent_layers_are_exact_with_wires(kind):
    layer = from_torch(kind(3, 2, dtype=torch.float64), tree(WIRES), seed=0)
    x = torch.randn(2, 1, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], (x,))


def test_derivatives_can_be_taken_along_the_programmed_weights():
    stock = nn.Linear(6, 4, dtype=torch.float64)
    params = tree(WIRES, simulation__wires_in_gradients=False)
    layers = [from_torch(stock, params, seed=0), from_torch(stock, tree(WIRES), seed=0)]
    x = torch.randn(3, 6, dtype=torch.float64)
    assert torch.equal(layers[0](x), layers[1](x))
    gradients = []
    for layer in layers:
        leaf = x.clone().requires_grad_()
        layer(leaf).sum().backward()
        gradients.append((leaf.grad, layer.weight.grad, layer.bias.grad))
    programmed = layers[0].get_matrix().sum(0).expand(3, 6)
    torch.testing.assert_close(gradients[0][0], programmed, rtol=0, atol=1e-12)
    assert (gradients[1][0] - programmed).abs().max() > 1e-3
    assert torch.equal(gradients[0][1], gradients[1][1])


@needs_devices
@pytest.mark.parametrize("settings", [WIRES | SUPPLY, CUBIC, WIRES | CUBIC | NOISE], ids=str)
def test_every_circuit_has_derivatives(settings):
    layer = from_torch(nn.Linear(6, 4), tree(settings), seed=0)
    x = (torch.rand(3, 6) - 0.5).requires_grad_()
    layer(x).square().sum().backward()
    near = layer.core.arrays.linear_map("mvm")
    wired = "parasitics.current_from_input" not in str(settings) and "Rp_row" in str(settings)
    assert torch.equal(near, layer.get_matrix()) == (not wired)
    torch.testing.assert_close(x.grad, 2 * layer(x).detach() @ near, rtol=0.05, atol=0.05)


def test_networks_are_trained_through_wires():
    """The drop along the wires is learned away: the loss falls by a factor of 10."""
    torch.manual_seed(0)
    x = torch.randn(64, 12)
    y = torch.tanh(x @ torch.randn(12, 3))
    trained = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(trained.parameters(), 1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.mse_loss(trained(x), y).backward()
        optimizer.step()
    wires = {f"xbar.array.parasitics.Rp_{line}": 5.0 for line in ("row", "col")}
    params = tree(wires, xbar__array__parasitics__enable=True)
    analog = from_torch(trained, params, seed=0)
    before = nn.functional.mse_loss(analog(x), y).item()
    optimizer = torch.optim.Adam(analog.parameters(), 3e-3)
    for _ in range(100):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(analog(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < before / 10


@kinds
def test_chips_with_wires_are_copied_saved_and_written_again(settings, by_vectors):
    stock, exact = stock_conv(), tree(settings, TIGHT)
    analog = from_torch(stock, exact, seed=0)
    first = analog(X)
    other = from_torch(stock_conv(), exact, seed=1)
    other.load_state_dict(analog.state_dict())
    for twin in (other, copy.deepcopy(analog)):
        torch.testing.assert_close(twin(X), first, rtol=0, atol=1e-6)
    with torch.no_grad():
        analog.weight.mul_(-0.5)
        stock.weight.mul_(-0.5)
    again = from_torch(stock, exact, seed=0)
    torch.testing.assert_close(analog(X), again(X), rtol=0, atol=1e-6)
    assert (analog(X) - first).abs().max() > 0.1


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_wires_solved_in_inference_mode_serve_training(mode):
    layer = AnalogLinear(tree(WIRES), 4, 3)
    x = torch.rand(2, 4, requires_grad=True)
    with mode():
        want = layer(x)
    layer(x).sum().backward()
    assert torch.equal(layer(x), want)
    assert x.grad is not None


MEMORY = """
import resource, sys, torch
sys.path.insert(0, sys.argv[1])
from bench_wired_network import resnet20, wired
torch.set_num_threads(1)
network = wired(resnet20((16, 32, 64)))
large = wired(torch.nn.Sequential(torch.nn.Conv2d(128, 256, 3, padding=1)))
with torch.no_grad():
    logits, maps = network(torch.rand(16, 3, 32, 32)), large(torch.rand(4, 128, 8, 8))
assert logits.isfinite().all() and maps.isfinite().all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def test_a_resnet20_with_wires_is_programmed_and_run_within_two_gibibytes():
    pytest.importorskip("resource", reason="the system does not tell how much memory was used")
    pytest.importorskip("rich", reason="the benchmark that is run prints with it")
    benchmarks = Path(__file__).parents[2] / "benchmarks"
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(benchmarks)], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 2


@needs_devices
def test_wired_groups_are_solved_in_one_array():
    layer = AnalogConv2d(tree(WIRES), 4, 6, 2, groups=2, dtype=torch.float64)
    literal = AnalogConv2d(tree(WIRES, simulation__literal=True), 4, 6, 2, groups=2)
    literal = literal.double()
    literal.load_state_dict(layer.state_dict())
    x = torch.rand(2, 4, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(layer(x), literal(x), rtol=0, atol=1e-10)
