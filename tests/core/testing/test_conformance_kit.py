"""A model that is wrong in one way fails the check that is about it, and is told why."""

import subprocess
import sys

import pytest
from wrong_models import registered

from crosssim_core.errors import CrossSimError, ParameterError, UnknownModelError
from crosssim_core.testing import (
    ADC_CHECKS,
    DAC_CHECKS,
    DEVICE_CHECKS,
    AdcSubject,
    ConformanceError,
    DacSubject,
    DeviceSubject,
    adc_checks,
    check_adc_model,
    check_dac_model,
    check_device_model,
    dac_checks,
    device_checks,
)
from crosssim_core.testing.common import COMMON_CHECKS

DEVICES = {
    "Forgetful": ("check_json", "leaves 'spread' out"),
    "OtherShape": ("check_shapes", "program made shape (4,) of shape (3, 4)"),
    "AlwaysDouble": ("check_dtypes", "program made float64 of float32"),
    "Imprecise": ("check_dtypes", "in float32"),
    "AlwaysNumpy": ("check_array_libraries", "returned one of numpy"),
    "NumpyMethods": ("check_array_libraries", "has no attribute"),
    "InPlace": ("check_inputs_unchanged", "drift changed its argument"),
    "OwnGenerator": ("check_seed_repeats", "other numbers with the same seed"),
    "FixedPattern": ("check_independent_cells", "that no seed changes"),
    "Remembers": ("check_no_memory", "program depends on what the model did before"),
    "Infinite": ("check_finite", "inf] of [0.]"),
    "Microsiemens": ("check_plausible", "units of the largest conductance"),
    "Siemens": ("check_plausible", "leaves 0.001 of 1:"),
    "OneScale": ("check_arrays_apart", "axes before the last two count arrays"),
    "OneDeviate": ("check_independent_cells", "one deviate for each cell"),
    "OneDeviatePerColumn": ("check_independent_cells", "one deviate for each cell"),
    "SameReads": ("check_independent_reads", "draw afresh"),
    "WrongMean": ("check_read_moments", "declares the mean 0.101 at 0.1"),
    "WrongDeviation": ("check_read_moments", "declares the standard deviation 0.011 at 0.1"),
    "NotNormal": ("check_read_moments", "are not normal"),
    "Leaks": ("check_current", "without any voltage"),
    "SharesVoltages": ("check_current", "voltages of other vectors"),
    "Threshold": ("check_current_degree", "no such polynomial"),
    "DegreeTooLow": ("check_current_degree", "at the conductance 1.2 and the voltage"),
    "NoDegree": ("check_current_degree", "an integer from 1 upwards"),
    "OffersNothing": ("check_slots", "program, drift, read, current"),
    "RefusesSlots": ("check_slots", "can fill no slot"),
    "NotPicklable": ("check_pickle", "holds an open file"),
    "OtherCopy": ("check_pickle", "goes through deepcopy"),
    "RefusesCell": ("check_builds", "the cell is too large"),
    "no_device": ("check_builds", "returned None"),
}
ADCS = {
    "InPlaceAdc": ("check_inputs_unchanged", "convert changed its argument"),
    "DoubleAdc": ("check_dtypes", "convert made float64 of float32"),
    "OwnOffsets": ("check_seed_repeats", "other numbers with the same seed"),
    "LastAxis": ("check_lines", "along axis 0 of 3"),
    "WholeBatch": ("check_lines", "its vectors one by one"),
    "Restless": ("check_chips", "the second time"),
    "Unlimited": ("check_output_range", "on a range from -2 to 2"),
    "TooManyLevels": ("check_levels", "different values with 6 bits"),
    "WrongLevels": ("check_levels", "levels that uniform declares"),
    "OnlyTells": ("check_kept_errors", "offers errors, which needs its counterpart"),
    "ForgetsErrors": ("check_kept_errors", "other values than the one that errors is of"),
    "GivesAway": ("check_kept_errors", "changes the converter that it is called on"),
    "FirstLines": ("check_lines_alone", "other values than its lines did"),
    "OddName": ("check_kept_errors", "'offsets of lines'"),
}
DACS = {
    "NumpyDac": ("check_array_libraries", "returned one of numpy"),
    "FlatDac": ("check_shapes", "convert made shape (60,) of shape (5, 12)"),
    "UnlimitedDac": ("check_output_range", "beyond a range from -1 to 1"),
    "ContinuousDac": ("check_levels", "different voltages with 6 bits"),
    "WrongDacLevels": ("check_levels", "levels that uniform declares"),
    "WrongDigits": ("check_digits", "6 magnitude bits cannot hold"),
    "HalfDigits": ("check_digits", "not a count of bits"),
}


