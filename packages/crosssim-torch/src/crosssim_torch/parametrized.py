"""Layers whose weights are functions of other parameters."""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

_parametrize: Any = parametrize


def keep_parametrizations(module: nn.Module) -> None:
    """Give ``module``, which has the contents of a parametrized one, its properties too."""
    registered: Any = module._modules.get("parametrizations") or ()
    if any(not hasattr(type(module), name) for name in registered):
        _parametrize._inject_new_class(module)
        for name in registered:
            _parametrize._inject_property(module, name)


def plain_class(module: nn.Module) -> type[nn.Module]:
    """The class of ``module``, or the one that it had before it was parametrized."""
    kind = type(module)
    return kind.__bases__[0] if _parametrize.is_parametrized(module) else kind


def copied(model: nn.Module) -> nn.Module:
    """A deep copy, of networks too whose weights are computed by hooks.

    Such hooks (pruning, the older weight_norm and spectral_norm) leave their results in attributes,
    which PyTorch does not copy while they belong to a graph; the next forward makes them anew.
    """
    memo: dict[int, Any] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, torch.Tensor) and value.grad_fn is not None:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(model, memo)


@torch.no_grad()
def compute_again(module: nn.Module) -> None:
    """Let weights that hooks compute before each forward follow from what is there now."""
    for hook in module._forward_pre_hooks.values():
        own: Any = hook
        if isinstance(hook, prune.BasePruningMethod):
            setattr(module, own._tensor_name, own.apply_mask(module))
        elif isinstance(hook, WeightNorm):
            setattr(module, own.name, own.compute_weight(module))
        elif isinstance(hook, SpectralNorm):
            setattr(module, own.name, own.compute_weight(module, do_power_iteration=False))


def forget_computation(module: nn.Module, name: str) -> None:
    """Take away what computes the tensor ``name`` of ``module`` from others, and these."""
    registered = module._modules.get("parametrizations")
    if registered is not None:
        module._modules["parametrizations"] = registered = copy.copy(registered)
        registered._modules = {k: v for k, v in registered._modules.items() if k != name}
        if not registered._modules:
            del module._modules["parametrizations"]
    hooks = module._forward_pre_hooks
    for number, hook in list(hooks.items()):
        if name in (getattr(hook, "_tensor_name", None), getattr(hook, "name", None)):
            del hooks[number]
            vars(module).pop(name, None)
            for tensors in (module._parameters, module._buffers):
                for own in [own for own in tensors if own.startswith(f"{name}_")]:
                    del tensors[own]
