"""Rules between parameters, numbered as in the table of CrossSim's validation."""

import warnings

import pytest

from crosssim_core.errors import ParameterError, ParameterWarning, UnknownModelError
from crosssim_core.parameters import (
    AdcPair,
    CrossSimParameters,
    DacParams,
    InputMappingPair,
    InputMappingParameters,
    WeightMappingParameters,
)

ADC = {
    "xbar.adc.mvm.model": "acme.plain",
    "xbar.adc.mvm.bits": 8,
    "xbar.adc.mvm.calibrated_range": [-1, 1],
}
SLICED_INPUTS = {
    "xbar.dac.mvm.model": "acme.dac",
    "xbar.dac.mvm.bits": 8,
    "xbar.dac.mvm.input_bitslicing": True,
}
SLICED_WEIGHTS = {"core.style": "BITSLICED", "core.weight_bits": 8, "core.bit_sliced.num_slices": 2}
GRANULAR = {
    **SLICED_INPUTS,
    "xbar.adc.mvm.adc_range_option": "GRANULAR",
    "xbar.adc.mvm.adc_per_ibit": True,
}


def refusal(changes):
    """Message that validation of a default tree with ``changes`` ends in."""
    params = CrossSimParameters()
    params.update(changes)
    with pytest.raises(ParameterError) as caught:
        params.validate()
    with pytest.raises(ParameterError) as loaded:
        CrossSimParameters.from_dict(params.to_dict())
    assert str(loaded.value) == str(caught.value)
    return str(caught.value)


