"""Input ranges that a layer finds in its data."""

import pytest
import torch
from analog_settings import tree

from crosssim_core import AnalogCore
from crosssim_torch import from_torch

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

DAC = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 3,
    "core.mapping.inputs.mvm.percentile": 1.0,
}


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
@pytest.mark.parametrize("per_vector", [False, True])
def test_windows_of_a_convolution_share_a_range_or_have_their_own(per_vector, literal):
    params = tree(DAC, simulation__literal=literal)
    params.core.mapping.inputs.mvm.per_vector = per_vector
    generator = torch.Generator().manual_seed(1)
    layer = torch.nn.Conv2d(2, 3, 2, bias=False, dtype=torch.float64)
    torch.nn.init.uniform_(layer.weight, -1, 1, generator=generator)
    image = torch.randn(2, 2, 4, 5, generator=generator, dtype=torch.float64)
    windows = torch.nn.functional.unfold(image, 2)
    core = AnalogCore(layer.weight.detach().reshape(3, -1), params)
    if per_vector:
        columns = [[core @ windows[i, :, k] for k in range(windows.shape[2])] for i in range(2)]
        want = torch.stack([torch.stack(column, dim=-1) for column in columns])
    else:
        want = core @ windows
    got = from_torch(layer, params)(image)
    torch.testing.assert_close(got.reshape(want.shape), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
def test_vectors_of_a_linear_layer_have_their_own_range(literal):
    params = tree(DAC, simulation__literal=literal)
    params.core.mapping.inputs.mvm.per_vector = True
    layer = from_torch(torch.nn.Linear(4, 3, dtype=torch.float64), params)
    x = torch.logspace(-3, 3, 6, dtype=torch.float64)[:, None] * torch.linspace(-1, 0.8, 4)
    want = torch.stack([layer(row) for row in x])
    torch.testing.assert_close(layer(x), want, rtol=1e-12, atol=1e-12)
