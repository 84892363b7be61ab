"""Which layer feeds a batch-norm and nothing else, as far as a network tells."""

import copy
import itertools
from typing import Any

from torch import fx, nn

from crosssim_torch.overrides import assigned_methods

BATCHNORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

Pairs = dict[int, nn.Module]
"""The module whose output a batch-norm alone takes, by the identity of the batch-norm."""


def known_pairs(model: nn.Module) -> tuple[Pairs, bool]:
    """What is known of a network, and whether that is all."""
    traced = _traced(model)
    if traced is not None:
        return traced, True
    return _parts(model), False


def shared(model: nn.Module) -> set[int]:
    """Identities of modules and parameters that have several places in a network."""
    uses: dict[int, int] = {}
    for _, module in model.named_modules(remove_duplicate=False):
        for held in (module, *module.parameters(recurse=False)):
            uses[id(held)] = uses.get(id(held), 0) + 1
    return {held for held, count in uses.items() if count > 1}


def _parts(module: nn.Module) -> Pairs:
    """What is known of parts that can be traced, and of modules that run one after another."""
    pairs: Pairs = {}
    for child in module.children():
        traced = _traced(child)
        pairs |= _parts(child) if traced is None else traced
    if type(module).forward is nn.Sequential.forward and not assigned_methods(module):
        for layer, norm in itertools.pairwise(module._modules.values()):
            if isinstance(norm, BATCHNORMS) and layer is not None:
                pairs[id(norm)] = layer
    return pairs


def _traced(model: nn.Module) -> Pairs | None:
    """What the graph of a network tells; None if it cannot be traced."""
    if assigned_methods(model):
        # Tracing takes the forward of the class.
        return None
    try:
        # Tracing runs the user's forward on symbols, which may raise anything at all, and may
        # leave symbols behind in the modules. Statistics are folded as they act in evaluation.
        graph = fx.Tracer().trace(copy.deepcopy(model).eval())
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
        norm: Any = modules[node.target]
        source = node.args[0] if node.args else None
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
