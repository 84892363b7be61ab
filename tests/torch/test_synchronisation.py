"""The arrays follow the weights: whenever these have changed, and never otherwise."""

import pytest
import torch
from analog_settings import ERRORS, needs_devices, tree
from torch import nn

from crosssim_core.errors import ShapeError
from crosssim_torch import AnalogLinear, from_torch, reinitialize, synchronize

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def layer(*, bias_rows=1, seed=1, errors=False, **settings):
    params = tree(ERRORS if errors else {}, **settings)
    return AnalogLinear(params, 4, 3, bias_rows=bias_rows, seed=seed)


def stock(analog):
    """What the present weights give digitally."""
    return nn.functional.linear(X, analog.weight, analog.bias)


def buffers(module):
    return [b for n, b in module.named_buffers() if "chip_" in n]


def identical(some, others):
    return all(one is other for one, other in zip(some, others, strict=True))


def step_of_an_optimizer(module):
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(X).square().sum().backward()
    optimizer.step()


def step_of_a_foreach_optimizer(module):
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1, foreach=True)
    module(X).square().sum().backward()
    optimizer.step()


@torch.no_grad()
def edit_in_place(module):
    module.weight.mul_(2.0)


@torch.no_grad()
def edit_one_element(module):
    module.weight[1, 2] = 3.0


@torch.no_grad()
def edit_the_bias(module):
    module.bias.add_(1.0)


def load_a_checkpoint(module):
    module.load_state_dict(nn.Linear(4, 3).state_dict())


def load_by_assignment(module):
    module.load_state_dict(nn.Linear(4, 3).state_dict(), assign=True)


def assign_a_parameter(module):
    module.weight = nn.Parameter(torch.randn(3, 4))


def assign_a_bias(module):
    module.bias = nn.Parameter(torch.randn(3))


def replace_the_data(module):
    module.weight.data = torch.randn(3, 4)


def initialise_anew(module):
    nn.init.uniform_(module.weight)


def reset_all(module):
    module.reset_parameters()


def delete_and_assign(module):
    del module.weight
    module.weight = nn.Parameter(torch.randn(3, 4))


def set_from_a_vector(module):
    numbers = nn.utils.parameters_to_vector(module.parameters()).detach()
    nn.utils.vector_to_parameters(numbers + 1.0, module.parameters())


def average(module):
    from torch.optim.swa_utils import AveragedModel

    averaged = AveragedModel(module)
    averaged.update_parameters(module)
    with torch.no_grad():
        module.weight.add_(1.0)
    averaged.update_parameters(module)
    module.load_state_dict(averaged.module.state_dict())


CHANGES = [
    step_of_an_optimizer,
    step_of_a_foreach_optimizer,
    edit_in_place,
    edit_one_element,
    edit_the_bias,
    load_a_checkpoint,
    load_by_assignment,
    assign_a_parameter,
    assign_a_bias,
    replace_the_data,
    initialise_anew,
    reset_all,
    delete_and_assign,
    set_from_a_vector,
    average,
]


@pytest.mark.parametrize("bias_rows", [0, 2])
@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_the_next_read_uses_the_new_weights(change, bias_rows):
    torch.manual_seed(3)
    module = layer(bias_rows=bias_rows)
    before = module(X)
    change(module)
    assert not torch.allclose(module(X), before)
    torch.testing.assert_close(module(X), stock(module))
    torch.testing.assert_close(module.get_core_weights()[0], module.weight.detach())


@pytest.mark.parametrize("change", CHANGES)
def test_limits_after_a_change_are_those_of_a_layer_that_never_had_other_weights(change):
    torch.manual_seed(3)
    module = layer(xbar__device__cell_bits=3)
    change(module)
    fresh = from_torch(module.to_torch(module), module.params, module.bias_rows)
    assert torch.equal(module.get_matrix(), fresh.get_matrix())


def test_an_averaged_model_follows_its_average():
    from torch.optim.swa_utils import AveragedModel

    module = layer()
    averaged = AveragedModel(module)
    averaged.update_parameters(module)
    edit_in_place(module)
    averaged.update_parameters(module)
    torch.testing.assert_close(averaged(X), stock(averaged.module))


def test_replaced_weights_are_noticed_wherever_the_memory_of_new_ones_comes_from():
    module = layer()
    for number in range(50):
        # Freed memory is handed out again: the third weight may lie where the first one lay.
        module(X)
        module.weight = nn.Parameter(torch.full((3, 4), 1.0 + number))
        module.weight = nn.Parameter(torch.full((3, 4), 2.0 + number))
        torch.testing.assert_close(module(X), stock(module))
        module.weight.data = torch.full((3, 4), 3.0 + number)
        module.weight.data = torch.full((3, 4), 4.0 + number)
        torch.testing.assert_close(module(X), stock(module))


@needs_devices
def test_unchanged_weights_are_never_programmed_again():
    module = layer(errors=True)
    before = buffers(module)
    module(X)
    module.eval()(X)
    with torch.no_grad():
        module.train()(X)
    with torch.inference_mode():
        module(X)
    module(X).sum().backward()
    module.get_matrix(), module.get_core_weights(), module.form_matrix(), module.core
    module.state_dict()
    module.requires_grad_(False)
    module.to(torch.float32).cpu()
    module.zero_grad()
    assert identical(buffers(module), before)


def test_a_digital_bias_is_used_at_once_and_programs_nothing():
    module = layer(bias_rows=0)
    before = buffers(module)
    with torch.no_grad():
        module.bias.add_(1.0)
    torch.testing.assert_close(module(X), stock(module))
    assert identical(buffers(module), before)
    module.bias = None
    torch.testing.assert_close(module(X), stock(module))
    assert identical(buffers(module), before)


