"""Mistakes 16 to 30 of CrossSim 3.2 in handling parameters, which are not made here.

They are about defaults, copies, rules and choices. Mistakes 21 and 30 are about built cores; here
stands what the tree has to offer for them.
"""

import copy
import pickle
import warnings

import numpy as np
import pytest

from crosssim_core.errors import (
    CrossSimError,
    ParameterError,
    ParameterWarning,
    UnknownParameterError,
)
from crosssim_core.parameters import (
    CrossSimParameters,
    InputMappingParameters,
    WeightMappingParameters,
)


def test_p16_every_group_of_a_default_tree_knows_its_path(params):
    with pytest.raises(ParameterError, match=r"^core\.mapping\.weights\.percentile: "):
        params.core.mapping.weights.percentile = -1


def test_p17_defaults_of_the_weight_mapping_do_not_depend_on_how_it_is_made(params):
    mapping = params.core.mapping
    default = mapping.weights.copy()
    assert (default.clipping, default.min, default.max, default.percentile) == (
        True,
        None,
        None,
        1.0,
    )
    for given in ({}, None, WeightMappingParameters()):
        mapping.weights = given
        assert mapping.weights == default
        assert CrossSimParameters(core={"mapping": {"weights": given}}) == CrossSimParameters()


@pytest.mark.parametrize("cls", [WeightMappingParameters, InputMappingParameters])
def test_p17_a_percentile_alone_leaves_no_limits(cls):
    limits = cls(percentile=0.99)
    assert (limits.min, limits.max) == (None, None)
    limits = cls(min=-2, max=2)
    assert limits.percentile is None


@pytest.mark.parametrize("cls", [WeightMappingParameters, InputMappingParameters])
def test_p18_setting_limits_or_a_percentile_clears_the_other(cls):
    limits = cls()
    limits.min, limits.max = -3, 3
    assert (limits.min, limits.max, limits.percentile) == (-3, 3, None)
    limits.percentile = 0.9
    assert (limits.min, limits.max, limits.percentile) == (None, None, 0.9)
    limits.update({"percentile": None, "max": 4.0, "min": -4.0})
    limits.validate()
    assert limits.range == 8.0


@pytest.mark.parametrize("value", [0, 0.0, -0.5, float("inf"), float("nan")])
def test_p19_a_percentile_is_above_zero_and_finite(params, value):
    with pytest.raises(ParameterError, match=r"^core\.mapping\.weights\.percentile: must be"):
        params.core.mapping.weights.percentile = value


def test_p20_a_dac_has_no_sign_bit(params):
    with pytest.raises(UnknownParameterError, match="sign_bit"):
        _ = params.xbar.dac.mvm.sign_bit


@pytest.mark.parametrize("duplicate", [CrossSimParameters.copy, copy.copy, copy.deepcopy])
def test_p21_a_copy_shares_nothing_and_keeps_matched_sides_together(params, duplicate):
    params.xbar.adc.mvm.calibrated_range = [-1, 1]
    snapshot = duplicate(params)
    assert snapshot == params
    params.xbar.device.read_noise.enable = True
    params.xbar.adc.mvm.calibrated_range.append(3.0)
    params.core.mapping.weights.row_partition_priority.append(2)
    assert snapshot.xbar.device.read_noise.enable is False
    assert snapshot.xbar.adc.mvm.calibrated_range == [-1, 1]
    assert snapshot.core.mapping.weights.row_partition_priority == []
    assert snapshot.xbar.adc.match
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.mvm\.bits"):
        snapshot.xbar.adc.mvm.bits = -1


def test_p22_numpy_values_become_plain_numbers(params):
    params.update(
        {
            "xbar.adc.mvm.calibrated_range": np.array([[-1, 1], [-2, 2]], dtype=np.float32),
            "xbar.device.Rmin": np.float32(500),
            "xbar.device.cell_bits": np.int16(4),
            "core.complex_input": np.True_,
            "core.mapping.weights.row_partition_priority": np.array([2, 3]),
            "core.mapping.inputs.mvm.max": np.array(2.0),
        }
    )
    assert params.xbar.adc.mvm.calibrated_range == [[-1.0, 1.0], [-2.0, 2.0]]
    assert params.core.mapping.weights.row_partition_priority == [2, 3]
    kinds = [params.xbar.device.Rmin, params.xbar.device.cell_bits, params.core.complex_input]
    assert [type(value) for value in kinds] == [float, int, bool]
    assert params == params.copy()
    assert pickle.loads(pickle.dumps(params)) == params
    assert CrossSimParameters(**params.to_dict()) == params


