"""What benchmarks time is right: on tiny sizes, against the literal chain."""

import copy

import bench_core
import bench_growth
import bench_resnet20
import bench_resnet50
import hardware
import numpy as np
import pytest
import torch
from resnet20 import resnet20
from resnet50 import resnet50

from crosssim_core import AnalogCore
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


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return resnet20().double()


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
    torch.manual_seed(0)
    rows = bench_resnet50.measure(resnet50((1, 1, 1, 1), width=2), IMAGES.float(), rounds=1)
    assert [row["case"] for row in rows[1:]] == [case.name for case in bench_resnet50.CASES]
    assert all(row["ratio"] > 0 and row["peak memory [GB]"] > 0 for row in rows)


@pytest.mark.parametrize(
    "case", [case for case in bench_resnet50.CASES if not case.noisy], ids=lambda case: case.name
)
@torch.no_grad()
def test_the_large_network_that_is_timed_gives_what_the_literal_chain_gives(case):
    torch.manual_seed(0)
    model = hardware.analog(case, resnet50((1, 1, 1, 1), width=2).double(), IMAGES)
    assert_agrees(model(IMAGES), literal(model)(IMAGES))


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