def test_an_analog_bias_can_be_taken_away_and_given_back():
    module = layer(bias_rows=2)
    module.bias = None
    torch.testing.assert_close(module(X), stock(module))
    assert module.get_core_weights()[1] is None
    module.bias = nn.Parameter(torch.ones(3))
    torch.testing.assert_close(module(X), stock(module))


@pytest.mark.parametrize("name", ["weight", "bias"])
@pytest.mark.parametrize("bias_rows", [0, 1])
def test_a_parameter_of_the_wrong_shape_is_refused_and_nothing_changes(name, bias_rows):
    module = layer(bias_rows=bias_rows)
    before, held = module(X), buffers(module)
    own = getattr(module, name)
    with pytest.raises(ShapeError, match=r"\(7, 2\)"):
        setattr(module, name, nn.Parameter(torch.ones(7, 2)))
    assert getattr(module, name) is own
    assert identical(buffers(module), held)
    assert torch.equal(module(X), before)


@pytest.mark.parametrize("value", [None, torch.ones(3, 4), "ones"])
def test_a_weight_that_is_no_parameter_is_refused_and_nothing_changes(value):
    module = layer()
    own, before = module.weight, module(X)
    with pytest.raises((ShapeError, TypeError)):
        module.weight = value
    assert module.weight is own
    assert torch.equal(module(X), before)


@needs_devices
@pytest.mark.parametrize("again", [synchronize, reinitialize])
def test_programming_again_draws_fresh_errors_and_keeps_the_parameters(again):
    module = nn.Sequential(layer(errors=True), nn.Linear(3, 3), layer(errors=True, seed=2))
    parameters = list(module.parameters())
    matrices = [module[i].get_matrix() for i in (0, 2)]
    for _ in range(2):
        again(module)
        fresh = [module[i].get_matrix() for i in (0, 2)]
        assert not any(map(torch.equal, matrices, fresh))
        matrices = fresh
    assert identical(parameters, list(module.parameters()))


@needs_devices
def test_each_change_of_weights_draws_fresh_errors():
    module = layer(errors=True)
    error = module.get_matrix() / module.form_matrix()
    with torch.no_grad():
        module.weight.mul_(2.0)
    again = module.get_matrix() / module.form_matrix()
    assert not torch.allclose(error, again, rtol=0, atol=1e-4)


@needs_devices
def test_edits_that_leave_every_value_as_it_was_program_nothing():
    module = layer(errors=True)
    before = buffers(module)
    with torch.no_grad():
        module.weight.mul_(1.0)
    module(X)
    module.load_state_dict({n: p.clone() for n, p in module.named_parameters()})
    module(X)
    assert identical(buffers(module), before)


def test_edits_through_data_act_after_synchronize():
    module = layer()
    module.weight.data.mul_(2.0)
    module.synchronize()
    torch.testing.assert_close(module(X), stock(module))


def test_a_changed_geometry_acts_at_once():
    module = from_torch(nn.Conv1d(2, 3, 3), tree(), 1)
    x = torch.linspace(-1, 1, 18).reshape(1, 2, 9)
    module.stride = (2,)
    want = nn.functional.conv1d(x, module.weight, module.bias, stride=2)
    torch.testing.assert_close(module(x), want)


def test_the_derivative_takes_the_weights_as_they_were_in_the_forward_pass():
    module = layer()
    x = X.clone().requires_grad_()
    want = module.weight.detach().sum(0).expand(3, 4).clone()
    y = module(x).sum()
    with torch.no_grad():
        module.weight.zero_()
    module.synchronize()
    y.backward()
    torch.testing.assert_close(x.grad, want)


def test_replacement_weights_of_a_functional_call_are_used():
    module = layer()
    own = module(X)
    other = {"weight": torch.randn(3, 4), "bias": torch.randn(3)}
    got = torch.func.functional_call(module, other, (X,))
    torch.testing.assert_close(got, nn.functional.linear(X, *other.values()))
    assert torch.equal(module(X), own)


def test_fingerprints_tell_values_apart_wherever_they_differ():
    """Scalings, signs and exchanges keep simple sums; false-alarm rate below 1e-15."""
    from crosssim_torch.trace import fingerprint

    weight = torch.randn(64, 64)
    swapped, flipped, zero = weight.clone(), weight.clone(), torch.zeros(64, 64)
    swapped[[0, 1]] = swapped[[1, 0]]
    flipped[0, :2] *= -1.0
    others = [2 * weight, 4 * weight, -weight, weight.abs(), swapped, flipped, zero, zero[:32]]
    numbers = {fingerprint([w]) for w in (weight, *others)}
    assert len(numbers) == 1 + len(others)
    assert len({fingerprint(pair) for pair in ([weight, None], [None, weight], [weight])}) == 3
    assert fingerprint([weight]) == fingerprint([weight.double()])


@pytest.mark.parametrize("bias_rows", [0, 1])
def test_edits_in_place_count_in_a_network_made_in_inference_mode(bias_rows):
    with torch.inference_mode():
        analog = from_torch(nn.Linear(4, 3), tree(), bias_rows)
        assert analog.weight.is_inference()
        for edit in (analog.weight.mul_, analog.bias.mul_):
            torch.testing.assert_close(analog(X), stock(analog))
            kept = buffers(analog)
            analog(X)
            assert identical(buffers(analog), kept)
            edit(2.0)
            torch.testing.assert_close(analog(X), stock(analog))
    torch.testing.assert_close(analog(X), stock(analog))
