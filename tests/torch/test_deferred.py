"""Networks on the meta device, which get memory and weights later."""

import copy
import pickle

import pytest
import torch
from analog_settings import tree
from torch import nn

from crosssim_core.errors import DeviceUnavailableError
from crosssim_torch import AnalogLinear, from_torch, to_torch

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def network():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))


@pytest.mark.parametrize("assign", [False, True], ids=["to_empty", "assign"])
@pytest.mark.parametrize("saved", ["stock", "analog"])
def test_a_layer_on_the_meta_device_gets_its_arrays_with_its_weights(saved, assign):
    model = from_torch(network(), tree(), seed=1)
    want = model(X)
    state = model.state_dict() if saved == "analog" else to_torch(model).state_dict()
    deferred = from_torch(network(), tree(), seed=2).to("meta")
    assert all(x.is_meta for x in deferred.state_dict().values())
    if not assign:
        deferred.to_empty(device="cpu")
    deferred.load_state_dict(state, assign=assign)
    torch.testing.assert_close(deferred(X), want)
    assert not any(x.is_meta for x in deferred.state_dict().values())


@pytest.mark.filterwarnings("ignore:for weight. copying from a non-meta:UserWarning")
@pytest.mark.filterwarnings("ignore:for bias. copying from a non-meta:UserWarning")
def test_without_memory_a_layer_says_what_it_needs_and_can_be_copied():
    layer = AnalogLinear(tree(), 4, 3).to("meta")
    for twin in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        for use in (
            lambda m: m(X.to("meta")),
            AnalogLinear.synchronize,
            AnalogLinear.reinitialize,
            AnalogLinear.get_matrix,
            AnalogLinear.get_core_weights,
            lambda m: setattr(m, "params", tree()),
        ):
            with pytest.raises(DeviceUnavailableError, match="to_empty"):
                use(twin)
    with pytest.raises(RuntimeError, match="assign=True"):
        layer.load_state_dict(AnalogLinear(tree(), 4, 3).state_dict())
    with pytest.raises(DeviceUnavailableError, match="to_empty"):
        layer(X.to("meta"))


def test_networks_without_memory_are_not_converted_and_a_context_for_such_changes_nothing():
    stock = network()
    with torch.device("meta"):
        without, analog = network(), from_torch(stock, tree())
        got = analog(X)
        state = analog.state_dict()
    with pytest.raises(DeviceUnavailableError, match=r"0 \(Linear\).*to_empty"):
        from_torch(without, tree())
    torch.testing.assert_close(got, stock(X))
    assert not any(x.is_meta for x in state.values())
