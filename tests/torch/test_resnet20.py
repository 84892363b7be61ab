"""ResNet-20 on CIFAR-10 images: logits against those of CrossSim 3.2.

The weights are published by others and not part of this repository: see CONTRIBUTING.md.
"""

import json
import os

import pytest
import torch
from resnet20 import FILE, PLACES, reference_arrays, reference_folder, resnet20

from crosssim_core import CrossSimParameters
from crosssim_torch import convertible_modules, from_torch

# CrossSim writes core.weight_bits where it has no effect too.
pytestmark = pytest.mark.filterwarnings("ignore:core.weight_bits")


@pytest.fixture(scope="module")
def folder():
    found = reference_folder()
    if found is not None:
        return found
    reason = f"{FILE} is in none of: {', '.join(map(str, PLACES))}"
    if os.environ.get("CROSSSIM_REQUIRE_REFERENCE") == "1":
        pytest.fail(f"CROSSSIM_REQUIRE_REFERENCE is 1, and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def arrays(folder):
    return reference_arrays(folder)


@pytest.fixture(scope="module")
def network(arrays):
    return resnet20(arrays)


def logits(network, folder, arrays, configuration):
    trees = json.loads((folder / f"resnet20-{configuration}.json").read_text())
    assert len(trees) == len(convertible_modules(network))
    params = [CrossSimParameters.from_dict(tree) for tree in trees]
    analog = from_torch(network, params, fuse_batchnorm=True)
    with torch.no_grad():
        return analog(arrays["x"])


def test_the_network_built_here_gives_the_published_logits(network, arrays):
    with torch.no_grad():
        torch.testing.assert_close(network(arrays["x"]), arrays["y/torch"], rtol=0, atol=1e-4)


def test_with_ideal_arrays_the_logits_are_those_of_crosssim(network, folder, arrays):
    got = logits(network, folder, arrays, "ideal")
    torch.testing.assert_close(got, arrays["y/ideal"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("configuration", ["balanced8", "balanced8-ibits", "sliced2-max"])
def test_with_quantizing_converters_the_logits_are_those_of_crosssim(
    network, folder, arrays, configuration
):
    pytest.importorskip("crosssim_devices", reason="the converters are models of that package")
    got, want = logits(network, folder, arrays, configuration), arrays[f"y/{configuration}"]
    assert (got - want).abs().mean() <= 0.02 * want.std()
    assert (got.argmax(1) == want.argmax(1)).sum() >= 15
