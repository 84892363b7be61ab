"""Dictionaries, files, and what older releases wrote."""

import json

import pytest
from stand_ins import CellParams, SarParams

from crosssim_core.errors import (
    MissingFileError,
    ParameterError,
    ParameterWarning,
    PluginError,
    UnknownModelError,
    UnknownParameterError,
)
from crosssim_core.parameters import (
    AdcParams,
    CoreStyle,
    CrossSimParameters,
    DeviceErrorParams,
    shipped_configurations,
)


def test_an_empty_object_is_the_default_tree(tmp_path):
    file = tmp_path / "empty.json"
    file.write_text("{}")
    assert CrossSimParameters.from_json(file) == CrossSimParameters()


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path, params):
    """Windows PowerShell writes one before everything that it calls UTF-8."""
    params.core.style = CoreStyle.OFFSET
    params.to_json(file := tmp_path / "marked.json")
    file.write_text(file.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert CrossSimParameters.from_json(file) == params


def test_null_groups_and_null_ranges_are_defaults():
    values = {
        "core": None,
        "simulation": {"convolution": None},
        "xbar": {"adc": {"mvm": {"calibrated_range": None}, "vmm": None}},
    }
    assert CrossSimParameters.from_dict(values) == CrossSimParameters()


def test_a_file_holds_plain_numbers_strings_and_both_sides_of_a_pair(tmp_path, params):
    params.core.style = CoreStyle.OFFSET
    file = tmp_path / "params.json"
    params.to_json(file)
    text = file.read_text()
    assert text.startswith('{\n    "core": {\n        "style": 3,\n')
    values = json.loads(text)
    assert values == params.to_dict()
    assert values["simulation"]["Verr_matmul_criterion"] == "max_max"
    adc = values["xbar"]["adc"]
    assert list(adc) == ["_match", "mvm", "vmm"]
    assert adc["mvm"] == adc["vmm"]


def test_names_of_choices_are_read_as_well():
    tree = CrossSimParameters.from_dict({"core": {"style": "offset"}})
    assert tree.core.style is CoreStyle.OFFSET


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("simulation.literal", True),
        ("simulation.wires_in_gradients", False),
        ("core.mapping.inputs.mvm.per_vector", True),
        ("xbar.array.parasitics.disable_slices", [0]),
    ],
)
def test_what_crosssim_3_2_does_not_know_is_written_only_where_it_is_used(params, path, value):
    name = path.rpartition(".")[2]
    assert name not in json.dumps(params.to_dict())
    params.update({"core.mapping.inputs.mvm.percentile": 1.0, path: value})
    assert name in json.dumps(params.to_dict())
    assert CrossSimParameters.from_dict(params.to_dict()) == params


def test_a_tree_with_different_sides_and_models_survives_a_file(tmp_path, params):
    params.update(
        {
            "xbar.adc.match": False,
            "xbar.adc.vmm": {"model": "acme.sar", "group_size": 4},
            "xbar.device.read_noise": {"model": "acme.cell", "spread": 0.5},
            "core.mapping.inputs.mvm.percentile": 0.99,
        }
    )
    file = tmp_path / "params.json"
    params.to_json(file)
    again = CrossSimParameters.from_json(str(file))
    assert again == params
    assert isinstance(again.xbar.adc.vmm, SarParams)
    assert isinstance(again.xbar.device.read_noise, CellParams)


@pytest.mark.parametrize("value", [{"model": "acme.sar", "split_cdac": False}, {}])
def test_a_single_group_has_files_too(tmp_path, value):
    record = AdcParams(**value)
    file = tmp_path / "adc.json"
    record.to_json(file)
    assert AdcParams.from_json(file) == record


def test_parameters_of_a_model_need_the_model_in_the_same_dictionary():
    with pytest.raises(UnknownParameterError, match="once model selects it"):
        AdcParams.from_dict({"group_size": 4})


def test_a_record_of_one_model_refuses_the_name_of_another():
    with pytest.raises(ParameterError, match=r"^model: 'acme\.ramp' has the parameters RampParams"):
        SarParams(model="acme.ramp")
    assert SarParams().model == "acme.sar"
    assert type(DeviceErrorParams(model="acme.cell")) is CellParams


@pytest.mark.parametrize("text", ["{", "\xff", '{"core": NaN}', "[]", "3"])
def test_a_file_that_holds_no_tree_is_refused_by_name(tmp_path, text):
    file = tmp_path / "broken.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(ParameterError) as caught:
        CrossSimParameters.from_json(file)
    assert any("broken.json" in note for note in caught.value.__notes__)


def test_a_missing_file_is_answered_with_the_shipped_ones():
    with pytest.raises(MissingFileError, match=r"'ISAACS'.* ISAAC, ISAAC-SarADC, PRIME"):
        CrossSimParameters.from_json("ISAACS")


def test_the_default_file_has_large_arrays_and_is_default_otherwise(params):
    params.core.rows_max = params.core.cols_max = 1024
    for name in ("default", "default.json"):
        assert CrossSimParameters.from_json(name) == params


def test_a_file_of_the_given_name_comes_before_a_shipped_one(tmp_path, monkeypatch, params):
    monkeypatch.chdir(tmp_path)
    params.to_json("default")
    assert CrossSimParameters.from_json("default") == params


