"""What users of the package need, which importing the package alone does not load."""

from crosssim_torch.analog import AnalogModule
from crosssim_torch.attention import AnalogMultiheadAttention
from crosssim_torch.cells import AnalogGRUCell, AnalogLSTMCell, AnalogRNNCell
from crosssim_torch.conv import AnalogConv1d, AnalogConv2d, AnalogConv3d
from crosssim_torch.convert import (
    analog_modules,
    convertible_modules,
    from_torch,
    inconvertible_modules,
    reinitialize,
    synchronize,
    to_torch,
)
from crosssim_torch.convtranspose import (
    AnalogConvTranspose1d,
    AnalogConvTranspose2d,
    AnalogConvTranspose3d,
)
from crosssim_torch.linear import AnalogLinear, AnalogLinearLike
from crosssim_torch.options import LayerOptions
from crosssim_torch.record import stock_state_dict
from crosssim_torch.recurrent import AnalogGRU, AnalogLSTM, AnalogRNN
from crosssim_torch.registry import register
from crosssim_torch.report import ConversionReport, LayerReport

__all__ = [
    "AnalogConv1d",
    "AnalogConv2d",
    "AnalogConv3d",
    "AnalogConvTranspose1d",
    "AnalogConvTranspose2d",
    "AnalogConvTranspose3d",
    "AnalogGRU",
    "AnalogGRUCell",
    "AnalogLSTM",
    "AnalogLSTMCell",
    "AnalogLinear",
    "AnalogLinearLike",
    "AnalogModule",
    "AnalogMultiheadAttention",
    "AnalogRNN",
    "AnalogRNNCell",
    "ConversionReport",
    "LayerOptions",
    "LayerReport",
    "analog_modules",
    "convertible_modules",
    "from_torch",
    "inconvertible_modules",
    "register",
    "reinitialize",
    "stock_state_dict",
    "synchronize",
    "to_torch",
]
