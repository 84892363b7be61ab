"""Analog layers beside what records networks as graphs."""

import copy
import shutil

import pytest
import torch
from analog_settings import EIGHT_BITS, ERRORS, needs_devices, tree
from torch import nn

from crosssim_core.errors import UnsupportedError
from crosssim_torch import AnalogModule, LayerOptions, analog_modules, from_torch, to_torch

pytestmark = pytest.mark.filterwarnings("ignore")

X = torch.linspace(-1, 1, 12).reshape(3, 4)
IMAGES = torch.linspace(-1, 1, 2 * 2 * 5 * 5).reshape(2, 2, 5, 5)
NOISE = {
    "xbar.device.read_noise.enable": True,
    "xbar.device.read_noise.model": "NormalIndependentDevice",
    "xbar.device.read_noise.magnitude": 0.02,
}
CIRCUIT = EIGHT_BITS | {"xbar.adc.mvm.model": "SarADC", "xbar.adc.mvm.sigma_comparator": 0.05}


def network():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))


def convolutions():
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2), nn.Flatten())


@pytest.fixture(autouse=True)
def _nothing_compiled_before():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def first(y):
    return y[0] if isinstance(y, tuple) else y


def agree(stock, x, settings, backend, gradient="straight"):
    """A compiled network gives outputs and derivatives of a copy that is not, and learns as it."""
    options = LayerOptions(gradient=gradient)
    plain = from_torch(stock, tree(*settings), 1, seed=3, options=options)
    model = copy.deepcopy(plain)
    compiled = torch.compile(model, backend=backend)
    for _ in range(2):
        y, twin = first(plain(x)), first(compiled(x))
        torch.testing.assert_close(twin, y)
        y.square().sum().backward()
        twin.square().sum().backward()
        for p, q in zip(plain.parameters(), model.parameters(), strict=True):
            torch.testing.assert_close(q.grad, p.grad)
            # A step of training is heeded: the arrays are programmed again.
            with torch.no_grad():
                p.sub_(0.05 * p.grad)
                q.sub_(0.05 * q.grad)
    with torch.no_grad():
        torch.testing.assert_close(first(compiled(x)), first(plain(x)))


@needs_devices
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("settings", [(ERRORS, EIGHT_BITS), (ERRORS, EIGHT_BITS, NOISE)])
def test_a_compiled_network_computes_what_it_computes_otherwise(settings, backend):
    agree(network(), X, settings, backend)


@needs_devices
@pytest.mark.parametrize(
    ("stock", "x"),
    [
        (convolutions(), IMAGES),
        (nn.LSTM(4, 5), X[:, None]),
        (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), X[:, None]),
    ],
    ids=["convolutions", "recurrent", "attention"],
)
def test_every_kind_of_layer_may_stand_in_a_compiled_network(stock, x):
    agree(stock, x, (ERRORS, CIRCUIT, NOISE), "aot_eager", "masked")


@needs_devices
@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_the_compiler_that_writes_kernels_is_no_exception():
    agree(network(), X, (ERRORS, EIGHT_BITS, NOISE), "inductor")


def test_a_compiled_network_can_be_converted():
    stock = network()
    analog = from_torch(torch.compile(stock, backend="eager"), tree())
    assert len(analog_modules(analog)) == 2
    torch.testing.assert_close(analog(X), stock(X))


def test_what_would_freeze_a_layer_in_a_graph_is_refused():
    model = from_torch(network(), tree(), seed=0)
    want = model(X)
    for record in (
        torch.fx.symbolic_trace,
        lambda m: torch.jit.trace(m, X),
        lambda m: torch.jit.trace(m[0], X),
        lambda m: torch.jit.trace(m, example_kwarg_inputs={"input": X}),
        torch.jit.script,
        lambda m: torch.jit.script(m[0]),
        lambda m: torch.export.export(m, (X,)),
    ):
        with pytest.raises(UnsupportedError, match=r"recorded as a graph.*to_torch"):
            record(model)
    with pytest.raises(Exception, match="programs its arrays when weights have changed"):
        torch.compile(model, backend="eager", fullgraph=True)(X)
    assert torch.equal(model(X), want)
    physical = torch.export.export(to_torch(model, physical_weights=True), (X,))
    torch.testing.assert_close(physical.module()(X), want)


class Leaves(torch.fx.Tracer):
    """Traces up to analog modules."""

    def is_leaf_module(self, m, qualified_name):
        return isinstance(m, AnalogModule) or super().is_leaf_module(m, qualified_name)


def test_analog_layers_may_be_leaves_of_a_traced_network():
    model = from_torch(network(), tree(), seed=0)
    traced = torch.fx.GraphModule(model, Leaves().trace(model))
    with torch.no_grad():
        model[0].weight.mul_(2.0)
    assert torch.equal(traced(X), model(X))
