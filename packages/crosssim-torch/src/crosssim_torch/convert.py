"""Whole networks: stock to analog and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, overload

from torch import nn

from crosssim_core import CrossSimParameters
from crosssim_core.errors import ConversionError, CrossSimError
from crosssim_torch.analog import AnalogModule
from crosssim_torch.batchnorm import fuse_batchnorms
from crosssim_torch.chip import seed_stream
from crosssim_torch.fused import use_nested_tensors_again, use_padded_tensors
from crosssim_torch.options import LayerOptions
from crosssim_torch.overrides import assigned_methods, is_lazy
from crosssim_torch.parametrized import copied
from crosssim_torch.params import Params
from crosssim_torch.registry import ANALOG_CLASSES, stock_base
from crosssim_torch.report import ConversionReport
from crosssim_torch.rest import (
    Subclasses,
    check_nothing_stays_analog,
    check_the_rest,
    looked_at,
    nothing_to_convert,
)
from crosssim_torch.selection import Choice, check_choice, chosen, for_each, names_of


def convertible_modules(
    model: nn.Module,
    include: Choice = None,
    exclude: Choice = None,
    *,
    subclasses: Subclasses = "warn",
) -> list[nn.Module]:
    """The modules that `from_torch` converts, each once: depth first, in registration order.

    Args:
        model: Any network.
        include: As for `from_torch`, as are the others.
        exclude: Likewise.
        subclasses: Likewise; subclasses are listed with ``"convert"``.
    """
    convert = subclasses == "convert"
    found = [m for _, m in _walk(model) if _twin(m, convert=convert) is not None]
    names, candidates = names_of(model), looked_at(model)
    for choice, argument in ((include, "include"), (exclude, "exclude")):
        check_choice(choice, candidates, names, argument)
    kept = chosen(found, names, include, exclude)
    # A digital attention reads the weights of its output projection past that module.
    analog = {id(m) for m in kept} | {id(m) for m in analog_modules(model)}
    digital = {
        id(module.out_proj)
        for _, module in _walk(model)
        if isinstance(module, nn.MultiheadAttention) and id(module) not in analog
    }
    return [module for module in kept if id(module) not in digital]


def analog_modules(model: nn.Module) -> list[AnalogModule]:
    """The analog modules of ``model``, each once, in the same order."""
    return [module for _, module in _walk(model) if isinstance(module, AnalogModule)]


def inconvertible_modules(model: nn.Module) -> list[nn.Module]:
    """All other modules of ``model``: containers, activations, and those already analog."""
    convertible = set(map(id, convertible_modules(model)))
    return [module for _, module in _walk(model) if id(module) not in convertible]


def synchronize(model: nn.Module) -> None:
    """Program the present weights of all analog modules, with fresh programming errors."""
    for module in analog_modules(model):
        module.synchronize()


def reinitialize(model: nn.Module) -> None:
    """Put all analog modules on another chip, with fresh errors of every kind."""
    for module in analog_modules(model):
        module.reinitialize()


ForEach = Params | Sequence[Params] | Mapping[str, Params]
"""Parameters for all layers, one for each, or by name patterns."""


@overload
def from_torch(
    model: nn.Module,
    params: ForEach,
    bias_rows: int | Sequence[int] | Mapping[str, int] = 0,
    fuse_batchnorm: bool | Mapping[str, str] = False,
    *,
    seed: int | None = None,
    options: LayerOptions | Sequence[LayerOptions] | Mapping[str, LayerOptions] | None = None,
    include: Choice = None,
    exclude: Choice = None,
    subclasses: Subclasses = "warn",
    report: Literal[False] = False,
) -> nn.Module: ...


@overload
def from_torch(
    model: nn.Module,
    params: ForEach,
    bias_rows: int | Sequence[int] | Mapping[str, int] = 0,
    fuse_batchnorm: bool | Mapping[str, str] = False,
    *,
    seed: int | None = None,
    options: LayerOptions | Sequence[LayerOptions] | Mapping[str, LayerOptions] | None = None,
    include: Choice = None,
    exclude: Choice = None,
    subclasses: Subclasses = "warn",
    report: Literal[True],
) -> tuple[nn.Module, ConversionReport]: ...


def from_torch(
    model: nn.Module,
    params: ForEach,
    bias_rows: int | Sequence[int] | Mapping[str, int] = 0,
    fuse_batchnorm: bool | Mapping[str, str] = False,
    *,
    seed: int | None = None,
    options: LayerOptions | Sequence[LayerOptions] | Mapping[str, LayerOptions] | None = None,
    include: Choice = None,
    exclude: Choice = None,
    subclasses: Subclasses = "warn",
    report: bool = False,
) -> nn.Module | tuple[nn.Module, ConversionReport]:
    """An analog copy of a network; ``model`` itself is left unchanged.

    Args:
        model: Stock network, or a single layer.
        params: Parameters for all layers; or a list in the order of `convertible_modules`, whose
            elements may themselves be lists with one tree for each array of the layer; or a
            mapping from name patterns, of which the first that fits a layer counts. For a single
            layer a list means its arrays.
        bias_rows: Array rows that hold the bias of each layer (0: the bias is digital), in the
            same forms.
        fuse_batchnorm: Fold batch-norms into the layers before them first, wherever tracing or
            the order of an ``nn.Sequential`` tells what runs before them. Where neither does, a
            mapping can: from the names of batch-norms to those of the layers that feed them alone.
        seed: Makes one chip. Layers draw by their names, so adding one leaves the errors of the
            others as they are. With None ``torch.manual_seed`` governs.
        options: Layout, synchronization and derivatives, in the same forms; defaults if None.
        include: Layers to convert, all if None: name patterns such as ``"layer1"``, which means
            all that lies within too, or ``"*.conv1"``; or a predicate of name and module.
        exclude: Layers to leave digital, likewise; those too that would be refused or warned of.
        subclasses: What to do with subclasses of convertible layers that have no twin of their
            own, see `register`; with parametrized and lazy layers; with layers one of whose methods
            was replaced (``layer.forward = ...``); and with modules that reach layers past the
            network, by a function that replaces a method or by a plain list. ``"warn"``: leave
            them digital and say so. ``"raise"``: refuse. ``"convert"``: parametrized layers go on
            being so; a subclass becomes the twin of its stock class if it computes as that does;
            the rest is refused.
        report: Return a `ConversionReport` too.

    Raises:
        ConversionError: A list has the wrong length, a pattern fits nothing, there is nothing to
            convert, or a subclass is refused; or a name of ``fuse_batchnorm`` is unknown.
        UnsupportedError: A layer with matrix products has no analog twin yet.
        CrossSimError: The parameters do not fit a layer, which the message names.

    Warns:
        ConversionWarning: By ``subclasses``, something stays digital; or a batch-norm cannot be
            folded.
    """
    _check_module(model)
    model = copied(model)
    if fuse_batchnorm:
        model = fuse_batchnorms(model, None if fuse_batchnorm is True else fuse_batchnorm)
    layers = convertible_modules(model, include, exclude, subclasses=subclasses)
    names = names_of(model)
    check_the_rest(model, layers, names, include, exclude, subclasses)
    if not layers:
        raise nothing_to_convert(model, names)
    alone = layers == [model] and not isinstance(params, Mapping)
    trees = [params] if alone else for_each(params, layers, names, CrossSimParameters, "params")
    rows = for_each(bias_rows, layers, names, int, "bias_rows")
    chosen_options = for_each(options or LayerOptions(), layers, names, LayerOptions, "options")
    stream, analog = seed_stream(seed), {}
    for layer, tree, count, option in zip(layers, trees, rows, chosen_options, strict=True):
        twin, name = _twin(layer, convert=True), names[id(layer)][0]
        assert twin is not None
        try:
            analog[id(layer)] = twin._adopt(layer, tree, count, stream.child(name), option)
        except CrossSimError as error:
            error.concerning(f"{name or 'the model'} ({type(layer).__name__})")
            raise
    converted = _replace(model, analog)
    use_padded_tensors(converted)
    return (converted, ConversionReport.of(converted)) if report else converted


def to_torch(
    model: nn.Module,
    physical_weights: bool | Sequence[bool] | Mapping[str, bool] = False,
) -> nn.Module:
    """A stock copy of an analog network; ``model`` itself is left unchanged.

    Args:
        model: Network with analog modules, or a single one.
        physical_weights: Take the weights that the arrays hold, errors included, instead of the
            ideal ones; for all modules, as a list in the order of `analog_modules`, or as a
            mapping from name patterns.

    Raises:
        ConversionError: The list has the wrong length, or a pattern fits nothing; or a method
            that was replaced, or an attribute, would go on running analog layers.
    """
    _check_module(model)
    model = copied(model)
    modules, names = analog_modules(model), names_of(model)
    physical = for_each(physical_weights, modules, names, bool, "physical_weights")
    check_nothing_stays_analog(model, names)
    stock = {
        id(module): module._stock(physical_weights=choice)
        for module, choice in zip(modules, physical, strict=True)
    }
    converted = _replace(model, stock)
    use_nested_tensors_again(converted)
    return converted


def _walk(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module, each module once, parents before children."""
    yield from model.named_modules()


def _twin(module: nn.Module, *, convert: bool) -> type[AnalogModule] | None:
    """The analog class for ``module``; None if it has none.

    Args:
        module: Any module.
        convert: Whether subclasses of stock classes, and parametrized ones, have that of these.
    """
    if isinstance(module, AnalogModule) or is_lazy(module):
        return None
    exact = ANALOG_CLASSES.get(type(module))
    if not convert:
        return None if assigned_methods(module) else exact
    if exact is not None:
        return exact
    base = stock_base(module)
    return None if base is None else ANALOG_CLASSES[base]


def _replace(model: nn.Module, twins: Mapping[int, nn.Module]) -> nn.Module:
    """``model`` with each module of ``twins`` replaced at all of its occurrences."""
    for parent in [*model.modules(), *twins.values()]:
        for name, child in parent._modules.items():
            if id(child) in twins:
                parent._modules[name] = twins[id(child)]
    return twins.get(id(model), model)


def _check_module(model: object) -> None:
    if not isinstance(model, nn.Module):
        raise ConversionError(f"A torch.nn.Module is needed, got {type(model)}.")
