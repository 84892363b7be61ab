"""The forward pass that all analog modules share."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import Function

from crosssim_core.chain.product import ArrayProduct
from crosssim_core.errors import ArrayLibraryError
from crosssim_core.layers import AnalogLayer, Layout

if TYPE_CHECKING:
    from crosssim_torch.analog import AnalogModule


def run_analog(
    module: "AnalogModule",
    x: Tensor,
    *,
    layout: Layout,
    product: ArrayProduct,
    record: type[Function],
    geometry: tuple[Any, ...] = (),
) -> Tensor:
    """Output of ``module`` for ``x``, contiguous.

    Arithmetic runs in the type of the chip: float64 for float64 layers, else float32. The output
    has the type to which weight and input promote, or that of autocast where it is on.

    Args:
        module: Whose arrays and parameters to use.
        x: As ``layout`` takes it.
        layout: How data become vectors, for the literal chain.
        product: How line currents are formed, for the simplified chain.
        record: The operation whose derivatives are recorded.
        geometry: Its further arguments.

    Raises:
        ShapeError: ``x`` does not fit the layer.
        ArrayLibraryError: ``x`` is not a real floating-point tensor.
    """
    check_input(x, layout)
    layer = module.core
    dtype = _output_dtype(module.weight, x)

    def read(x: Tensor) -> Tensor:
        # Autocast would compute line currents in half precision.
        with torch.autocast(x.device.type, enabled=False):
            return _read(layer, x.detach(), layout, product).to(dtype).contiguous()

    programmed = module._programmed_weight()
    operation: Any = record.apply
    y: Tensor = operation(x, module.weight, module.bias, programmed, read, *geometry)
    return y


def check_input(x: object, layout: Layout) -> None:
    """Check that a layer of this layout can take ``x``.

    Raises:
        ShapeError: ``x`` does not fit the layer.
        ArrayLibraryError: ``x`` is not a real floating-point tensor.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise ArrayLibraryError(f"An analog layer takes real floating-point tensors, got {got}.")
    layout.check(x)


def _read(layer: AnalogLayer, x: Tensor, layout: Layout, product: ArrayProduct) -> Tensor:
    arrays = layer.arrays
    x = x.to(arrays.state.conductance[0].dtype)
    y: Tensor
    if arrays.by_vectors("mvm"):
        y = layout.outputs(arrays.read(layout.vectors(x), "mvm"), x)
    else:
        y = arrays.read(x, "mvm", product)
    if layer.bias is not None:
        y = layout.add_bias(y, layer.bias.to(y.dtype))
    return y


def _output_dtype(weight: Tensor, x: Tensor) -> torch.dtype:
    if torch.is_autocast_enabled(x.device.type):
        return torch.get_autocast_dtype(x.device.type)
    return torch.promote_types(weight.dtype, x.dtype)