def accept(changes):
    params = CrossSimParameters()
    params.update(changes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        params.validate()


def test_a_default_tree_is_valid_and_gives_no_warning():
    accept({})


@pytest.mark.parametrize("cls", [WeightMappingParameters, InputMappingParameters])
def test_v01_a_mapping_without_limits_and_percentile_is_refused(cls):
    with pytest.raises(ParameterError, match="percentile, min and max are all None"):
        cls(percentile=None, min=None, max=None)
    limits = cls(percentile=0.9)
    limits.percentile = None
    with pytest.raises(ParameterError, match="percentile, min and max are all None"):
        limits.validate()


@pytest.mark.parametrize("cls", [WeightMappingParameters, InputMappingParameters])
def test_v01_a_single_limit_is_refused(cls):
    limits = cls(percentile=0.9)
    limits.min = -1
    with pytest.raises(ParameterError, match=r"min \(-1\.0\) and max \(None\) are needed both"):
        limits.validate()
    with pytest.raises(ParameterError, match=r"^range: min \(-1\.0\) and max \(None\)"):
        _ = limits.range


@pytest.mark.parametrize("cls", [WeightMappingParameters, InputMappingParameters])
@pytest.mark.parametrize("limit", ["min", "max"])
def test_v02_a_percentile_together_with_a_limit_is_refused(cls, limit):
    with pytest.raises(ParameterError, match=rf"{limit} \(1\) and percentile \(0\.9\) exclude"):
        cls(percentile=0.9, **{limit: 1})


def test_v03_matched_sides_that_differ_are_refused():
    with pytest.raises(ParameterError, match="mvm and vmm differ in bits, signed although"):
        AdcPair(mvm={"bits": 3}, vmm={"signed": False})
    with pytest.raises(ParameterError, match=r"^xbar\.dac: mvm and vmm differ in bits"):
        CrossSimParameters.from_dict(
            {"xbar": {"dac": {"_match": True, "mvm": {"bits": 3}, "vmm": {}}}}
        )


def test_v03_sides_that_do_not_match_may_differ():
    pair = InputMappingPair(match=False, mvm={"max": 3}, vmm={"max": 4})
    assert (pair.mvm.max, pair.vmm.max) == (3, 4)
    assert AdcPair(match=False, mvm={"bits": 3}).vmm.bits == 0


@pytest.mark.parametrize("side", ["mvm", "vmm"])
def test_v04_conversion_per_input_slice_needs_input_slices_on_its_side(side):
    changes = {
        "xbar.adc.match": False,
        "xbar.dac.match": False,
        f"xbar.adc.{side}.adc_per_ibit": True,
    }
    assert refusal(changes).startswith(
        f"xbar.adc.{side}: adc_per_ibit is True and dac.{side}.input_bitslicing is False"
    )
    sliced = {name.replace("mvm", side): value for name, value in SLICED_INPUTS.items()}
    accept({**changes, **sliced})


def test_v05_a_separate_source_needs_binary_inputs():
    changes = {"xbar.array.parasitics.current_from_input": False}
    assert refusal(changes).startswith(
        "xbar.array.parasitics: current_from_input is False, which needs binary inputs"
    )
    assert "slice_size 1 (is 2)" in refusal(
        {**changes, **SLICED_INPUTS, "xbar.dac.mvm.slice_size": 2}
    )
    accept({**changes, **SLICED_INPUTS})


def test_v06_a_granular_range_needs_conversion_per_input_slice():
    message = refusal({"xbar.adc.mvm.adc_range_option": "GRANULAR"})
    assert message.startswith("xbar.adc.mvm: adc_range_option is GRANULAR")


def test_v07_input_slices_need_bits():
    message = refusal({"xbar.dac.mvm.model": "acme.dac", "xbar.dac.mvm.input_bitslicing": True})
    assert message == ("xbar.dac.mvm: input_bitslicing is True and bits is 0: there are no digits.")


def test_v08_an_unknown_name_is_refused_in_bulk_and_changes_nothing(params):
    with pytest.raises(ParameterError, match=r"^xbar\.adcc: .* Did you mean 'adc'\?"):
        params.update({"xbar.dac.mvm.bits": 3, "xbar.adcc.mvm.bits": 8})
    with pytest.raises(ParameterError, match=r"^core\.style: is a single parameter"):
        params.update({"xbar.dac.mvm.bits": 3, "core.style.name": 8})
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.mvm\.bits: must be an integer"):
        params.update({"xbar.dac.mvm.bits": 3, "xbar.adc.mvm.bits": "8"})
    assert params == CrossSimParameters()


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("xbar.adc.mvm", "ADC"),
        ("xbar.dac.mvm", "DAC"),
        ("xbar.device.read_noise", "device"),
    ],
)
def test_v09_an_unknown_model_is_refused_with_the_installed_ones(params, path, family):
    with pytest.raises(UnknownModelError) as caught:
        params.update({f"{path}.model": "acme.rammp"})
    message = str(caught.value)
    assert message.startswith(f"{path}.model: No {family} model is named 'acme.rammp'.")
    assert "Installed models: " in message


def test_v13_an_ideal_dac_cannot_slice_its_inputs():
    message = refusal({"xbar.dac.mvm.bits": 8, "xbar.dac.mvm.input_bitslicing": True})
    assert message == "xbar.dac.mvm: input_bitslicing is True, and IdealDAC has no digits."


def test_v14_a_calibrated_adc_needs_a_range():
    assert "calibrated_range is empty" in refusal({**ADC, "xbar.adc.mvm.calibrated_range": None})
    accept({**ADC, "xbar.adc.mvm.calibrated_range": [], "xbar.adc.mvm.adc_range_option": "MAX"})
    accept({**ADC, "xbar.adc.mvm.calibrated_range": [], "xbar.adc.mvm.bits": 0})


@pytest.mark.parametrize("given", [[-1, 1], [[-1, 1]], [[-1, 1]] * 3])
def test_v14_slices_need_one_range_each(given):
    message = refusal({**ADC, **SLICED_WEIGHTS, "xbar.adc.mvm.calibrated_range": given})
    assert message.startswith(
        "xbar.adc.mvm: calibrated_range must hold one pair [low, high] for each of the 2 slices"
    )


def test_v14_a_core_without_slices_takes_one_range():
    message = refusal({**ADC, "xbar.adc.mvm.calibrated_range": [[-1, 1]]})
    assert message.startswith("xbar.adc.mvm: calibrated_range must be one pair [low, high]")


