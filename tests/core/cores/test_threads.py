"""Several threads in one core, and several cores in one process; reading changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from analog_settings import needs_devices
from erring_models import SKEWED, STYLES, bench_installed, slot, tree
from wire_settings import SHARED, SUPPLY, WIRES

from crosssim_core import AnalogCore

A = np.random.default_rng(0).uniform(-1, 1, (16, 24))
X = np.random.default_rng(1).uniform(-1, 1, (24, 3))
THREADS = 4

NOISY = slot("read_noise", magnitude=0.02)
GROWING = slot("nonlinear_IV", "bench.growing")
WIRED = {
    "input lines": {},
    "pairs, parts": SHARED | {"core.rows_max": 11, "core.cols_max": 9},
    "slices": STYLES["slices"],
    "supply lines": SUPPLY,
    "pairs on supply lines": SUPPLY | SHARED,
    "noisy": NOISY,
    "noisy pairs on supply lines": NOISY | SUPPLY | SHARED,
    "growing": GROWING,
    "growing, supply lines": GROWING | SUPPLY,
}


def at_once(tasks):
    """Results of ``tasks``, all started at the same moment in threads of their own."""
    tasks = list(tasks)
    start = Barrier(len(tasks))

    def run(task):
        start.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def read_all(core, xp=np):
    """One result of every kind of reading."""
    x = xp.asarray(X.copy())
    results = core @ x, core.T @ xp.asarray(A.copy()), core[::-1, 3] @ x[:16, 0], core.get_matrix()
    return [np.asarray(result) for result in results]


@pytest.mark.parametrize("settings", STYLES.values(), ids=STYLES)
def test_reading_has_no_side_effects(settings):
    with bench_installed():
        core = AnalogCore(A, tree(settings, slot("programming_error"), SKEWED), seed=1)
    state = core.state()
    first = read_all(core)
    for got, want in zip(read_all(core), first, strict=True):
        np.testing.assert_array_equal(got, want)
    after = core.state()
    assert after.info == state.info
    for name, x in state.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], x)


def test_threads_that_read_one_core_for_the_first_time_read_the_same():
    with bench_installed():
        params = tree(STYLES["slices"], slot("programming_error"), SKEWED)
        for _ in range(5):
            core = AnalogCore(A, params, seed=1)
            results = at_once([lambda core=core: read_all(core)] * THREADS)
            for other in results[1:]:
                for got, want in zip(other, results[0], strict=True):
                    np.testing.assert_array_equal(got, want)


def test_threads_draw_read_noise_of_their_own():
    with bench_installed():
        core = AnalogCore(A, tree(slot("read_noise")), seed=1)
        products = at_once([lambda: core @ X] * THREADS)
    assert len({product.tobytes() for product in products}) == THREADS


def test_no_update_of_any_thread_is_lost():
    """Threads write disjoint rows; were one update lost, its row would hold the old values."""
    limits = {"percentile": None, "min": -1.0, "max": 1.0}
    core = AnalogCore(np.zeros_like(A), tree(core__mapping__weights=limits))

    def write(first):
        for row in range(first, 16, THREADS):
            for col in range(24):
                core[row, col] = A[row, col]

    at_once([lambda first=i: write(first) for i in range(THREADS)])
    np.testing.assert_allclose(core.get_matrix(), A, atol=1e-14)
    assert core.state().info["writes"] == 1 + A.size


def test_a_reader_sees_one_matrix_or_the_other():
    core = AnalogCore(np.ones((16, 24)))

    def write():
        for k in range(50):
            core[...] = 1.0 + k % 2

    def read():
        return [core @ np.ones(24) for _ in range(50)]

    for product in [y for result in at_once([write, read, read]) if result for y in result]:
        assert min(abs(product[0] - 24), abs(product[0] - 48)) < 1e-10
        np.testing.assert_allclose(product, product[0])


def test_cores_of_different_kinds_work_side_by_side_in_threads(xp):
    with bench_installed():
        kinds = [
            (xp.asarray(A.astype(dtype)), tree(settings, slot("programming_error")), seed)
            for seed, (dtype, settings) in enumerate(
                zip(("float64", "float32", "float64", "float32"), STYLES.values(), strict=False)
            )
        ]

        def work(kind):
            matrix, params, seed = kind
            core = AnalogCore(matrix, params, seed=seed)
            core[2] = 0.1
            return read_all(core, xp)

        alone = [work(kind) for kind in kinds]
        together = at_once([lambda kind=kind: work(kind) for kind in kinds])
    for got, want in zip(together, alone, strict=True):
        for y, z in zip(got, want, strict=True):
            np.testing.assert_array_equal(y, z)


def products(core):
    """Products from both sides."""
    return [core @ X, core.T @ A[:, :2]]


@needs_devices
def test_arrays_with_wires_are_programmed_and_read_side_by_side():
    """Of every kind at once, each twice; to the last bit as one after the other."""
    with bench_installed():
        trees = [tree(WIRES, kind) for kind in WIRED.values()] * 2

        def work(params):
            core = AnalogCore(A, params, seed=1)
            first = products(core)
            core[2] = 0.1
            return first + products(core)

        together = at_once([lambda params=params: work(params) for params in trees])
        alone = [work(params) for params in trees]
    for got, want in zip(together, alone, strict=True):
        for y, z in zip(got, want, strict=True):
            np.testing.assert_array_equal(y, z)


@needs_devices
@pytest.mark.parametrize(
    "kind", [kind for name, kind in WIRED.items() if "noisy" not in name], ids=str
)
def test_threads_that_read_one_wired_core_for_the_first_time_read_the_same(kind):
    with bench_installed():
        params = tree(WIRES, kind)
        want = products(AnalogCore(A, params))
        for _ in range(3):
            core = AnalogCore(A, params)
            results = at_once([lambda core=core: products(core)] * THREADS)
            for got in results:
                for y, z in zip(got, want, strict=True):
                    np.testing.assert_array_equal(y, z)
