"""The package is light until something of it is used."""

import subprocess
import sys

import pytest

import crosssim_torch
from crosssim_torch import public
from crosssim_torch.linear import AnalogLinear

FIND = """
import sys
import crosssim_torch
from crosssim_core.plugins import installed_models, plugins, problems
assert "torch" in {plugin.name for plugin in plugins()}, problems()
installed_models("device")
assert "torch" not in sys.modules
crosssim_torch.AnalogLinear
assert "torch" in sys.modules
"""


def test_finding_the_plugin_does_not_import_torch():
    done = subprocess.run([sys.executable, "-c", FIND], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there():
    assert crosssim_torch.__all__ == public.__all__ == sorted(public.__all__)
    assert set(public.__all__) <= set(dir(crosssim_torch))
    assert crosssim_torch.AnalogLinear is AnalogLinear
    everything: dict[str, object] = {}
    exec("from crosssim_torch import *", everything)
    for name in public.__all__:
        assert everything[name] is getattr(crosssim_torch, name) is getattr(public, name)


@pytest.mark.parametrize("name", ["AnalogLinaer", "__wrapped__"])
def test_what_is_not_there_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"'crosssim_torch' has no attribute '{name}'"):
        getattr(crosssim_torch, name)
