"""Two processes train one network: on one chip, or each on its own."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import two_processes
from torch import distributed

pytest.importorskip("crosssim_devices", reason="chips differ by the errors of that package")
pytestmark = pytest.mark.skipif(
    not distributed.is_available() or not distributed.is_gloo_available(), reason="needs gloo"
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What each of two processes reports."""
    place = str(tmp_path_factory.mktemp("gloo") / "meeting")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(two_processes.train, rank, place) for rank in range(2)]
        return [job.result(timeout=180) for job in jobs]


def errors(report, step):
    pairs = zip(report["held"][step], report["weights"][step], strict=True)
    return [np.array(held) - np.array(weights) for held, weights in pairs]


@pytest.mark.parametrize("kind", two_processes.KINDS)
def test_two_processes_share_weights_and_by_choice_the_chip(kind, reports):
    one, other = (report[kind] for report in reports)
    assert one["weights"] == other["weights"]
    assert one["weights"][0] != one["weights"][1]
    for step in range(3):
        for mine, theirs in zip(errors(one, step), errors(other, step), strict=True):
            assert np.abs(mine).max() > 0
            if kind == "a chip for each":
                assert np.abs(mine - theirs).max() > 1e-3
            else:
                np.testing.assert_array_equal(mine, theirs)
    # One programming at conversion, and one after each step.
    assert one["programmed"] == [[0, 0], [1, 1], [2, 2]]
