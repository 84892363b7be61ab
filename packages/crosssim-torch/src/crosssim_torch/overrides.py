"""What a layer does otherwise than its stock class, and an analog twin would not do."""

from typing import Any

from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from crosssim_torch.parametrized import plain_class

CALLED = ("__call__", "_wrapped_call_impl", "_call_impl", "_slow_forward", "forward", "__getattr__")
"""What runs when a module is called, of all that every module has."""

COMPUTING = ("__call__", "_call_impl", "forward", "_conv_forward", "_output_padding")
"""Methods of stock layers that results depend on."""

APART = {*dir(nn.Module), *vars(nn.Module()), "reset_parameters", "_reset_parameters"} - {*CALLED}
"""Attributes that no forward asks: what every module has, and initial values."""


def acts_in_forward(name: str) -> bool:
    """Whether what a module computes may depend on its own attribute of this name."""
    return name not in APART


def assigned_methods(module: nn.Module) -> list[str]:
    """Methods that were replaced in the very layer, as by ``layer.forward = ...``.

    Whatever they compute, they are bound to the stock layer. Those that no forward asks do not
    count.
    """
    kind = type(module)
    return sorted(
        name
        for name, value in vars(module).items()
        if callable(value) and acts_in_forward(name) and callable(getattr(kind, name, None))
    )


def difference(module: nn.Module, stock: type[nn.Module]) -> str | None:
    """How ``module`` computes otherwise than ``stock``; None if it does the same."""
    assigned = assigned_methods(module)
    if assigned:
        return f"has its {', '.join(assigned)} replaced in the very layer"
    kind = plain_class(module)
    own = [n for n in COMPUTING if getattr(kind, n, None) is not getattr(stock, n, None)]
    return f"has a {own[0]} of its own" if own else None


def is_lazy(module: nn.Module) -> bool:
    """Whether the weights of ``module`` get their shapes at a first call that is yet to come."""
    lazy: Any = module
    return isinstance(module, LazyModuleMixin) and bool(lazy.has_uninitialized_params())
