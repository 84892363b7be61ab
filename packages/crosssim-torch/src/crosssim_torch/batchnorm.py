"""Folding batch-norms into the layers before them."""

import copy
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from crosssim_core.errors import ConversionError, ConversionWarning, ShapeError
from crosssim_torch.order import BATCHNORMS, known_pairs, shared
from crosssim_torch.overrides import assigned_methods


class Partner(NamedTuple):
    """The batch-norm whose channels are the outputs of a layer, and where they are."""

    norm: type[nn.Module]
    axes: int
    """Axes of what passes from one to the other. A batch-norm takes axis 1 for the channels: with
    another number of axes that is another axis, or the batch-norm refuses."""


FOLDABLE: dict[type[nn.Module], Partner] = {
    nn.Linear: Partner(nn.BatchNorm1d, 2),
    nn.Conv1d: Partner(nn.BatchNorm1d, 3),
    nn.Conv2d: Partner(nn.BatchNorm2d, 4),
    nn.Conv3d: Partner(nn.BatchNorm3d, 5),
}
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def fuse_batchnorms(model: nn.Module, named: Mapping[str, str] | None = None) -> nn.Module:
    """A copy of ``model`` whose batch-norms are folded into the layers that feed them.

    A batch-norm is folded where it alone takes the output of a linear or convolutional layer,
    both run once, neither has hooks, and it has running statistics. What feeds what is read off
    the traced network; where a network cannot be traced, off the parts of it that can, and off
    the order of an ``nn.Sequential``. Of what lies between them nothing is known, and nothing is
    folded there that is not ``named``. A folded batch-norm becomes ``nn.Identity``, so that names
    and positions stay; it raises ShapeError where the batch-norm would have taken another axis
    than that of the outputs for its channels, as ``BatchNorm1d`` does with the output
    ``(N, L, F)`` of a linear layer. ``training`` flags are kept; the statistics folded are the
    running ones.

    Args:
        model: Left unchanged.
        named: Layers that certainly feed batch-norms and nothing else, by the names of these.

    Raises:
        ConversionError: A name is not that of a batch-norm, or of a layer.

    Warns:
        ConversionWarning: A batch-norm remains, with the reason.
    """
    model = copy.deepcopy(model)
    feeds, traced = known_pairs(model)
    told = _named_pairs(model, {} if named is None else named)
    several = set() if traced and not told else shared(model)
    for name, norm in list(model.named_modules()):
        if not isinstance(norm, BATCHNORMS):
            continue
        layer = told.get(id(norm), feeds.get(id(norm)))
        obstacle = _obstacle(layer, norm)
        if layer is None and not traced:
            obstacle = (
                "the network cannot be traced, so what it follows is not known; if it is one "
                f"layer, name that: fuse_batchnorm={{{name!r}: ...}}"
            )
        elif layer is not None and (id(norm) in told or not traced):
            held = (norm, layer, *layer.parameters(recurse=False))
            if any(id(one) in several for one in held):
                obstacle = "it is not the only one to use the layer before it, or is used twice"
        if obstacle is not None:
            warnings.warn(
                f"Batch-norm {name} is not folded: {obstacle}.", ConversionWarning, stacklevel=3
            )
            continue
        assert layer is not None
        fold(layer, norm)
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, _what_remains(layer, norm, name))
    return model


@torch.no_grad()
def fold(layer: nn.Module, norm: nn.Module) -> None:
    """Fold ``norm`` into ``layer`` in place: ``W' = W γ/√(σ²+ε)``, ``b' = (b−μ) γ/√(σ²+ε) + β``."""
    old: Any = layer
    statistics: Any = norm
    weight: Tensor = old.weight
    scale = torch.rsqrt(statistics.running_var.double() + statistics.eps)
    if statistics.weight is not None:
        scale = scale * statistics.weight
    shift = -statistics.running_mean.double() * scale
    if old.bias is not None:
        shift = shift + old.bias * scale
    if statistics.bias is not None:
        shift = shift + statistics.bias
    folded = weight * scale.reshape(-1, *(1,) * (weight.dim() - 1))
    old.weight = nn.Parameter(folded.to(weight.dtype), requires_grad=weight.requires_grad)
    old.bias = nn.Parameter(shift.to(weight.dtype), requires_grad=weight.requires_grad)


def _what_remains(layer: nn.Module, norm: nn.Module, name: str) -> nn.Identity:
    """The place of a folded batch-norm, through which only what it is folded for passes."""
    identity = nn.Identity().train(norm.training)
    kind, axes = FOLDABLE[type(layer)]
    check = partial(check_axes, f"{name} ({kind.__name__})", axes)
    identity.register_forward_pre_hook(check, with_kwargs=True)
    return identity


def check_axes(
    norm: str, axes: int, module: nn.Module, args: tuple[Tensor, ...], named: dict[str, Tensor]
) -> None:
    """Check, as a hook, that the folded batch-norm ``norm`` would have met channels on axis 1.

    Raises:
        ShapeError: It would not.
    """
    (x,) = (*args, *named.values())
    if x.dim() != axes:
        raise ShapeError(
            f"Batch-norm {norm} was folded into the layer before it, which is right for {axes} "
            f"axes with the channels on axis 1; got shape {tuple(x.shape)}. Use "
            "fuse_batchnorm=False."
        )


def _named_pairs(model: nn.Module, named: Mapping[str, str]) -> dict[int, nn.Module]:
    if not isinstance(named, Mapping):
        raise ConversionError(
            "fuse_batchnorm: give True, False, or a mapping from batch-norms to the layers before "
            f"them, as in {{'norm': 'layer'}}; got {named!r}."
        )
    modules = dict(model.named_modules())
    for norm, layer in named.items():
        if not isinstance(modules.get(norm), BATCHNORMS) or layer not in modules:
            raise ConversionError(
                f"fuse_batchnorm names the layer {layer!r} before the batch-norm {norm!r}, and "
                f"there is no such {'layer' if layer not in modules else 'batch-norm'}."
            )
    return {id(modules[norm]): modules[layer] for norm, layer in named.items()}


def _obstacle(layer: nn.Module | None, norm: Any) -> str | None:
    """Why ``norm`` cannot be folded into ``layer``; None if it can."""
    if isinstance(layer, nn.modules.conv._ConvTransposeNd):
        return f"before it is a {type(layer).__name__}, and transposed convolutions are not folded"
    if layer is None or type(layer) not in FOLDABLE:
        return "it is not the only one to take the output of one linear or convolutional layer"
    if assigned_methods(layer) or assigned_methods(norm):
        return "a method of it or of the layer before it was replaced"
    if not issubclass(type(norm), FOLDABLE[type(layer)].norm):
        return f"a {type(layer).__name__} before it has its outputs on another axis"
    if any(getattr(module, hooks) for module in (layer, norm) for hooks in HOOKS):
        return "it or the layer before it has hooks"
    if norm.running_mean is None:
        return "it has no running statistics"
    if norm.num_features != next(layer.parameters()).shape[0]:
        return "its channels are not those of the layer before it"
    return None