def test_p23_rmin_above_rmax_is_refused_with_both_values(params):
    params.xbar.device.Rmin = 2e4
    with pytest.raises(ParameterError, match=r"^xbar\.device: Rmin \(20000\) .* Rmax \(10000\)"):
        params.validate()
    params.xbar.device.infinite_on_off_ratio = True
    params.validate()


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"xbar.adc.mvm.bits": 8}, r"^xbar\.adc\.mvm: bits is 8, and IdealADC ignores it"),
        ({"xbar.dac.mvm.bits": 8}, r"^xbar\.dac\.mvm: bits is 8, and IdealDAC ignores it"),
        ({"core.weight_bits": 8}, r"^core\.weight_bits: is 8, and core\.style BALANCED ignores"),
        (
            {"core.style": "OFFSET", "core.weight_bits": 8, "xbar.device.cell_bits": 4},
            r"OFFSET ignores it: xbar\.device\.cell_bits, which is 4",
        ),
        ({"core.mapping.inputs.mvm.clipping": True}, r"^core\.mapping\.inputs\.mvm\.clipping: "),
        (
            {"core.mapping.inputs.mvm.per_vector": True},
            r"^core\.mapping\.inputs\.mvm: per_vector is",
        ),
        (
            {
                "xbar.adc.mvm.model": "acme.plain",
                "xbar.adc.mvm.bits": 8,
                "xbar.adc.mvm.signed": False,
                "xbar.adc.mvm.calibrated_range": [-1, 1],
            },
            r"^xbar\.adc\.mvm: signed is False, and acme\.plain ignores it",
        ),
    ],
)
def test_p24_a_setting_without_effect_gives_one_warning(params, changes, warning):
    params.update(changes)
    with pytest.warns(ParameterWarning, match=warning) as caught:
        params.validate()
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"core.weight_bits": 8, "xbar.device.cell_bits": 7},
        {"core.style": "OFFSET", "core.weight_bits": 8, "xbar.device.cell_bits": 8},
        {"core.style": "BITSLICED", "core.weight_bits": 8},
        {
            "xbar.dac.mvm": {"model": "acme.dac", "bits": 8},
            "core.mapping.inputs.mvm.clipping": True,
        },
        {
            "xbar.adc.mvm": {"model": "acme.plain", "bits": 8, "signed": False},
            "xbar.adc.mvm.calibrated_range": [0, 1],
        },
    ],
)
def test_p24_a_setting_with_effect_gives_no_warning(params, changes):
    params.update(changes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        params.validate()


@pytest.mark.parametrize(
    ("path", "good", "names"),
    [
        ("simulation.Verr_matmul_criterion", ["max_max", "max_mean", "MAX_MIN"], "MAX_MEAN"),
        ("xbar.array.parasitics.selected_rows", ["top", "bottom", "Top"], "BOTTOM"),
    ],
)
def test_p25_choices_by_string_are_checked(params, path, good, names):
    for value in good:
        params.update({path: value})
    with pytest.raises(ParameterError, match=rf"^{path}: 'mean' is no .*{names}"):
        params.update({path: "mean"})


def test_p25_choices_by_string_equal_their_string_and_stay_strings_in_json(params):
    params.simulation.Verr_matmul_criterion = "max_mean"
    assert params.simulation.Verr_matmul_criterion == "max_mean"
    assert type(params.to_dict()["simulation"]["Verr_matmul_criterion"]) is str


def test_p26_wires_of_single_slices_can_be_switched_off(params):
    assert params.xbar.array.parasitics.disable_slices == []
    params.update(
        {
            "core.style": "BITSLICED",
            "core.weight_bits": 8,
            "xbar.array.parasitics.enable": True,
            "xbar.array.parasitics.Rp_row": 1.0,
            "xbar.array.parasitics.disable_slices": [1],
        }
    )
    params.validate()
    params.xbar.array.parasitics.disable_slices = [0, 2]
    with pytest.raises(ParameterError, match=r"parasitics: disable_slices names slice 2; .*0 to 1"):
        params.validate()


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"cor": {}}, "cor"),
        ({"core": {"balanced": {"stile": 1}}}, "core.balanced.stile"),
        ({"xbar": {"adc": {"mvm": {"gain_db": 1}}}}, "xbar.adc.mvm.gain_db"),
        ({"xbar": {"adc": {"both": {}}}}, "xbar.adc.both"),
        ({"core": 3}, "core"),
        ({"xbar": {"device": []}}, "xbar.device"),
        ({"core": {"mapping": {"weights": "all"}}}, "core.mapping.weights"),
        ({"core": {"style": "none"}}, "core.style"),
        ({"xbar": {"dac": {"vmm": {"model": "none"}}}}, "xbar.dac.vmm.model"),
        ({"xbar": {"dac": {"match": 1}}}, "xbar.dac.match"),
    ],
)
def test_p27_every_wrong_entry_is_one_kind_of_error_with_its_path(params, values, path):
    for make in (CrossSimParameters.from_dict, lambda v: CrossSimParameters(**v)):
        with pytest.raises(ParameterError) as caught:
            make(values)
        assert caught.value.path == path
        assert str(caught.value).startswith(f"{path}: ")
        assert isinstance(caught.value, CrossSimError)


def test_p28_scale_names_what_a_percentile_from_one_upwards_means(params):
    weights = params.core.mapping.weights
    assert weights.scale == 1.0
    weights.scale = np.float32(1.5)
    assert weights.percentile == 1.5
    weights.percentile = 0.999
    assert weights.scale is None
    for value in (0.5, "2", True, float("nan")):
        with pytest.raises(
            ParameterError, match=r"^core\.mapping\.weights\.scale: must be a number"
        ):
            weights.scale = value


def test_p29_a_calibrated_adc_without_a_range_says_so(params):
    params.xbar.adc.mvm.model = "acme.plain"
    params.xbar.adc.mvm.bits = 8
    with pytest.raises(ParameterError) as caught:
        params.validate()
    assert str(caught.value) == (
        "xbar.adc.mvm: adc_range_option is CALIBRATED and calibrated_range is empty although "
        "acme.plain has 8 bits: give [low, high], or choose another option."
    )


def test_p30_trees_for_different_processors_live_side_by_side(params):
    params.simulation.useGPU = True
    other = CrossSimParameters()
    assert params.simulation.useGPU
    assert not other.simulation.useGPU
