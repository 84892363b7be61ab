"""What a layer does otherwise than its stock class, and an analog twin would not do."""

from torch import nn

from crosssim_torch.parametrized import plain_class

COMPUTING = ("__call__", "_call_impl", "forward", "_conv_forward", "_output_padding")
"""Methods of stock layers that results depend on."""


def assigned_methods(module: nn.Module) -> list[str]:
    """Methods that were replaced in the very layer, as by ``layer.forward = ...``.

    Whatever they compute, they are bound to the stock layer.
    """
    kind = type(module)
    return sorted(n for n, v in vars(module).items() if callable(v) and _is_method(kind, n))


def difference(module: nn.Module, stock: type[nn.Module]) -> str | None:
    """How ``module`` computes otherwise than ``stock``; None if it does the same."""
    assigned = assigned_methods(module)
    if assigned:
        return f"has its {', '.join(assigned)} replaced in the very layer"
    kind = plain_class(module)
    own = [n for n in COMPUTING if getattr(kind, n, None) is not getattr(stock, n, None)]
    return f"has a {own[0]} of its own" if own else None


def _is_method(kind: type[nn.Module], name: str) -> bool:
    return callable(getattr(kind, name, None))
