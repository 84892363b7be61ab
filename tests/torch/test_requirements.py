"""Which tests show that layers do what is asked of them, by the numbers it is asked under.

S are the defects of CrossSim 3.2 in its layers, R what is required instead, and the rest is the
machinery of PyTorch.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

DEFECTS = {
    1: ["limits_after_a_change_are_those_of_a_layer_that_never_had_other_weights"],
    2: ["s02_errors_do_not_pile_up_however_often_weights_are_assigned"],
    3: ["a_stock_checkpoint_loads_strictly_and_is_programmed"],
    4: ["training_flags_are_kept_both_ways", "s04_dropout_between_layers_acts_in_training_alone"],
    5: ["evaluation_mode_has_the_derivatives_of_training_mode"],
    6: ["structural_zeros_of_groups_carry_no_error", "zeros_of_a_gru_err_if_that_is_asked_for"],
    7: [
        "a_module_that_occurs_twice_is_one_analog_module_at_both_places",
        "lists_stay_aligned_where_a_container_is_shared",
    ],
    8: [
        "a_transformer_encoder_never_takes_a_path_past_its_arrays",
        "an_attention_that_is_left_out_keeps_its_digital_output_projection",
    ],
    9: ["s09_ranges_that_follow_the_data_take_empty_batches_and_images"],
    10: [
        "a_linear_layer_gives_the_numbers_of_the_example",
        "bias_rows_of_a_layer_without_bias_hold_zeros",
    ],
    11: ["outputs_are_contiguous_whatever_the_layout_of_the_input"],
    12: ["a_copy_is_the_same_chip_with_arrays_of_its_own"],
    13: ["a_change_of_the_parameters_that_were_given_has_no_effect"],
    14: ["the_list_survives_reinitialize", "convolutions_honour_lists_for_each_array"],
    15: ["s15_packing_of_windows_is_accepted_and_changes_nothing"],
    16: ["with_errors_and_exact_conversion_everything_is_as_with_the_programmed_weights"],
    17: [
        "the_network_that_is_converted_is_left_as_it_was",
        "core_weights_are_copies_without_derivatives",
    ],
    18: [
        "outputs_and_derivatives_have_the_type_of_the_layer",
        "inputs_that_are_no_real_floating_point_numbers_are_refused",
    ],
    19: ["an_ideal_recurrent_layer_is_the_stock_layer_in_output_and_derivatives"],
    20: [
        "what_counts_is_the_order_of_execution_and_who_else_takes_the_output",
        "a_transposed_convolution_is_never_folded",
    ],
    21: [
        "subclasses_are_left_digital_refused_or_converted",
        "a_subclass_of_an_analog_layer_is_an_analog_module",
    ],
    22: ["s22_computed_weights_of_an_analog_layer_are_programmed_when_they_change"],
    23: ["a_parameter_of_the_wrong_shape_is_refused_and_nothing_changes"],
    24: ["defect_s24_every_layer_and_style_is_recorded"],
    25: ["without_a_seed_the_generator_of_torch_governs"],
    26: ["a_network_moves_to_the_gpu_with_its_chip"],
    27: [
        "the_input_may_be_given_by_its_stock_name",
        "s27_empty_inputs_of_several_axes_have_outputs_and_derivatives",
        "images_that_are_smaller_than_the_kernel_are_refused",
        "attributes_that_a_stacked_layer_lacks_are_plainly_absent",
    ],
    28: ["s28_layers_refuse_to_be_complex"],
    29: ["derivatives_are_those_of_the_stock_layer_with_the_programmed_weights"],
    30: ["b14_no_part_exceeds_the_limit_and_together_they_hold_everything"],
    31: ["defect_s31_options_are_left_as_they_were"],
    33: ["two_threads_may_read_one_layer"],
    34: ["v08_an_unknown_name_is_refused_in_bulk_and_changes_nothing"],
    35: ["v14_a_calibrated_adc_needs_a_range"],
}
"""32 is about scripts that are not part of this project."""

REQUIREMENTS = {
    1: [
        "an_ideal_linear_layer_is_the_stock_layer_in_output_and_derivatives",
        "an_ideal_convolution_is_the_stock_layer_in_output_and_derivatives",
        "an_ideal_depthwise_convolution_is_the_stock_layer",
        "an_ideal_recurrent_cell_is_the_stock_layer_in_output_and_derivatives",
        "an_ideal_recurrent_layer_is_the_stock_layer_in_output_and_derivatives",
    ],
    2: [
        "a_linear_layer_gives_the_numbers_of_the_example",
        "a_convolution_gives_the_numbers_of_the_example",
        "a_cell_gives_the_numbers_of_the_example",
        "worked_example_e4",
    ],
    3: ["derivatives_are_those_of_the_stock_layer_with_the_programmed_weights"],
    4: [
        "limits_after_a_change_are_those_of_a_layer_that_never_had_other_weights",
        "conversion_with_a_seed_draws_nothing_from_torch",
    ],
    5: ["s02_errors_do_not_pile_up_however_often_weights_are_assigned"],
    6: [
        "after_a_change_the_next_read_uses_the_new_weights",
        "by_hand_edits_act_after_synchronize_alone",
        "unchanged_weights_are_never_programmed_again",
    ],
    7: ["a_copy_is_the_same_chip_with_arrays_of_its_own", "another_process_gets_the_same_chip"],
    8: ["tied_parameters_stay_tied_both_ways", "frozen_parameters_stay_frozen_both_ways"],
    9: ["a_transformer_encoder_never_takes_a_path_past_its_arrays"],
    10: ["s15_packing_of_windows_is_accepted_and_changes_nothing"],
    11: ["with_errors_and_exact_conversion_everything_is_as_with_the_programmed_weights"],
    12: [
        "one_tree_serves_all_layers_and_each_owns_a_copy",
        "the_list_survives_reinitialize",
        "parameters_that_do_not_fit_are_refused_and_the_layer_is_unchanged",
    ],
    13: ["defect_s24_every_layer_and_style_is_recorded", "every_kind_of_layer_is_calibrated"],
    14: [
        "the_same_seed_makes_the_same_chip",
        "read_noise_is_drawn_anew_for_every_sample_window_and_read",
    ],
}

MACHINERY = {
    "state_dict": [
        "a_checkpoint_brings_back_the_very_chip",
        "a_checkpoint_brings_the_converters_back_bit_by_bit",
        "a_stock_network_takes_the_checkpoint_of_an_analog_one_strictly",
    ],
    "torch.save, pickle, spawn": ["a_copy_is_the_same_chip_with_arrays_of_its_own"],
    "copy.copy": ["a_shallow_copy_shares_weights_and_chip_as_stock_layers_do"],
    "to(cuda)": ["a_network_moves_to_the_gpu_with_its_chip"],
    "half, double": ["casting_to_float64_keeps_the_chip_and_gains_precision"],
    "bfloat16": ["half_precision_layers_compute_in_float32"],
    "autocast": [
        "under_autocast_arithmetic_stays_float32_and_the_output_has_the_type_of_autocast",
        "a_network_under_autocast_is_close_to_itself_without",
    ],
    "meta": [
        "a_layer_on_the_meta_device_gets_its_arrays_with_its_weights",
        "layers_made_in_a_context_of_the_meta_device_say_what_they_need",
        "without_memory_a_layer_says_what_it_needs_and_can_be_copied",
        "data_of_another_device_are_refused_with_both_devices",
    ],
    "no_grad, inference_mode": [
        "without_derivatives_the_output_is_the_same",
        "a_read_without_derivatives_takes_none_from_later_ones",
    ],
    "eval": ["evaluation_mode_has_the_derivatives_of_training_mode"],
    "train": ["s04_dropout_between_layers_acts_in_training_alone"],
    "empty batch": ["empty_batches_give_empty_outputs_with_quantizing_converters_too"],
    "unbatched": ["unbatched_inputs_give_unbatched_outputs"],
    "padding modes": ["an_ideal_convolution_is_the_stock_layer_in_output_and_derivatives"],
    "integers": ["inputs_that_are_no_real_floating_point_numbers_are_refused"],
    "strides": ["outputs_are_contiguous_whatever_the_layout_of_the_input"],
    "in-place": [
        "inputs_are_left_as_they_are_and_outputs_may_be_edited_in_place",
        "outputs_edited_in_place_have_the_derivatives_of_the_stock_layer",
        "outputs_of_converters_are_edited_in_place_as_apart",
    ],
    "hooks": ["hooks_see_and_change_what_passes"],
    "hooks of the source": ["hooks_and_further_attributes_are_kept_both_ways"],
    "DataParallel": ["a_data_parallel_wrapper_without_gpus_passes_everything_through"],
    "DDP, FSDP": ["two_processes_share_weights_and_by_choice_the_chip"],
    "compile": [
        "a_compiled_network_computes_what_it_computes_otherwise",
        "every_kind_of_layer_may_stand_in_a_compiled_network",
        "the_compiler_that_writes_kernels_is_no_exception",
    ],
    "fullgraph, export, fx, jit": ["what_would_freeze_a_layer_in_a_graph_is_refused"],
    "compiled model": ["a_compiled_network_can_be_converted"],
    "checkpointing": ["checkpointed_activations_have_the_derivatives_of_the_whole"],
    "retain_graph": ["a_graph_may_be_kept_and_used_again"],
    "functional_call": ["replacement_weights_of_a_functional_call_are_used"],
    "func.grad, vmap": [
        "functional_derivatives_are_those_of_backward",
        "a_mapped_layer_gives_what_the_layer_gives_for_the_batch",
        "nested_functional_derivatives_are_those_of_the_stock_layer",
        "mapping_and_derivatives_go_through_converters_and_lines_that_saturate",
        "batches_of_layers_are_refused",
    ],
    "jvp": [
        "forward_mode_takes_the_derivatives_of_backward",
        "forward_mode_of_a_network_is_that_of_the_stock_network",
        "forward_mode_of_forward_mode_is_refused",
    ],
    "EMA": ["an_averaged_model_follows_its_average"],
    "computed weights, after": [
        "s22_computed_weights_of_an_analog_layer_are_programmed_when_they_change"
    ],
    "computed weights, before": ["weights_that_hooks_compute_are_converted_with_their_hooks"],
    "subclass": ["a_subclass_with_a_forward_of_its_own_is_not_converted_blindly"],
    "analog subclass": ["a_subclass_of_an_analog_layer_is_an_analog_module"],
    "MultiheadAttention": ["ideal_attention_is_the_stock_layer_in_output_and_derivatives"],
    "TransformerEncoderLayer": ["a_transformer_encoder_never_takes_a_path_past_its_arrays"],
    "repeated layers": ["a_module_that_occurs_twice_is_one_analog_module_at_both_places"],
    "strict": ["stock_checkpoints_and_analog_ones_load_strictly_both_ways"],
    "share_memory": ["shared_memory_and_evaluation_flags_leave_the_chip_alone"],
    "further parameters": ["parameters_and_buffers_of_users_may_stand_beside_the_chip"],
    "hasattr": ["attributes_that_a_stacked_layer_lacks_are_plainly_absent"],
}
"""By feature, in the order of the specification."""


@pytest.mark.parametrize("table", [DEFECTS, REQUIREMENTS, MACHINERY])
def test_everything_that_is_asked_for_has_tests_that_exist(table):
    files = TESTS.rglob("test_*.py")
    there = {n for file in files for n in re.findall(r"def test_(\w+)", file.read_text())}
    missing = {key: [n for n in names if n not in there] for key, names in table.items()}
    assert not {key: names for key, names in missing.items() if names or not table[key]}


def test_no_number_is_left_out():
    assert set(DEFECTS) == set(range(1, 36)) - {32}
    assert set(REQUIREMENTS) == set(range(1, 15))
