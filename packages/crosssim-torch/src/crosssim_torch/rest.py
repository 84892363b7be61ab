"""What of a network would stay digital unasked."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Literal

from torch import nn
from torch.nn.utils import parametrize

from crosssim_core.errors import ConversionError, ConversionWarning, UnsupportedError
from crosssim_torch.analog import AnalogModule
from crosssim_torch.overrides import assigned_methods, is_lazy
from crosssim_torch.parametrized import plain_class
from crosssim_torch.reach import Found, functions_without_self, reached, strays
from crosssim_torch.registry import ANALOG_CLASSES, NOT_BUILT
from crosssim_torch.report import why_digital
from crosssim_torch.selection import Choice, Names, chosen

Subclasses = Literal["warn", "raise", "convert"]
"""What happens to subclasses of convertible layers, and to parametrized ones."""


def looked_at(model: nn.Module) -> list[nn.Module]:
    """Every module that may be converted, refused or warned of."""
    found = Found()

    def may_be(module: nn.Module) -> bool:
        return (
            _has_products(module) or bool(assigned_methods(module)) or bool(reached(module, found))
        )

    return [module for module in model.modules() if may_be(module)]


def check_the_rest(
    model: nn.Module,
    layers: Sequence[nn.Module],
    names: Names,
    include: Choice,
    exclude: Choice,
    subclasses: Subclasses,
) -> None:
    """Refuse, or tell of, what has matrix products and would stay digital unasked.

    Args:
        model: The network, not converted yet.
        layers: Those of its layers that will be.
        names: Of its modules.
        include: As of `from_torch`, as are the others.
        exclude: Likewise.
        subclasses: Likewise.

    Raises:
        ConversionError: By ``subclasses``, something is refused.
        UnsupportedError: A layer has no analog twin yet.

    Warns:
        ConversionWarning: By ``subclasses``, something stays digital.
    """
    if subclasses not in ("warn", "raise", "convert"):
        raise ConversionError(
            f"subclasses: {subclasses!r} is not known; use 'warn', 'raise' or 'convert'."
        )
    for where, why in _unasked(model, layers, names, include, exclude):
        if subclasses != "warn":
            raise ConversionError(f"{where} {why}")
        warnings.warn(f"{where} {why}", ConversionWarning, stacklevel=3)


def check_nothing_stays_analog(model: nn.Module, names: Names) -> None:
    """Check that no module of an analog network holds analog ones past it.

    Raises:
        ConversionError: One does: it would go on running them once there is a stock network.
    """
    network = {id(m) for m in model.modules() if not isinstance(m, AnalogModule)}
    found = Found()
    for module in model.modules():
        own = strays(module, network, AnalogModule, found)
        if own:
            raise ConversionError(
                f"{_named(module, names)} would go on running analog layers, because its "
                f"{', '.join(own)} may hold them: take that away, convert, and set it again."
            )


def nothing_to_convert(model: nn.Module, names: Names) -> ConversionError:
    """An error that says why each layer of ``model`` stays as it is."""
    layers = [m for m in model.modules() if isinstance(m, AnalogModule) or _has_products(m)]
    reasons = [
        f"{_named(m, names)}: {'analog already' if isinstance(m, AnalogModule) else why_digital(m)}"
        for m in layers
    ]
    classes = ", ".join(c.__name__ for c in ANALOG_CLASSES)
    told = "; ".join(reasons) if reasons else f"Layers with an analog twin: {classes}"
    return ConversionError(f"The model has no layer to convert. {told}.")


def _unasked(
    model: nn.Module,
    layers: Sequence[nn.Module],
    names: Names,
    include: Choice,
    exclude: Choice,
) -> Iterator[tuple[str, str]]:
    """Modules that do something digitally which nobody asked for, and what."""
    converted = set(map(id, layers))
    staying = {id(module) for module in model.modules()} - converted
    modules, found = looked_at(model), Found()
    meant = set(map(id, chosen(modules, names, include, exclude)))
    left_out = set(map(id, modules)) - set(map(id, chosen(modules, names, None, exclude)))
    for module in modules:
        where = _named(module, names)
        patched = bool(assigned_methods(module))
        if _has_products(module) and (patched or id(module) not in converted):
            if id(module) not in meant:
                continue
            if isinstance(module, NOT_BUILT):
                raise UnsupportedError(
                    f"{where} has no analog twin yet, and would stay digital: exclude it to leave "
                    "it so."
                )
            why = _why_not_converted(module)
            if why is not None:
                yield where, f"stays digital: {why}."
                continue
        # A container runs the layers within, whether it is itself meant or not.
        runs = any(id(part) in converted for part in module.modules())
        if id(module) in meant or (runs and id(module) not in left_out):
            own = sorted({*strays(module, staying, found=found), *functions_without_self(module)})
            if own:
                yield where, f"computes digitally: {_PAST.format(', '.join(own))}"


_PAST = (
    "its {} may hold modules that conversion cannot reach, because they are no part of the network "
    "or are held past it. Replace methods after the conversion, call layers as attributes of their "
    "module, and keep lists of them in nn.ModuleList; or exclude it."
)


def _has_products(module: nn.Module) -> bool:
    """Whether it is a digital layer with matrix products."""
    return isinstance(module, (*NOT_BUILT, *ANALOG_CLASSES)) and not isinstance(
        module, AnalogModule
    )


def _why_not_converted(module: nn.Module) -> str | None:
    """Why no twin is made of a layer; None if it was left out."""
    assigned = assigned_methods(module)
    if is_lazy(module):
        return "it has no weights yet; run the network once before it is converted"
    if assigned:
        return (
            f"its {', '.join(assigned)} was replaced in the very layer, and what stands there may "
            "do anything with its weights; replace methods after the conversion"
        )
    if type(module) in ANALOG_CLASSES:
        return None
    if parametrize.is_parametrized(module) and plain_class(module) in ANALOG_CLASSES:
        return (
            "it is parametrized. With subclasses='convert' it becomes analog and goes on being "
            "parametrized"
        )
    return (
        "only the stock classes themselves are converted, because a subclass may do anything with "
        "its weights"
    )


def _named(module: nn.Module, names: Names) -> str:
    return f"{names[id(module)][0] or 'the model'} ({type(module).__name__})"
