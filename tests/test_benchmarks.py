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
from rich.table import Table

from crosssim_core import AnalogCore
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


def by_layer(model, images):
    """Each analog layer, what it got and what it gave."""
    seen = []

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
        assert_agrees(model(IMAGES), oracle(IMAGES))
        return
    # Means of 64 reads each: ten numbers, false alarms below 1e-6 (6.5 standard errors).
    images = IMAGES[:1].repeat(64, 1, 1, 1)
    got, want = model(images), oracle(images)
    error = ((got.var(0) + want.var(0)) / len(images)).sqrt()
    assert ((got.mean(0) - want.mean(0)).abs() <= 6.5 * error).all()
    assert (got.std(0) > 0).all()


def test_the_table_of_the_network_has_a_row_for_each_case_and_the_training_step(network):
    rows = bench_resnet20.measure(IMAGES.float(), copy.deepcopy(network).float(), rounds=1)
    names = [case.name for case in (*bench_resnet20.CASES, bench_resnet20.TRAINING)]
    assert [row["case"] for row in rows] == names
    assert all(row["ratio"] > 0 and row["memory"] > 0 for row in rows)


def test_the_table_of_the_large_network_has_a_row_for_each_case_and_the_stock_one():
    rows = bench_resnet50.measure(small_resnet50(), IMAGES.float(), rounds=1)
    assert [row["case"] for row in rows[1:]] == [case.name for case in bench_resnet50.CASES]
    assert all(row["ratio"] > 0 and row["peak memory [GB]"] > 0 for row in rows)


@pytest.mark.parametrize(
    "case", [case for case in bench_resnet50.CASES if not case.noisy], ids=lambda case: case.name
)
@torch.no_grad()
def test_the_large_network_that_is_timed_gives_what_the_literal_chain_gives(case):
    model = hardware.analog(case, small_resnet50().double(), IMAGES)
    assert_agrees(model(IMAGES), literal(model)(IMAGES))


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
        assert_agrees(model(images), literal(model)(images))


def test_the_core_that_is_timed_gives_what_the_literal_chain_gives():
    core, matrix, x = bench_core.operands(16)
    params = core._plan.params[0].copy()
    params.simulation.literal = True
    np.testing.assert_allclose(core @ x, AnalogCore(matrix, params) @ x, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")
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
    y, want = (one(x) for one in (layer, oracle))
    torch.testing.assert_close(y, want, rtol=0, atol=1e-9)
    for one in (layer, oracle):
        bench_groups.trained(one, x)()
    for p, q in zip(layer.parameters(), oracle.parameters(), strict=True):
        assert p.grad.any()
        torch.testing.assert_close(p.grad, q.grad, rtol=0, atol=1e-9)


def test_the_table_of_layers_of_many_zeros_has_a_row_for_each_kind_and_the_stock_one():
    torch.manual_seed(0)
    table = Table(*["column"] * 6)
    bench_groups.compare(table, "GRU", *bench_groups.recurrent(4, 2), bench_groups.GRU_KINDS)
    assert table.row_count == 1 + len(bench_groups.GRU_KINDS)


@pytest.mark.parametrize("setting", bench_layers.SETTINGS)
@torch.no_grad()
def test_layers_that_are_timed_give_what_the_literal_chain_gives(setting):
    torch.manual_seed(0)
    for layer, x in bench_layers.layers(12, 3, 5).values():
        model = bench_layers.analog(layer.double(), bench_layers.SETTINGS[setting])
        torch.testing.assert_close(model(x.double()), literal(model)(x.double()), rtol=0, atol=1e-9)


@torch.no_grad()
def test_the_network_with_wires_that_is_timed_gives_what_the_literal_chain_gives():
    stock = bench_wired_network.resnet20((2, 3, 4)).double()
    model = bench_wired_network.wired(stock)
    assert all(time > 0 for time in bench_wired_network.measure(stock, model, IMAGES))
    got = model(IMAGES)
    torch.testing.assert_close(got, literal(model)(IMAGES), rtol=0, atol=1e-9)
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


def test_the_tables_of_solvers_have_a_row_for_each_array():
    assert bench_wires.programming([(3, 4)]).row_count == 2
    assert bench_wires.growth([3, 4]).row_count == 2
    assert bench_wires.products(4).row_count == 1 + 3 + 2 * 5
    assert bench_wires.cores(4).row_count == 4
