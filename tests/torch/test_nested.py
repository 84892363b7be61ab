"""Nested tensors, which analog layers refuse by name."""

import pytest
import torch
from analog_settings import tree
from torch import nn

from crosssim_core.errors import UnsupportedError
from crosssim_torch import from_torch

pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")

LAYERS = {
    "linear": lambda: nn.Linear(4, 4),
    "conv": lambda: nn.Conv1d(4, 4, 1),
    "transposed": lambda: nn.ConvTranspose1d(4, 4, 1),
    "cell": lambda: nn.GRUCell(4, 4),
    "recurrent": lambda: nn.LSTM(4, 4),
    "attention": lambda: nn.MultiheadAttention(4, 2),
    "batch first": lambda: nn.MultiheadAttention(4, 2, batch_first=True),
    "encoder layer": lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
}


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_nested_tensor_is_refused_with_what_to_do(kind, layout):
    layer = from_torch(LAYERS[kind]().eval(), tree())
    x = torch.nested.nested_tensor([torch.ones(3, 4), torch.ones(2, 4)], layout=layout)
    count = 3 if isinstance(layer, nn.MultiheadAttention) else 1
    for grad in (True, False):
        # A layer that was read before takes the shortest way to its next product.
        with torch.set_grad_enabled(grad):
            layer(*[torch.ones(4, 4)] * count)
            with pytest.raises(UnsupportedError, match="to_padded_tensor"):
                layer(*[x] * count)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("part", ["linear1", "self_attn"])
def test_an_encoder_with_a_layer_replaced_by_hand_says_how_to_keep_it_from_nesting(part):
    x, padding = torch.ones(2, 3, 4), torch.tensor([[False, False, True], [False] * 3])
    for nested in (True, False):
        layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=nested).eval()
        want = encoder(x, src_key_padding_mask=padding)
        setattr(encoder.layers[0], part, from_torch(getattr(encoder.layers[0], part), tree()))
        with torch.no_grad():
            if nested:
                with pytest.raises(UnsupportedError, match="enable_nested_tensor=False"):
                    encoder(x, src_key_padding_mask=padding)
            else:
                got = encoder(x, src_key_padding_mask=padding)
                torch.testing.assert_close(got[:, :2], want[:, :2], rtol=1e-4, atol=1e-5)