def test_v15_slice_ranges_that_are_no_power_of_two_apart_give_a_warning(params):
    params.update({**ADC, **SLICED_WEIGHTS, "xbar.adc.mvm.calibrated_range": [[-1, 1], [-3, 3]]})
    with pytest.warns(ParameterWarning, match=r"^xbar\.adc\.mvm: .* are 2 and 6 wide"):
        params.validate()
    accept({**ADC, **SLICED_WEIGHTS, "xbar.adc.mvm.calibrated_range": [[-1, 1], [-4, 4 + 1e-6]]})


@pytest.mark.parametrize(
    "given", [[1, 1], [2, 1], [[-1, 1], [1, -1]], [0, float("nan")], [0, float("inf")]]
)
def test_a_calibrated_range_ascends(params, given):
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.mvm\.calibrated_range: "):
        params.xbar.adc.mvm.calibrated_range = given


@pytest.mark.parametrize("given", [[1], [1, 2, 3], [[1, 2], 3], [[1, 2], [3]], 1, "ab", [True, 2]])
def test_a_calibrated_range_is_a_pair_or_a_list_of_pairs(params, given):
    with pytest.raises(ParameterError, match=r"calibrated_range: must be \[low, high\] or a list"):
        params.xbar.adc.mvm.calibrated_range = given


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_no_calibrated_range_is_always_the_empty_list(params, nothing):
    params.xbar.adc.mvm.calibrated_range = nothing
    assert params == CrossSimParameters()


def test_a_range_that_was_spoiled_in_place_is_found_by_validation(params):
    params.update(ADC)
    params.xbar.adc.mvm.calibrated_range[0] = 2
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.mvm\.calibrated_range: low \(2\)"):
        params.validate()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"xbar.device.Rmin": 1e4, "xbar.device.Rmax": 1e4},
            "xbar.device: Rmin (10000) must be below Rmax (10000)",
        ),
        (
            {"core.style": "BITSLICED", "core.weight_bits": 1},
            "core: style is BITSLICED and weight_bits is 1",
        ),
        (
            {"core.style": "OFFSET", "xbar.device.cell_bits": 1},
            "xbar.device: cell_bits is 1 and core.style is OFFSET",
        ),
        (
            {
                "core.balanced.interleaved_posneg": True,
                "core.balanced.subtract_current_in_xbar": False,
            },
            "core.balanced: interleaved_posneg is True and subtract_current_in_xbar is False",
        ),
        (
            {"core.mapping.inputs.mvm.min": 1.0},
            "core.mapping.inputs.mvm: min (1) must be below max (1)",
        ),
        (
            {"core.complex_input": True}
            | {"core.mapping.weights.min": 1.0, "core.mapping.weights.max": 2.0},
            "core.mapping.weights: min (1) and max (2) do not enclose 0",
        ),
        (
            {"core.mapping.weights.min": 1.0, "core.mapping.weights.max": -1.0},
            "core.mapping.weights: min (1) must be below max (-1)",
        ),
        (
            {**ADC, **GRANULAR},
            "xbar.adc.mvm: adc_range_option is GRANULAR and xbar.device.cell_bits is 0",
        ),
        (
            {**ADC, "xbar.adc.match": False, **GRANULAR, "xbar.dac.match": False}
            | {"xbar.dac.mvm": None},
            "xbar.adc.mvm: adc_per_ibit is True and dac.mvm.input_bitslicing is False",
        ),
    ],
)
def test_a_contradiction_is_refused(changes, message):
    assert refusal(changes).startswith(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"xbar.device.infinite_on_off_ratio": True, "xbar.device.Rmin": 1e6},
        {"core.mapping.weights.min": -1.0, "core.mapping.weights.max": 2.0},
        {"core.mapping.weights.min": 1.0, "core.mapping.weights.max": 2.0},
        {"core.complex_matrix": True}
        | {"core.mapping.weights.min": 0.0, "core.mapping.weights.max": 2.0},
        {**SLICED_WEIGHTS, "core.bit_sliced.num_slices": 1, "core.weight_bits": 2},
        {**SLICED_WEIGHTS, "core.bit_sliced.style": "OFFSET", "xbar.device.cell_bits": 1},
        {"core.style": "OFFSET", "core.balanced": {"interleaved_posneg": True}}
        | {"core.balanced.subtract_current_in_xbar": False},
        {**ADC, **GRANULAR, "xbar.device.cell_bits": 4, "core.weight_bits": 8},
        {**ADC, **GRANULAR, **SLICED_WEIGHTS},
        {**ADC, **SLICED_WEIGHTS, "xbar.adc.mvm.adc_range_option": "MAX"},
    ],
)
def test_what_only_looks_like_a_contradiction_is_accepted(changes):
    accept(changes)


