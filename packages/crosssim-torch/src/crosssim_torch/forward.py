"""The forward pass that all analog modules share."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from crosssim_core.chain.product import ArrayProduct
from crosssim_core.cores.dtypes import output_dtype as core_output_dtype
from crosssim_core.errors import ArrayLibraryError, ParameterError
from crosssim_core.layers import AnalogLayer, Layout
from crosssim_core.parameters import OutputDType


@dataclass(frozen=True, slots=True)
class Operands:
    """A programmed matrix, and the tensors that derivatives are taken by."""

    layer: AnalogLayer
    weight: Tensor
    """The ideal weights, which get the derivatives."""
    bias: Tensor | None
    programmed: Tensor
    """The weights that the arrays hold, in the shape of ``weight``."""


def run_analog(
    operands: Operands,
    x: Tensor,
    *,
    product: ArrayProduct,
    record: type[Function],
    geometry: tuple[Any, ...] = (),
    layout: Layout | None = None,
) -> Tensor:
    """Product of a programmed matrix with ``x``, bias included, contiguous.

    Arithmetic runs in the type of the chip: float64 for float64 layers, else float32. The output
    has the type that `output_dtype` tells.

    Args:
        operands: The matrix.
        x: As ``layout`` takes it.
        product: How line currents are formed, for the simplified chain.
        record: The operation whose derivatives are recorded.
        geometry: Its further arguments.
        layout: How data become vectors, for the literal chain; that of the matrix if None.

    Raises:
        ShapeError: ``x`` does not fit the layer.
        ArrayLibraryError: ``x`` is not a real floating-point tensor.
    """
    layer, form = operands.layer, layout or operands.layer.layout
    check_input(x, form)
    rule = layer.arrays.plan.params[0].core.output_dtype
    dtype = output_dtype(rule, operands.weight, x)

    def read(x: Tensor) -> Tensor:
        # Autocast would compute line currents in half precision.
        with torch.autocast(x.device.type, enabled=False):
            return _read(layer, x.detach(), form, product).to(dtype).contiguous()

    operation: Any = record.apply
    y: Tensor = operation(x, operands.weight, operands.bias, operands.programmed, read, *geometry)
    return y


def check_input(x: object, layout: Layout) -> None:
    """Check that a layer of this layout can take ``x``.

    Raises:
        ShapeError: ``x`` does not fit the layer.
        ArrayLibraryError: ``x`` is not a real floating-point tensor.
    """
    check_floating(x)
    layout.check(x)


def check_floating(x: object) -> None:
    """Raise ArrayLibraryError if ``x`` is not a real floating-point tensor."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise ArrayLibraryError(f"An analog layer takes real floating-point tensors, got {got}.")


def output_dtype(rule: OutputDType, weight: Tensor, x: Tensor) -> torch.dtype:
    """Data type of a layer's output.

    By ``core.output_dtype``, as of `AnalogCore`: NATIVE, which is the type to which weight and
    input promote, gives way to autocast.
    """
    if rule is OutputDType.NATIVE and torch.is_autocast_enabled(x.device.type):
        return torch.get_autocast_dtype(x.device.type)
    dtype: torch.dtype = core_output_dtype(rule, weight.dtype, x)
    return dtype


def check_output_dtype(rule: OutputDType) -> None:
    """Check that a network can go on with what a layer returns.

    Raises:
        ParameterError: It would be integers.
    """
    if rule.name.startswith("INT"):
        raise ParameterError(
            f"is {rule.name}, and a layer of a network returns floating-point numbers, which have "
            "derivatives: choose NATIVE, MATRIX, INPUT or a floating-point type.",
            "core.output_dtype",
        )


def _read(layer: AnalogLayer, x: Tensor, layout: Layout, product: ArrayProduct) -> Tensor:
    arrays, bias = layer.arrays, layer.bias
    dtype = arrays.state.conductance[0].dtype
    x = x.to(dtype)
    bias = None if bias is None else bias.to(dtype)
    y: Tensor
    if not arrays.by_vectors("mvm", product):
        y = arrays.read(x, "mvm", product, bias=bias)
        return y
    y = layout.outputs(arrays.read(layout.vectors(x), "mvm"), x)
    return y if bias is None else layout.add_bias(y, bias)
