"""Which analog class stands for which stock class."""

from typing import TypeVar

from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from crosssim_core.errors import ConversionError
from crosssim_torch.analog import AnalogModule
from crosssim_torch.attention import AnalogMultiheadAttention, AnalogOutProjection
from crosssim_torch.cells import AnalogGRUCell, AnalogLSTMCell, AnalogRNNCell
from crosssim_torch.conv import AnalogConv1d, AnalogConv2d, AnalogConv3d
from crosssim_torch.convtranspose import (
    AnalogConvTranspose1d,
    AnalogConvTranspose2d,
    AnalogConvTranspose3d,
)
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

Twin = TypeVar("Twin", bound=type[AnalogModule])


def register(twin: Twin) -> Twin:
    """Let `from_torch` convert layers of ``twin.stock_class`` to ``twin``; decorates a class.

    Example:
        >>> class Doubled(nn.Linear):
        ...     def forward(self, input):
        ...         return 2 * super().forward(input)
        >>> @register
        ... class AnalogDoubled(AnalogLinear, Doubled):
        ...     stock_class = Doubled
        ...
        ...     def forward(self, input):
        ...         return 2 * super().forward(input)

    Raises:
        ConversionError: ``twin`` is no analog module, is no subclass of its stock class, or
            another class stands for that already.
    """
    kind: type = twin
    if not issubclass(kind, AnalogModule) or "stock_class" not in vars(twin):
        raise ConversionError(
            f"{twin.__name__} cannot be registered: it has to be an analog module with a "
            "stock_class of its own."
        )
    stock = twin.stock_class
    if not issubclass(twin, stock):
        raise ConversionError(
            f"{twin.__name__} stands for {stock.__name__}, so it has to be a subclass of it."
        )
    present = ANALOG_CLASSES.get(stock)
    if present is not None and _place(present) != _place(twin):
        raise ConversionError(
            f"{stock.__name__} has the analog twin {_place(present)} already, so {_place(twin)} "
            "cannot be registered for it."
        )
    ANALOG_CLASSES[stock] = twin
    return twin


def _place(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def stock_base(module: nn.Module) -> type[nn.Module] | None:
    """The nearest class of ``module`` that has an analog twin; None if there is none."""
    return next((base for base in type(module).__mro__ if base in ANALOG_CLASSES), None)
