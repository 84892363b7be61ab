"""What benchmarks time is right: on tiny sizes, against the literal chain."""

import copy
from contextlib import nullcontext
from unittest import mock

import bench_adcs
import bench_core
import bench_groups
import bench_growth
import bench_layers
import bench_resnet20
import bench_resnet50
import bench_wired_network
import bench_wires
import hardware
import numpy as np
import pytest
import torch
from kirchhoff import settled_currents
from resnet20 import resnet20
from resnet50 import resnet50

from crosssim_core import AnalogCore
from crosssim_core.chain import arithmetic
from crosssim_core.numerics import compiled
from crosssim_torch import analog_modules
from crosssim_torch.calibration.ranges import set_converters
from crosssim_torch.params import trees_of

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

IMAGES = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def literal(model):
    """The same chips, read by the literal chain."""
    twin = copy.deepcopy(model)
    for module in analog_modules(twin):
        trees = [tree.copy() for tree in trees_of(module.params)]
        for tree in trees:
            tree.simulation.literal = True
        set_converters(module, trees)
    return twin


def assert_agrees(got, want):
    """Equal, but for the few currents that lie on a rounding tie."""
    apart = (got - want).abs()
    assert apart.mean() <= 0.01 * want.std()
    assert apart.median() <= 1e-6


def assert_every_read_agrees(model, want):
    """The first read, the later ones that are timed, and those of a batch that comes in pieces."""
    for _ in range(2):
        assert_agrees(model(IMAGES), want)
    with mock.patch.object(arithmetic, "ROOM", 64):
        assert_agrees(model(IMAGES.repeat(2, 1, 1, 1)), want.repeat(2, 1))


def by_layer(model, images):
    """Each analog layer, what it got and what it gave in a read that is not the first."""
    seen = []
    model(images)

    def note(layer, args, y):
        seen.append((layer, *args, y))

    hooks = [layer.register_forward_hook(note) for layer in analog_modules(model)]
    model(images)
    for hook in hooks:
        hook.remove()
    return seen


def small_resnet20():
    torch.manual_seed(0)
    return resnet20()


def small_resnet50():
    torch.manual_seed(0)
    return resnet50((1, 1, 1, 1), width=2)


@pytest.fixture(scope="module")
def network():
    return small_resnet20().double()


@pytest.mark.parametrize("case", bench_resnet20.CASES, ids=lambda case: case.name)
@torch.no_grad()
def test_a_network_that_is_timed_gives_what_the_literal_chain_gives(network, case):
    model = hardware.analog(case, network, IMAGES)
    oracle = literal(model)
    if not case.noisy:
        assert_every_read_agrees(model, oracle(IMAGES))
        return
    # Means of 64 reads each: ten numbers, false alarms below 1e-6 (6.5 standard errors).
    images = IMAGES[:1].repeat(64, 1, 1, 1)
    model(images)  # What is timed are later reads, which may go another way.
    got, want = model(images), oracle(images)
    error = ((got.var(0) + want.var(0)) / len(images)).sqrt()
    assert ((got.mean(0) - want.mean(0)).abs() <= 6.5 * error).all()
    assert (got.std(0) > 0).all()


@pytest.mark.parametrize(
    "case", [case for case in bench_resnet50.CASES if not case.noisy], ids=lambda case: case.name
)
@torch.no_grad()
def test_the_large_network_that_is_timed_gives_what_the_literal_chain_gives(case):
    model = hardware.analog(case, small_resnet50().double(), IMAGES)
    assert_every_read_agrees(model, literal(model)(IMAGES))


def test_the_training_that_is_timed_gives_the_weights_that_the_literal_chain_gives(network):
    model = hardware.analog(bench_resnet20.TRAINING, network, IMAGES)
    oracle, before = literal(model), copy.deepcopy(model)
    for one in (model, oracle):
        job = bench_resnet20.step(one, IMAGES)
        job(), job()
    for p, q, start in zip(*(one.parameters() for one in (model, oracle, before)), strict=True):
        moved = (q - start).abs().max()
        assert moved > 0
        # Currents on a rounding tie may take the other code.
        assert (p - q).abs().max() <= 0.02 * moved


SINGLE = [
    pytest.param(network, case, id=f"{network.__name__}-{case.name}")
    for network, cases in (
        (small_resnet20, bench_resnet20.CASES),
        (small_resnet50, bench_resnet50.CASES),
    )
    for case in cases
    # Both networks have wires, and those of the large one are solved sooner.
    if case.settings != hardware.WIRES
]
"""Cases in the precision that is timed."""