@pytest.fixture(scope="module", autouse=True)
def installed():
    with registered(
        devices=["RightDevice", *DEVICES],
        adcs=["RightAdc", "KeepingAdc", "PickingAdc", *ADCS],
        dacs=["RightDac", *DACS],
    ):
        yield


def failures(check, name):
    """What ``check`` reports for the model ``name``, by check."""
    with pytest.raises(ConformanceError) as caught:
        check(f"wrong.{name}")
    return dict(line[2:].split(": ", 1) for line in str(caught.value).splitlines()[1:])


@pytest.mark.parametrize("name", DEVICES)
def test_a_wrong_device_fails_the_right_check(name):
    check, said = DEVICES[name]
    assert said in failures(check_device_model, name)[check]


@pytest.mark.parametrize("name", ADCS)
def test_a_wrong_adc_fails_the_right_check(name):
    check, said = ADCS[name]
    assert said in failures(check_adc_model, name)[check]


@pytest.mark.parametrize("name", DACS)
def test_a_wrong_dac_fails_the_right_check(name):
    check, said = DACS[name]
    assert said in failures(check_dac_model, name)[check]


def test_right_models_pass():
    check_device_model("wrong.RightDevice", spread=0.1)
    check_adc_model("wrong.RightAdc")
    check_adc_model("wrong.KeepingAdc")
    check_adc_model("wrong.RightAdc", bits=8, low=0.0, high=1.0, lines=5)
    check_dac_model("wrong.RightDac")


def test_every_check_is_failed_by_some_model_of_its_family():
    common = {check.__name__ for check in COMMON_CHECKS}
    failed = {check for check, _ in DEVICES.values()}
    assert common <= failed
    for wrong, checks in ((DEVICES, DEVICE_CHECKS), (ADCS, ADC_CHECKS), (DACS, DAC_CHECKS)):
        own = {check.__name__ for check in checks} - common
        assert own == {check for check, _ in wrong.values()} - common


def test_an_expected_failure_is_excused():
    check_device_model("wrong.WrongMean", expected_failures={"check_read_moments": "a test"})


def test_an_expected_failure_that_does_not_happen_is_a_failure():
    with pytest.raises(ConformanceError, match="passes, though its failure is expected: a test"):
        check_device_model("wrong.RightDevice", expected_failures={"check_json": "a test"})


@pytest.mark.parametrize(
    ("expected", "said"),
    [({"check_jason": "typo"}, "there is no check 'check_jason'"), ({"check_json": " "}, "reason")],
)
def test_an_expected_failure_needs_a_check_and_a_reason(expected, said):
    for check in (check_device_model, device_checks):
        with pytest.raises(ParameterError, match=said):
            check("wrong.RightDevice", expected_failures=expected)


def test_a_model_that_is_not_installed_is_named():
    with pytest.raises(ConformanceError, match=r"check_builds: UnknownModelError: .*'wrong.Rigth'"):
        check_device_model("wrong.Rigth")
    with pytest.raises(UnknownModelError):
        DeviceSubject("wrong.Rigth").build()


def test_a_failure_is_an_assertion_and_one_of_our_errors():
    assert issubclass(ConformanceError, AssertionError)
    assert issubclass(ConformanceError, CrossSimError)


def test_settings_reach_the_record():
    assert DeviceSubject("wrong.RightDevice", {"spread": 0.3}).record.spread == 0.3
    assert AdcSubject("wrong.RightAdc", {"bits": 9}).record.bits == 9
    assert not DacSubject("wrong.RightDac", low=0.0).record.signed


@device_checks("wrong.RightDevice", expected_failures={})
def test_the_decorator_runs_every_device_check(check, model):
    check(model)


@device_checks("wrong.Leaks", expected_failures={"check_current": "it leaks on purpose"})
def test_the_decorator_marks_expected_failures(check, model):
    check(model)


@adc_checks("wrong.RightAdc", lines=7)
def test_the_decorator_runs_every_adc_check(check, model):
    check(model)


@dac_checks("wrong.RightDac", bits=4)
def test_the_decorator_runs_every_dac_check(check, model):
    check(model)


def test_the_kit_needs_pytest_only_for_its_decorators():
    code = (
        "import sys; sys.modules['pytest'] = None; "
        "from crosssim_core.testing import check_device_model; "
        "check_device_model('IdealDevice')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
