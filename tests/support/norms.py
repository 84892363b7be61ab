"""Batch-norms as a training leaves them, and conversions that leave them in place."""

import pytest
import torch
from analog_settings import tree
from torch import nn

from crosssim_core.errors import ConversionWarning
from crosssim_torch import from_torch


def lived_in(model):
    """``model`` with statistics and affine parameters that are not their defaults."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            if module.running_mean is not None:
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.2, 3)
            if module.affine:
                nn.init.uniform_(module.weight, -2, 2)
                nn.init.uniform_(module.bias, -1, 1)
    return model.eval()


def remaining(stock, reason, x=None):
    """Convert, expect the warning, and check that the function of the network is kept."""
    stock = lived_in(stock)
    with pytest.warns(ConversionWarning, match=reason):
        analog = from_torch(stock, tree(), fuse_batchnorm=True)
    if x is not None:
        torch.testing.assert_close(analog(x), stock(x), rtol=1e-4, atol=1e-4)
    return analog
