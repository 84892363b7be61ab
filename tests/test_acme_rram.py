"""A third party's plugin, installed from its wheel, used by name."""

import importlib.util
import runpy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest

from crosssim_core import AnalogCore, CrossSimParameters
from crosssim_core.plugins import find_model, params_class, problems

PACKAGE = Path(__file__).parents[1] / "examples" / "acme-rram"

try:
    VERSION = version("acme-rram")
except PackageNotFoundError:
    pytest.skip("acme-rram is not installed; nox -s tests does it", allow_module_level=True)


def test_it_is_found_through_its_entry_point():
    model = find_model("device", "acme.rram")
    assert (model.plugin, model.distribution, model.version) == ("acme", "acme-rram", VERSION)
    assert params_class("device", "acme.rram").__module__ == "acme_rram.params"
    assert not [problem for problem in problems() if problem.plugin == "acme"]


def test_a_core_programs_its_cells():
    params = CrossSimParameters.from_json(PACKAGE / "rram.json")
    matrix = np.random.default_rng(0).uniform(-1, 1, (100, 100))
    written = AnalogCore(matrix, params, seed=1).get_matrix()
    assert 0.02 < np.std(written - matrix) < 0.1


def test_a_network_uses_it_by_name_in_a_json_file():
    pytest.importorskip("crosssim_torch", reason="needs crosssim-torch")
    deviation = runpy.run_path(str(PACKAGE / "network.py"))["deviation"]
    first = deviation(1)
    assert 0.001 < first < 0.5
    assert deviation(1) == first
    assert deviation(2) != first


def test_what_is_tested_is_the_wheel():
    found = importlib.util.find_spec("acme_rram")
    assert found is not None
    assert PACKAGE not in Path(found.origin).parents
