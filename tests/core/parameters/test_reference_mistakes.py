"""Mistakes 1 to 15 of CrossSim 3.2 in handling parameters, which are not made here.

They are about names, values, pairs and groups. Mistake 4 is about built cores; here stands what
the tree has to offer for it.
"""

import numpy as np
import pytest
from stand_ins import RampParams, SarParams

import crosssim_core.parameters as parameters
from crosssim_core.errors import (
    ParameterError,
    ParameterWarning,
    UnknownModelError,
    UnknownParameterError,
)
from crosssim_core.parameters import (
    AdcPair,
    AdcParams,
    CoreStyle,
    CrossSimParameters,
    DeviceErrorParams,
    OffsetCoreStyle,
    SimulationParameters,
    XbarParameters,
)


def test_p01_an_unknown_attribute_is_refused_with_a_hint(params):
    with pytest.raises(UnknownParameterError) as caught:
        params.core.stlye = "OFFSET"
    assert str(caught.value) == (
        "core.stlye: CoreParameters has no parameter 'stlye'. Did you mean 'style'? Known: "
        "balanced, bit_sliced, cols_max, complex_input, complex_matrix, mapping, offset, "
        "output_dtype, rows_max, style, weight_bits."
    )
    assert not hasattr(params.core, "stlye")


def test_p01_a_retired_attribute_is_refused_with_its_history(params):
    with pytest.raises(UnknownParameterError, match=r"CrossSim 3\.1 had it: current_from_input"):
        params.xbar.array.parasitics.gate_input = True


def test_p01_a_retired_attribute_of_convolutions_is_ignored_with_a_warning(params):
    with pytest.warns(ParameterWarning, match=r"simulation\.convolution\.conv_matmul is ignored"):
        params.simulation.convolution.conv_matmul = True
    assert params == CrossSimParameters()


def test_p02_a_parameter_of_another_model_is_refused(params):
    with pytest.raises(UnknownParameterError, match=r"once model selects it \(it is 'IdealADC'\)"):
        params.xbar.adc.mvm.gain_db = 60


def test_p03_validation_descends_to_every_group(params):
    params.xbar.adc.mvm.adc_range_option = "GRANULAR"
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.mvm: .*GRANULAR"):
        params.validate()


def test_p04_conversion_per_input_slice_without_input_slices_is_refused(params):
    params.xbar.adc.mvm.adc_per_ibit = True
    with pytest.raises(ParameterError, match="input_bitslicing is False"):
        params.validate()


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("core.rows_max", "abc", "must be an integer, got 'abc'."),
        ("core.weight_bits", 4.5, "must be an integer, got 4.5."),
        ("core.weight_bits", True, "must be an integer, got True."),
        ("core.weight_bits", -1, "must be at least 0, got -1."),
        ("core.complex_matrix", 1, "must be True or False, got 1."),
        ("xbar.device.Rmin", -1, "must be above 0, got -1."),
        ("xbar.device.Rmin", "1e3", "must be a number, got '1e3'."),
        ("xbar.device.Rmax", float("inf"), "must be finite, got inf."),
        ("xbar.adc.mvm.bits", -1, "must be at least 0, got -1."),
        ("xbar.adc.mvm.model", 3, "must be a string, got 3."),
        ("xbar.dac.mvm.slice_size", 0, "must be at least 1, got 0."),
        ("core.mapping.weights.row_partition_priority", 3, "must be a list, got 3."),
    ],
)
def test_p05_values_of_a_wrong_type_or_sign_are_refused(params, path, value, complaint):
    *groups, name = path.split(".")
    group = params
    for step in groups:
        group = getattr(group, step)
    with pytest.raises(ParameterError) as caught:
        setattr(group, name, value)
    assert str(caught.value) == f"{path}: {complaint}"
    assert params == CrossSimParameters()


def test_p05_an_integer_becomes_a_number(params):
    params.xbar.device.Rmin = 500
    assert type(params.xbar.device.Rmin) is float


def test_p06_a_wrong_name_of_a_choice_lists_the_right_ones(params):
    with pytest.raises(ParameterError) as caught:
        params.core.style = "BALANCE"
    assert str(caught.value) == (
        "core.style: 'BALANCE' is no CoreStyle; choose one of BALANCED (1), BITSLICED (2), "
        "OFFSET (3)."
    )


@pytest.mark.parametrize("value", [CoreStyle.OFFSET, "OFFSET", "offset", 3, np.int64(3)])
def test_p07_a_choice_is_given_as_member_name_or_integer(params, value):
    params.core.style = value
    assert params.core.style is CoreStyle.OFFSET


@pytest.mark.parametrize(
    "value", [True, 3.0, "3", None, 4, OffsetCoreStyle.UNIT_COLUMN_SUBTRACTION, np.bool_(True)]
)
def test_p07_a_choice_is_given_by_nothing_else(params, value):
    with pytest.raises(ParameterError, match=r"^core\.style: .* is no CoreStyle; choose one of"):
        params.core.style = value
    assert params.core.style is CoreStyle.BALANCED


