"""Keeping the fused paths of PyTorch's transformers from reading weights past the arrays."""

from collections.abc import Iterator

from torch import nn

from crosssim_torch.analog import AnalogModule

STOCK_CHOICE = "_nested_tensors_in_stock"

SWITCHES: dict[type[nn.Module], tuple[str, bool | int]] = {
    nn.TransformerEncoder: ("use_nested_tensor", False),
    # An encoder that is built of such a layer asks it whether nested tensors may be used.
    nn.TransformerEncoderLayer: ("activation_relu_or_gelu", 0),
}
"""What keeps each of these from nested tensors: an attribute, and its value."""


def use_padded_tensors(model: nn.Module) -> None:
    """Let encoders with analog modules keep to padded tensors, which these need."""
    for module, name, off in _switches(model):
        if _is_analog(module):
            vars(module).setdefault(STOCK_CHOICE, getattr(module, name))
            setattr(module, name, off)


def use_nested_tensors_again(model: nn.Module) -> None:
    """Let encoders do as they did before `use_padded_tensors`."""
    for module, name, _ in _switches(model):
        if not _is_analog(module):
            setattr(module, name, vars(module).pop(STOCK_CHOICE, getattr(module, name)))


def _is_analog(model: nn.Module) -> bool:
    return any(isinstance(module, AnalogModule) for module in model.modules())


def _switches(model: nn.Module) -> Iterator[tuple[nn.Module, str, bool | int]]:
    for module in model.modules():
        for kind, (name, off) in SWITCHES.items():
            if isinstance(module, kind):
                yield module, name, off
