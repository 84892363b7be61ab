"""Checkpoints as they come back from files."""

import io

import pytest
import torch


def through_a_file(state):
    """What ``torch.load`` makes of it, which takes tensors alone."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def through_safetensors(state):
    """What safetensors makes of it."""
    save = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    return save.load(save.save(state))