@pytest.mark.parametrize(
    "path",
    ["core.bit_sliced.num_slices", "xbar.dac.mvm.slice_size", "simulation.convolution.Nwindows"],
)
def test_counts_of_things_that_must_exist_start_at_one(params, path):
    with pytest.raises(ParameterError, match=rf"^{path}: must be at least 1, got 0"):
        params.update({path: 0})


@pytest.mark.parametrize(
    "path", ["core.rows_max", "core.weight_bits", "xbar.device.cell_bits", "xbar.dac.mvm.bits"]
)
def test_negative_bits_and_sizes_are_refused(params, path):
    with pytest.raises(ParameterError, match=rf"^{path}: must be at least 0, got -1"):
        params.update({path: -1})


BITS = [
    "core.weight_bits",
    "core.bit_sliced.num_slices",
    "xbar.adc.mvm.bits",
    "xbar.dac.mvm.bits",
    "xbar.dac.mvm.slice_size",
    "xbar.device.cell_bits",
]


@pytest.mark.parametrize("path", BITS)
@pytest.mark.parametrize("bits", [54, 2000])
def test_more_bits_than_a_number_has_are_refused(params, path, bits):
    with pytest.raises(ParameterError, match=f"{path}: must be at most 53, got {bits}"):
        params.update({path: bits})


@pytest.mark.parametrize("changes", [None, [], ["core.style"], "core.style", 3, [("a", 1)]])
def test_an_update_is_a_dictionary(params, changes):
    with pytest.raises(ParameterError, match=r"xbar\.adc: update needs a dictionary"):
        params.xbar.adc.update(changes)


@pytest.mark.parametrize("name", ["style", "balanced"])
def test_a_parameter_cannot_be_deleted(params, name):
    with pytest.raises(ParameterError, match=rf"core\.{name}: .*cannot be deleted"):
        delattr(params.core, name)
    with pytest.raises(ParameterError, match=r"core\.sytle: .*Did you mean 'style'"):
        del params.core.sytle
    with pytest.raises(ParameterError, match=r"xbar\.adc\.match: .*cannot be deleted"):
        del params.xbar.adc.match
    assert params == CrossSimParameters()


def test_a_group_can_be_validated_alone(params):
    params.xbar.device.Rmin = 1e5
    params.core.validate()
    with pytest.raises(ParameterError, match=r"^xbar\.device: Rmin"):
        params.xbar.validate()
    with pytest.raises(ParameterError, match=r"^Rmin"):
        params.xbar.device.copy().validate()


def test_a_warning_of_matched_sides_is_given_once_and_of_others_twice(params):
    params.xbar.adc.mvm.bits = 3
    with pytest.warns(ParameterWarning) as caught:
        params.validate()
    assert len(caught) == 1
    params.xbar.adc.match = False
    with pytest.warns(ParameterWarning) as caught:
        params.validate()
    assert [str(w.message).partition(":")[0] for w in caught] == ["xbar.adc.mvm", "xbar.adc.vmm"]


def test_fields_can_be_set_in_any_order(params):
    params.xbar.device.Rmin = 1e5
    params.xbar.device.Rmax = 1e6
    params.validate()


def test_a_record_may_be_built_before_it_is_complete():
    assert DacParams(input_bitslicing=True).input_bitslicing
