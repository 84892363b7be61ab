"""Keeping the fused paths of PyTorch's transformers from reading weights past the arrays."""

from torch import nn

from crosssim_torch.analog import AnalogModule

STOCK_CHOICE = "_nested_tensors_in_stock"


def use_padded_tensors(model: nn.Module) -> None:
    """Let encoders with analog modules keep to padded tensors, which these need."""
    for encoder in _encoders(model):
        if any(isinstance(module, AnalogModule) for module in encoder.modules()):
            vars(encoder).setdefault(STOCK_CHOICE, encoder.use_nested_tensor)
            encoder.use_nested_tensor = False


def use_nested_tensors_again(model: nn.Module) -> None:
    """Let encoders do as they did before `use_padded_tensors`."""
    for encoder in _encoders(model):
        if not any(isinstance(module, AnalogModule) for module in encoder.modules()):
            choice = vars(encoder).pop(STOCK_CHOICE, encoder.use_nested_tensor)
            encoder.use_nested_tensor = choice


def _encoders(model: nn.Module) -> list[nn.TransformerEncoder]:
    return [module for module in model.modules() if isinstance(module, nn.TransformerEncoder)]