@pytest.mark.parametrize(("network", "case"), [p for p in SINGLE if not p.values[1].noisy])
@torch.no_grad()
def test_each_layer_gives_in_single_precision_what_the_literal_chain_gives(network, case):
    images = IMAGES.float()
    model = hardware.analog(case, network(), images)
    twins = dict(zip(analog_modules(model), analog_modules(literal(model)), strict=True))
    for layer, x, y in by_layer(model, images):
        want = twins[layer](x)
        assert y.dtype == want.dtype == torch.float32
        span = want.max() - want.min()
        apart = (y - want).abs()
        # What lies on a rounding tie may be off by few of the 255 steps of a converter.
        assert (apart > 1e-4 * span).float().mean() <= 0.02
        assert apart.max() <= 3 * span / 255


@pytest.mark.parametrize(("network", "case"), [p for p in SINGLE if p.values[1].noisy])
@torch.no_grad()
def test_a_noisy_layer_has_in_single_precision_the_moments_of_the_literal_chain(network, case):
    images = IMAGES[:1].float()
    model = hardware.analog(case, network(), images)
    layer, x, y = by_layer(model, images)[1]
    twins = dict(zip(analog_modules(model), analog_modules(literal(model)), strict=True))
    x = x.repeat(2**17 // y.numel(), 1, 1, 1)
    reads = layer(x), twins[layer](x)
    assert all(y.dtype == torch.float32 for y in reads)
    got, want = (y.double().flatten(1) for y in reads)
    middle, spread = (got.mean(0) + want.mean(0)) / 2, (got.std(0) + want.std(0)) / 2
    assert (spread > 0).all()
    # The mean of each output and the variance of all, at most 257 numbers; false alarms below
    # 1e-6 (6.5 standard errors).
    got, want = ((y - middle) / spread for y in (got, want))
    for a, b in ((got, want), ((got**2).mean(1), (want**2).mean(1))):
        error = ((a.var(0) + b.var(0)) / len(x)).sqrt()
        assert ((a.mean(0) - b.mean(0)).abs() <= 6.5 * error).all()


@torch.no_grad()
def test_the_convolutions_of_the_series_give_what_the_literal_chain_gives():
    torch.manual_seed(0)
    for run in bench_growth.points(size=3, batch=1):
        model = run.model.double()
        images = run.images.double()
        for _ in range(2):
            assert_agrees(model(images), literal(model)(images))


def test_the_core_that_is_timed_gives_what_the_literal_chain_gives():
    core, matrix, x = bench_core.operands(16)
    params = core._plan.params[0].copy()
    params.simulation.literal = True
    np.testing.assert_allclose(core @ x, AnalogCore(matrix, params) @ x, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", bench_adcs.CASES)
def test_the_conversions_that_are_timed_give_what_counting_of_thresholds_gives(name):
    lines, low, high = 5, -bench_adcs.LIMIT, bench_adcs.LIMIT
    adc = bench_adcs.converter(name, lines)
    currents = 2 * torch.randn(4, lines, 6, 6, generator=torch.Generator().manual_seed(0))
    got = adc.convert(currents, axis=1, noise=None).double().numpy()
    y = np.clip(currents.double().numpy(), low, high)
    if adc.uniform is not None:
        step = (high - low) / 255
        codes = (got - low) / step
        np.testing.assert_allclose(codes, np.round(codes), rtol=0, atol=1e-3)
        assert np.abs(got - y).max() <= step / 2 + 1e-6
        return
    rows = adc.tabulate(adc.errors())
    for line in range(lines):
        row = rows[line // adc.group_size if len(rows) > 1 else 0]
        passed = np.count_nonzero(y[:, line, ..., None] > row.thresholds, axis=-1)
        want = (2 * row.codes[passed] - 255) * high / 256
        np.testing.assert_allclose(got[:, line], want, rtol=0, atol=1e-6)


SPARSE = [
    pytest.param(operands, kind, id=f"{operands.__name__}-{name}")
    for operands, kinds in (
        (bench_groups.depthwise, bench_groups.KINDS),
        (bench_groups.recurrent, bench_groups.GRU_KINDS),
    )
    for name, kind in kinds.items()
]


@pytest.mark.parametrize(("operands", "kind"), SPARSE)
def test_layers_of_many_zeros_that_are_timed_give_what_the_literal_chain_gives(operands, kind):
    torch.manual_seed(0)
    stock, x = operands(8, 4)
    rows, groups, adc = kind
    # Layers are smaller by about this factor, and so are their arrays.
    layer = bench_groups.analog(stock.double(), rows // 12, groups, adc)
    oracle, x = literal(layer), x.double()
    want = oracle(x)
    for _ in range(2):
        torch.testing.assert_close(layer(x), want, rtol=0, atol=1e-9)
    for one in (layer, oracle):
        bench_groups.trained(one, x)()
    for p, q in zip(layer.parameters(), oracle.parameters(), strict=True):
        assert p.grad.any()
        torch.testing.assert_close(p.grad, q.grad, rtol=0, atol=1e-9)


@pytest.mark.parametrize("setting", bench_layers.SETTINGS)
@torch.no_grad()
def test_layers_that_are_timed_give_what_the_literal_chain_gives(setting):
    torch.manual_seed(0)
    for layer, x in bench_layers.layers(12, 3, 5).values():
        model = bench_layers.analog(layer.double(), bench_layers.SETTINGS[setting])
        want = literal(model)(x.double())
        for _ in range(2):
            torch.testing.assert_close(model(x.double()), want, rtol=0, atol=1e-9)


@torch.no_grad()
def test_the_network_with_wires_that_is_timed_gives_what_the_literal_chain_gives():
    stock = bench_wired_network.resnet20((2, 3, 4)).double()
    model = bench_wired_network.wired(stock)
    want = literal(model)(IMAGES)
    for _ in range(2):
        got = model(IMAGES)
        torch.testing.assert_close(got, want, rtol=0, atol=1e-9)
    assert (got - stock(IMAGES)).abs().max() > 1e-6


@pytest.mark.parametrize("loops", [True, False])
def test_the_solvers_that_are_timed_give_the_currents_that_settle_on_their_drops(loops):
    of = bench_wires.operands(6, 12)
    wires, soft, segments = bench_wires.WIRES, bench_wires.SOFT, bench_wires.SEGMENTS
    law, few = bench_wires.saturating, of.v[: bench_wires.FEW]

    def plain(g, v, wires, law=np.multiply):
        """Cells whose input is 0 are off."""
        cells = g.reshape(-1, of.pair.shape[0] if g is of.pair else 1, *g.shape[-2:])
        e = np.stack([v, -v][: cells.shape[1]], axis=1)[:, :, None, :]
        return settled_currents(law, cells * (e != 0), e, wires)

    want = {
        "input lines": plain(of.g, of.v, wires),
        "input lines, nonlinear": plain(of.g, few, wires, law),
        "supply lines, nonlinear": plain(of.g, of.x[: bench_wires.FEW], segments, law),
        "input lines, fresh noise": plain(of.noisy, few, wires),
        "input lines, fresh noise, 3×3, 1e-4": plain(of.noisy[:, :3, :3], few[:, :3], soft),
        "supply lines": plain(of.g, of.x, segments),
        "supply lines, signed digits": plain(of.g, np.sign(of.v), segments),
        "supply lines, pairs": plain(of.pair, of.x, segments),
    }
    jobs = bench_wires.array_jobs(of) | bench_wires.loop_jobs(of)
    assert jobs.keys() == want.keys()
    no_loops = mock.patch.object(compiled, "loops_compiler", return_value=None)
    with nullcontext() if loops else no_loops:
        for name, (vectors, job) in jobs.items():
            got = job()
            assert len(got) == vectors
            # Solvers by steps promise each of the six voltages to 1e-6.
            np.testing.assert_allclose(got, want[name], rtol=0, atol=1e-5, err_msg=name)


def test_the_cores_with_wires_that_are_timed_give_what_the_literal_chain_gives():
    random = np.random.default_rng(0)
    matrix, x = random.uniform(-1, 1, (2, 6, 6))
    cores = bench_wires.wired_cores(matrix)
    for core in cores.values():
        params = core._plan.params[0].copy()
        params.simulation.literal = True
        np.testing.assert_allclose(core @ x, AnalogCore(matrix, params) @ x, rtol=0, atol=1e-9)
    assert np.abs(cores["wires"] @ x - cores["ideal"] @ x).max() > 1e-4