def test_a_mistyped_folder_never_ends_at_a_shipped_file():
    with pytest.raises(FileNotFoundError):
        CrossSimParameters.from_json("nowhere/default.json")


def test_five_configurations_are_shipped():
    assert shipped_configurations() == ["ISAAC", "ISAAC-SarADC", "PRIME", "SONOS-TCAS", "default"]


def test_an_unknown_name_is_refused_unless_the_loader_is_tolerant():
    values = {"core": {"stile": 2, "rows_max": 8}, "extra": 1, "xbar": {"adc": {"mvm": {"x": 1}}}}
    with pytest.raises(UnknownParameterError, match=r"^extra: "):
        CrossSimParameters.from_dict(values)
    with pytest.warns(ParameterWarning) as caught:
        tree = CrossSimParameters.from_dict(values, strict=False)
    assert {str(w.message) for w in caught} == {
        "core.stile: CoreParameters has no such parameter (did you mean 'style'?); it is ignored.",
        "extra: CrossSimParameters has no such parameter; it is ignored.",
        "xbar.adc.mvm.x: AdcParams has no such parameter; it is ignored.",
    }
    assert {w.filename for w in caught} == {__file__}
    assert tree == CrossSimParameters(core={"rows_max": 8})


def test_the_tolerant_loader_knows_parameters_of_single_models():
    values = {"model": "acme.sar", "group_size": 4}
    assert AdcParams.from_dict(values, strict=False).to_dict()["group_size"] == 4


def test_the_tolerant_loader_changes_nothing_in_a_file_of_today(params):
    params.update(
        {
            "xbar.adc.match": False,
            "xbar.adc.vmm": {"model": "acme.sar", "group_size": 4},
            "core.mapping.weights.percentile": 0.9,
            "simulation.literal": True,
        }
    )
    assert CrossSimParameters.from_dict(params.to_dict(), strict=False) == params


def test_an_unknown_model_is_refused_by_the_tolerant_loader_with_its_path():
    values = {"xbar": {"adc": {"mvm": {"model": "acme.nothing"}}}}
    with pytest.raises(UnknownModelError, match=r"^xbar\.adc\.mvm\.model: No ADC model"):
        CrossSimParameters.from_dict(values, strict=False)


def test_a_wrong_value_is_refused_by_the_tolerant_loader_too():
    with pytest.raises(ParameterError, match=r"^core\.rows_max: "):
        CrossSimParameters.from_dict({"core": {"rows_max": -1}}, strict=False)


def test_a_broken_rule_is_a_warning_in_the_tolerant_loader():
    values = {"xbar": {"adc": {"mvm": {"adc_per_ibit": True}}}}
    with pytest.warns(ParameterWarning, match=r"^xbar\.adc\.mvm: adc_per_ibit is True"):
        tree = CrossSimParameters.from_dict(values, strict=False)
    with pytest.raises(ParameterError, match=r"^xbar\.adc\.mvm: adc_per_ibit is True"):
        tree.validate()


@pytest.mark.parametrize(
    "name",
    ["stride", "Kx", "Ky", "Noc", "Nic", "weight_reorder", "conv_matmul", "bias_row"],
)
def test_convolution_keys_of_release_3_0_are_ignored_with_a_warning(tmp_path, name):
    file = tmp_path / "old.json"
    file.write_text(json.dumps({"simulation": {"convolution": {name: 1, "x_par": 2}}}))
    with pytest.raises(UnknownParameterError, match="load with strict=False"):
        CrossSimParameters.from_json(file)
    with pytest.warns(ParameterWarning, match=rf"^simulation\.convolution\.{name}: CrossSim 3\.0"):
        tree = CrossSimParameters.from_json(file, strict=False)
    assert tree.simulation.convolution.x_par == 2


def test_input_gating_of_release_3_1_is_translated():
    closed = {"xbar": {"array": {"parasitics": {"gate_input": False}}}}
    tree = CrossSimParameters.from_dict(closed, strict=False)
    assert tree == CrossSimParameters()
    sliced = {"model": "acme.dac", "bits": 8, "input_bitslicing": True}
    gated = {"xbar": {"array": {"parasitics": {"gate_input": True}}, "dac": {"mvm": sliced}}}
    with pytest.warns(ParameterWarning, match=r"gate_input: CrossSim 3\.1 had this") as caught:
        tree = CrossSimParameters.from_dict(gated, strict=False)
    assert len(caught) == 1
    assert tree.xbar.array.parasitics.current_from_input is False


def test_the_text_form_is_the_class_and_its_values_with_choices_by_name(params):
    assert str(params.core.offset) == "OffsetCoreParameters\n{'style': 'DIGITAL_OFFSET'}"
    text = repr(params)
    assert text == str(params)
    assert text.startswith("CrossSimParameters\n{'core': {'style': 'BALANCED',\n")
    assert "'_match': True" in text


def test_trees_are_not_hashable(params):
    with pytest.raises(TypeError, match="unhashable"):
        hash(params)


def test_a_plugin_whose_parameters_are_no_record_is_blamed(params):
    with pytest.raises(PluginError, match=r"'acme\.wrong', stand_ins\.NoRecord, are no subclass"):
        params.xbar.adc.mvm.model = "acme.wrong"
    assert params == CrossSimParameters()
