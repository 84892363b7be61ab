"""Folding batch-norms into the layers before them."""

import copy
import itertools
import warnings
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from crosssim_core.errors import ConversionWarning, ShapeError


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
BATCHNORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def fuse_batchnorms(model: nn.Module) -> nn.Module:
    """A copy of ``model`` whose batch-norms are folded into the layers that feed them.

    A batch-norm is folded where it alone takes the output of a linear or convolutional layer,
    both run once, and it has running statistics. What feeds what is read off the traced network;
    a network that cannot be traced is taken at the order in which children are registered, with a
    warning unless that order is the one of an ``nn.Sequential``. A folded batch-norm becomes
    ``nn.Identity``, so that names and positions stay; it raises ShapeError where the batch-norm
    would have taken another axis than that of the outputs for its channels, as ``BatchNorm1d`` does
    with the output ``(N, L, F)`` of a linear layer. ``training`` flags are kept; the statistics
    folded are the running ones.

    Warns:
        ConversionWarning: A batch-norm remains, with the reason; or the order is not certain.
    """
    model = copy.deepcopy(model)
    feeds = _traced_pairs(model)
    if feeds is None:
        feeds = _registered_pairs(model)
    for name, norm in list(model.named_modules()):
        if not isinstance(norm, BATCHNORMS):
            continue
        layer = feeds.get(id(norm))
        obstacle = _obstacle(layer, norm)
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


def _traced_pairs(model: nn.Module) -> dict[int, nn.Module] | None:
    """The layer whose output each batch-norm alone takes; None if the network cannot be traced."""
    try:
        # Tracing runs the user's forward on symbols, which may raise anything at all, and may
        # leave symbols behind in the modules.
        graph = fx.Tracer().trace(copy.deepcopy(model))
    except Exception:
        return None
    modules = dict(model.named_modules())
    calls = [node for node in graph.nodes if node.op == "call_module"]
    runs: dict[int, int] = {}
    for node in calls:
        for held in (modules[node.target], *modules[node.target].parameters(recurse=False)):
            runs[id(held)] = runs.get(id(held), 0) + 1
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for node in graph.nodes:
        if node.op == "get_attr" and node.target in parameters:
            parameter = parameters[node.target]
            runs[id(parameter)] = runs.get(id(parameter), 0) + 1
    pairs = {}
    for node in calls:
        norm, source = modules[node.target], node.args[0] if node.args else None
        if (
            isinstance(norm, BATCHNORMS)
            and isinstance(source, fx.Node)
            and source.op == "call_module"
            and len(source.users) == 1
        ):
            layer = modules[source.target]
            used = [norm, *layer.parameters(recurse=False), *norm.parameters(recurse=False)]
            if all(runs[id(held)] == 1 for held in used):
                pairs[id(norm)] = layer
    return pairs


def _registered_pairs(model: nn.Module) -> dict[int, nn.Module]:
    """The child registered directly before each batch-norm, where each occurs once."""
    uses: dict[int, int] = {}
    for _, module in model.named_modules(remove_duplicate=False):
        for held in (module, *module.parameters(recurse=False)):
            uses[id(held)] = uses.get(id(held), 0) + 1
    pairs = {}
    for parent_name, parent in model.named_modules():
        children = list(parent.named_children())
        for (_, layer), (name, norm) in itertools.pairwise(children):
            if not isinstance(norm, BATCHNORMS):
                continue
            held = [layer, norm, *layer.parameters(recurse=False)]
            if any(uses[id(module)] > 1 for module in held):
                continue
            if not isinstance(parent, nn.Sequential) and isinstance(layer, tuple(FOLDABLE)):
                path = f"{parent_name}.{name}" if parent_name else name
                warnings.warn(
                    f"Batch-norm {path} is folded into the layer registered before it; the "
                    "network cannot be traced, so whether it runs there is not certain.",
                    ConversionWarning,
                    stacklevel=4,
                )
            pairs[id(norm)] = layer
    return pairs


def _obstacle(layer: nn.Module | None, norm: Any) -> str | None:
    """Why ``norm`` cannot be folded into ``layer``; None if it can."""
    if layer is None or type(layer) not in FOLDABLE:
        return "it is not the only one to take the output of one linear or convolutional layer"
    if not issubclass(type(norm), FOLDABLE[type(layer)].norm):
        return f"a {type(layer).__name__} before it has its outputs on another axis"
    if norm.running_mean is None:
        return "it has no running statistics"
    if norm.num_features != next(layer.parameters()).shape[0]:
        return "its channels are not those of the layer before it"
    return None
