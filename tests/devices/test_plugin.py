"""The package is found through its entry point, and through nothing else."""

import json
import os
import subprocess
import sys

import pytest

from crosssim_core.plugins import factory, installed_models, params_class, problems
from crosssim_core.plugins.unknown import SUPPLIED

DEVICES = {
    "CellVariation",
    "Chain",
    "CubicDevice",
    "DeadLines",
    "MeasuredDevice",
    "NormalIndependentDevice",
    "NormalInverseProportionalDevice",
    "NormalProportionalDevice",
    "PCMJoshi",
    "PowerLawDrift",
    "RRAMMilo",
    "RRAMWan",
    "SONOS",
    "StuckCells",
    "ThermalConductance",
    "UniformIndependentDevice",
    "UniformInverseProportionalDevice",
    "UniformProportionalDevice",
}
ADCS = {"CyclicADC", "PipelineADC", "QuantizerADC", "RampADC", "SarADC", "SignMagnitudeADC"}
DACS = {"QuantizerDAC", "SignMagnitudeDAC"}
EVERY = [("device", n) for n in DEVICES] + [("adc", n) for n in ADCS] + [("dac", n) for n in DACS]


def in_a_new_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_every_model_comes_from_this_distribution():
    for family, names in (("device", DEVICES), ("adc", ADCS), ("dac", DACS)):
        installed = installed_models(family)
        ours = {n for n, model in installed.items() if model.distribution == "crosssim-devices"}
        assert ours == names
        assert {installed[name].plugin for name in names} == {"devices"}
    assert not [problem for problem in problems() if problem.distribution == "crosssim-devices"]


def test_core_knows_by_name_what_this_distribution_brings():
    assert SUPPLIED == {"device": DEVICES, "adc": ADCS, "dac": DACS}


@pytest.mark.parametrize(("family", "name"), sorted(EVERY))
def test_what_the_plugin_says_about_a_model_is_there(family, name):
    assert callable(factory(family, name))
    record = params_class(family, name)
    if record is not None:
        assert record().model == name or (record.__name__, name) == (
            "PipelineAdcParams",
            "CyclicADC",
        )


def test_core_never_imports_the_package_on_its_own():
    code = (
        "import json, sys, crosssim_core; "
        "print(json.dumps([name for name in sys.modules if name.startswith('crosssim_devices')]))"
    )
    assert in_a_new_process(code) == []


def test_discovery_imports_the_plugin_module_and_no_model():
    code = (
        "import json, sys; from crosssim_core.plugins import installed_models; "
        "installed_models('adc'); "
        "print(json.dumps([name for name in sys.modules if name.startswith('crosssim_devices')]))"
    )
    loaded = in_a_new_process(code, CROSSSIM_PLUGINS="devices")
    assert sorted(loaded) == ["crosssim_devices", "crosssim_devices.plugin"]


def test_left_out_the_package_is_named_by_the_error():
    code = (
        "import json; from crosssim_core.plugins import find_model\n"
        "try:\n    find_model('device', 'SONOS')\n"
        "except ValueError as error:\n    print(json.dumps(str(error)))"
    )
    message = in_a_new_process(code, CROSSSIM_PLUGINS="")
    assert "'devices' (crosssim-devices)" in message
    assert "CROSSSIM_PLUGINS" in message
