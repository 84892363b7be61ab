"""Fused optimizers, which edit weights without counting it as an edit."""

from typing import Any

import torch
from torch.autograd.graph import increment_version
from torch.optim.optimizer import register_optimizer_step_post_hook


def count_fused_edits(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    """Count the step that ``optimizer`` has made as an edit of its parameters, as all others do.

    PyTorch calls this after every step.
    """
    for group in optimizer.param_groups:
        if group.get("fused"):
            increment_version([p for p in group["params"] if p.grad is not None])


register_optimizer_step_post_hook(count_fused_edits)
