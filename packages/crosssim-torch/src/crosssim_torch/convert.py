"""Whole networks: stock to analog and back."""

import copy
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from crosssim_core import CrossSimParameters
from crosssim_core.errors import (
    ConversionError,
    ConversionWarning,
    CrossSimError,
    UnsupportedError,
)
from crosssim_torch.analog import AnalogModule, Params
from crosssim_torch.attention import AnalogMultiheadAttention, AnalogOutProjection
from crosssim_torch.batchnorm import fuse_batchnorms
from crosssim_torch.cells import AnalogGRUCell, AnalogLSTMCell, AnalogRNNCell
from crosssim_torch.chip import seed_stream
from crosssim_torch.conv import AnalogConv1d, AnalogConv2d, AnalogConv3d
from crosssim_torch.convtranspose import (
    AnalogConvTranspose1d,
    AnalogConvTranspose2d,
    AnalogConvTranspose3d,
)
from crosssim_torch.fused import use_nested_tensors_again, use_padded_tensors
from crosssim_torch.linear import AnalogLinear
from crosssim_torch.recurrent import AnalogGRU, AnalogLSTM, AnalogRNN

ANALOG_CLASSES: dict[type[nn.Module], type[AnalogModule]] = {
    nn.Linear: AnalogLinear,
    nn.Conv1d: AnalogConv1d,
    nn.Conv2d: AnalogConv2d,
    nn.Conv3d: AnalogConv3d,
    nn.ConvTranspose1d: AnalogConvTranspose1d,
    nn.ConvTranspose2d: AnalogConvTranspose2d,
    nn.ConvTranspose3d: AnalogConvTranspose3d,
    nn.RNNCell: AnalogRNNCell,
    nn.LSTMCell: AnalogLSTMCell,
    nn.GRUCell: AnalogGRUCell,
    nn.RNN: AnalogRNN,
    nn.LSTM: AnalogLSTM,
    nn.GRU: AnalogGRU,
    nn.MultiheadAttention: AnalogMultiheadAttention,
    NonDynamicallyQuantizableLinear: AnalogOutProjection,
}
"""The analog twin of each stock class. Subclasses are not looked up: they may do anything."""

NOT_BUILT = (nn.Bilinear,)
"""Layers with matrix products that have no analog twin yet."""


def convertible_modules(model: nn.Module) -> list[nn.Module]:
    """The modules that `from_torch` converts, each once: depth first, in registration order."""
    # A digital attention reads the weights of its output projection past that module.
    digital = {
        id(module.out_proj)
        for _, module in _walk(model)
        if isinstance(module, nn.MultiheadAttention)
        and type(module) not in (nn.MultiheadAttention, AnalogMultiheadAttention)
    }
    return [m for _, m in _walk(model) if type(m) in ANALOG_CLASSES and id(m) not in digital]


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


def from_torch(
    model: nn.Module,
    params: Params | Sequence[Params],
    bias_rows: int | Sequence[int] = 0,
    fuse_batchnorm: bool = False,
    *,
    seed: int | None = None,
) -> nn.Module:
    """An analog copy of a network; ``model`` itself is left unchanged.

    Args:
        model: Stock network, or a single layer.
        params: Parameters for all layers, or a list in the order of `convertible_modules`, whose
            elements may themselves be lists with one tree for each array of the layer. For a
            single layer a list means its arrays.
        bias_rows: Array rows that hold the bias of each layer (0: the bias is digital), for all
            layers or as a list in the same order.
        fuse_batchnorm: Fold batch-norms into the layers before them first.
        seed: Makes one chip. Layers draw by their names, so adding one leaves the errors of the
            others as they are. With None ``torch.manual_seed`` governs.

    Raises:
        ConversionError: A list has the wrong length, or there is nothing to convert.
        UnsupportedError: A layer with matrix products has no analog twin yet.
        CrossSimError: The parameters do not fit a layer, which the message names.

    Warns:
        ConversionWarning: A subclass of a convertible layer stays digital; or a batch-norm cannot
            be folded.
    """
    _check_module(model)
    model = fuse_batchnorms(model) if fuse_batchnorm else copy.deepcopy(model)
    _refuse_what_is_not_built(model)
    layers = convertible_modules(model)
    if not layers:
        raise ConversionError(
            "The model has no layer to convert. Layers with an analog twin: "
            f"{', '.join(c.__name__ for c in ANALOG_CLASSES)}."
        )
    alone = layers == [model]
    trees = [params] if alone else _for_each(params, layers, CrossSimParameters, "params")
    rows = _for_each(bias_rows, layers, int, "bias_rows")
    names = {id(module): name for name, module in _walk(model)}
    stream = seed_stream(seed)
    analog: dict[int, nn.Module] = {}
    for layer, tree, count in zip(layers, trees, rows, strict=True):
        name, twin = names[id(layer)], ANALOG_CLASSES[type(layer)]
        try:
            analog[id(layer)] = twin._adopt(layer, tree, count, stream.child(name))
        except CrossSimError as error:
            error.concerning(f"{name or 'the model'} ({type(layer).__name__})")
            raise
    converted = _replace(model, analog)
    use_padded_tensors(converted)
    return converted


def to_torch(model: nn.Module, physical_weights: bool | Sequence[bool] = False) -> nn.Module:
    """A stock copy of an analog network; ``model`` itself is left unchanged.

    Args:
        model: Network with analog modules, or a single one.
        physical_weights: Take the weights that the arrays hold, errors included, instead of the
            ideal ones; for all modules, or as a list in the order of `analog_modules`.

    Raises:
        ConversionError: The list has the wrong length.
    """
    _check_module(model)
    model = copy.deepcopy(model)
    modules = analog_modules(model)
    physical = _for_each(physical_weights, modules, bool, "physical_weights")
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


def _check_module(model: object) -> None:
    if not isinstance(model, nn.Module):
        raise ConversionError(f"A torch.nn.Module is needed, got {type(model)}.")


def _for_each(given: Any, layers: Sequence[nn.Module], one: type, name: str) -> list[Any]:
    """One element of ``given`` for each layer; a single one serves all."""
    if isinstance(given, one):
        return [given] * len(layers)
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ConversionError(
            f"{name}: give one {one.__name__} or a list of them, got {type(given).__name__}."
        )
    if len(given) != len(layers):
        raise ConversionError(
            f"{name} has {len(given)} elements and the model has {len(layers)} layers to match: "
            "give one element for each, or a single one for all."
        )
    return list(given)


def _replace(model: nn.Module, twins: dict[int, nn.Module]) -> nn.Module:
    """``model`` with each module of ``twins`` replaced at all of its occurrences."""
    for parent in [*model.modules(), *twins.values()]:
        for name, child in parent._modules.items():
            if id(child) in twins:
                parent._modules[name] = twins[id(child)]
    return twins.get(id(model), model)


def _refuse_what_is_not_built(model: nn.Module) -> None:
    for name, module in _walk(model):
        where = f"{name or 'the model'} ({type(module).__name__})"
        if isinstance(module, NOT_BUILT):
            raise UnsupportedError(f"{where} has no analog twin yet, and would stay digital.")
        if type(module) not in ANALOG_CLASSES and isinstance(module, tuple(ANALOG_CLASSES)):
            if not isinstance(module, AnalogModule):
                warnings.warn(
                    f"{where} stays digital: only the stock classes themselves are converted, "
                    "because a subclass may do anything with its weights.",
                    ConversionWarning,
                    stacklevel=3,
                )