def test_p08_an_unmatched_side_belongs_to_the_tree_and_changes_its_model(params):
    params.xbar.adc.match = False
    params.xbar.adc.vmm.model = "acme.sar"
    assert isinstance(params.xbar.adc.vmm, SarParams)
    assert params.xbar.adc.vmm.split_cdac is True
    assert params.xbar.adc.mvm == AdcParams()
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.vmm\.group_size: "):
        params.xbar.adc.vmm.group_size = 0


def test_p09_match_is_the_one_public_name_of_the_flag(params):
    with pytest.raises(UnknownParameterError, match="Did you mean 'match'"):
        params.xbar.adc._match = False
    params.update({"xbar.adc.match": False, "xbar.adc.vmm.bits": 5})
    assert not params.xbar.adc.match
    assert params.xbar.adc.mvm.bits == 0
    with pytest.raises(UnknownParameterError, match="Did you mean 'match'"):
        params.update({"xbar.adc._match": True})
    assert (
        CrossSimParameters.from_dict({"xbar": {"dac": {"_match": False}}}).xbar.dac.match is False
    )


def test_p10_a_different_record_for_a_matched_side_is_refused(params):
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.vmm: mvm and vmm match"):
        params.xbar.adc.vmm = {"bits": 4}
    params.xbar.adc.vmm = {}
    assert params == CrossSimParameters()


def test_p11_a_new_record_for_a_matched_pair_serves_both_sides(params):
    params.xbar.adc.mvm = {"bits": 4}
    assert params.xbar.adc.vmm is params.xbar.adc.mvm
    params.xbar.adc.mvm.bits = 5
    assert params.xbar.adc.vmm.bits == 5


@pytest.mark.parametrize("side", ["mvm", "vmm"])
def test_p12_one_given_side_serves_both(side):
    pair = AdcPair(**{side: {"bits": 4}})
    assert pair.match
    assert pair.mvm.bits == pair.vmm.bits == 4


def test_p13_a_record_stays_the_same_object_when_its_model_changes(params):
    record = params.xbar.adc.mvm
    record.bits = 7
    params.xbar.adc.mvm.model = "acme.sar"
    record.group_size = 4
    assert record is params.xbar.adc.mvm is params.xbar.adc.vmm
    assert (record.bits, params.xbar.adc.vmm.group_size) == (7, 4)


@pytest.mark.parametrize(
    "first", ["IdealADC", "acme.plain", "acme.ramp", "acme.sar", "acme.cyclic"]
)
@pytest.mark.parametrize(
    "second", ["IdealADC", "acme.plain", "acme.ramp", "acme.sar", "acme.pipeline"]
)
def test_p14_every_change_of_model_keeps_what_both_models_know(params, first, second):
    record = params.xbar.adc.mvm
    record.model = first
    own = {"gain_db": 60.0, "group_size": 4}
    record.update({"bits": 6, **{k: v for k, v in own.items() if hasattr(record, k)}})
    before = record.to_dict()
    record.model = second
    fresh = AdcParams(model=second)
    assert type(record) is type(fresh)
    shared = before.keys() & fresh.to_dict().keys() - {"model"}
    assert record.to_dict() == {**fresh.to_dict(), **{name: before[name] for name in shared}}


def test_p14_a_failed_change_of_model_changes_nothing(params):
    record = params.xbar.adc.mvm
    record.model = "acme.ramp"
    record.gain_db = 60
    before = record.copy()
    with pytest.raises(UnknownModelError, match=r"^xbar\.adc\.mvm\.model: No ADC model is named"):
        record.model = "acme.rmap"
    assert type(record) is RampParams
    assert record == before


def test_p15_a_built_group_becomes_part_of_the_tree(params):
    simulation, xbar = SimulationParameters(), XbarParameters()
    adc = AdcParams(bits=4)
    params.simulation = simulation
    params.xbar = xbar
    params.xbar.adc.mvm = adc
    assert params.simulation is simulation
    assert params.xbar is xbar
    assert params.xbar.adc.vmm is adc
    with pytest.raises(ParameterError, match=r"^xbar\.device\.read_noise\.magnitude: "):
        xbar.device.read_noise.magnitude = -1
    adc.model = "acme.sar"
    assert isinstance(params.xbar.adc.mvm, SarParams)


def test_p15_a_group_of_another_tree_is_copied(params):
    other = CrossSimParameters(xbar=params.xbar)
    assert other.xbar is not params.xbar
    other.xbar.device.Rmin = 10.0
    assert params.xbar.device.Rmin == 1000.0
    params.core.mapping.inputs = other.core.mapping.inputs
    other.core.mapping.inputs.mvm.max = 5.0
    assert params.core.mapping.inputs.mvm.max == 1.0


def test_p15_a_group_that_was_taken_out_can_come_back(params):
    xbar = params.xbar
    params.xbar = None
    xbar.device.Rmin = 10.0
    assert params.xbar.device.Rmin == 1000.0
    params.xbar = xbar
    assert params.xbar is xbar


def test_p15_one_object_given_for_two_groups_becomes_two():
    record = DeviceErrorParams(magnitude=0.1)
    device = parameters.DeviceParameters(read_noise=record, drift_error=record)
    device.read_noise.magnitude = 0.2
    assert device.drift_error.magnitude == 0.1
