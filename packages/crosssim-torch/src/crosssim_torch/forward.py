"""The forward pass that all analog modules share."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from crosssim_core.chain.lines import flat
from crosssim_core.chain.product import ArrayProduct
from crosssim_core.chain.straight import Straight
from crosssim_core.cores import ArrayPlan
from crosssim_core.cores.dtypes import output_dtype as core_output_dtype
from crosssim_core.errors import ArrayLibraryError, ParameterError, UnsupportedError
from crosssim_core.layers import AnalogLayer, Layout, read_vectors
from crosssim_core.parameters import OutputDType
from crosssim_torch.clipping import InputRanges, stand_in
from crosssim_torch.options import Gradient
from crosssim_torch.outputs import own
from crosssim_torch.outside import Record, recording
from crosssim_torch.saturation import MaskGradient, ReadFor

SHAPES = 16
"""Shapes of data that a layer remembers."""


@dataclass(frozen=True, slots=True)
class Operands:
    """A programmed matrix, and the tensors that derivatives are taken by."""

    layer: AnalogLayer
    plan: ArrayPlan
    """Its arrays as they are, with all zeros that reads leave out."""
    weight: Tensor
    """The ideal weights, which get the derivatives."""
    bias: Tensor | None
    programmed: Tensor
    """The weights that the arrays hold, in the shape of ``weight``."""
    gradient: Gradient = "straight"
    digital: Tensor | None = None
    """The part of ``bias`` that is added after the conversion."""
    matrix: Tensor | None = None
    """The matrix that derivatives are taken along, where ``programmed`` is not all of it; without
    bias rows."""
    straight: dict[torch.Size, Straight] = field(default_factory=dict, compare=False)
    """Shapes of data that were read before, and how they are read if nothing but a product is
    asked for."""

    def at_once(self, x: Tensor) -> Tensor | None:
        """What `run_analog` returns, if data of this shape need nothing but their product."""
        read = self.straight.get(x.shape) if type(x) is Tensor and not x.is_nested else None
        if read is None or x.dtype is not self.weight.dtype or x.device != self.weight.device:
            return None
        if _records(x, self.weight, self.bias) or torch.is_autocast_enabled(x.device.type):
            return None
        return own(read(x, self.layer.bias))

    def learn(self, x: Tensor, y: Tensor, product: ArrayProduct) -> None:
        """Take note of how ``x``, which gave ``y``, is read at once, if it can be."""
        held, bias = self.layer.arrays.state.conductance[0], self.layer.bias
        kinds = {t.dtype for t in (x, y, self.weight, held, bias) if t is not None}
        if len(kinds) == 1 and type(x) is Tensor and len(self.straight) < SHAPES:
            read = self.layer.arrays.straight(x, "mvm", product)
            if read is not None:
                self.straight[x.shape] = read


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
        ArrayLibraryError: ``x`` is not a real floating-point tensor beside the weights.
        UnsupportedError: Forward mode is taken of forward mode.
    """
    layer, form = operands.layer, layout or operands.layer.layout
    check_input(x, form, operands.weight)
    rule = layer.arrays.plan.params[0].core.output_dtype
    dtype = output_dtype(rule, operands.weight, x)
    recorded = _records(x, operands.weight, operands.bias)
    masked = recorded and operands.gradient == "masked"
    outside: list[Tensor] = []
    y: Tensor

    def read(x: Tensor) -> Tensor:
        if torch.is_autocast_enabled(x.device.type):
            # Else it would compute line currents in half precision.
            with torch.autocast(x.device.type, enabled=False):
                return read(x)
        # Makes what reads are derived from, which is not to be noted below.
        vectors = layer.arrays.by_vectors("mvm", product)
        if not masked:
            return own(_read(layer, x, form, product, vectors).to(dtype))
        with recording() as seen:
            y = own(_read(layer, x, form, product, vectors).to(dtype))
        axis = -1 if vectors else product.axis
        known = _outside(operands.plan, x, form, axis, seen)
        if known is not None:
            outside.append(form.outputs(known, x) if vectors else known)
        return y

    if not recorded:
        y = read(x)
        if form is layer.layout:
            operands.learn(x, y, product)
        return y
    if torch._C._are_functorch_transforms_active():
        _check_transforms()
    operation: Any = record.apply
    if not masked:
        tensors = (x, operands.weight, operands.bias, operands.programmed)
        y = operation(*tensors, read, *geometry)
        return y
    bias, digital = operands.bias, operands.digital
    bias = bias if bias is None or digital is None else bias - digital
    ranges = InputRanges.of(operands.plan)
    weights = operands.weight, bias, operands.programmed
    if ranges.alike:
        ends = ranges.common
        y = operation(x.clamp(*ends) if ends else x, *weights, read, *geometry)
    else:
        y = ReadFor.apply(x, stand_in(ranges, form, x, *weights), read)  # type: ignore[no-untyped-call]
    y = _masked(y, outside)
    if digital is not None:
        # What is added after the conversion gets its derivative there; its value is in y already.
        y = form.add_bias(y, (digital - digital.detach()).to(y.dtype))
    return y


def _masked(y: Tensor, outside: list[Tensor]) -> Tensor:
    apply: Any = MaskGradient.apply
    masked: Tensor = apply(y, outside[0]) if outside else y
    return masked


def _outside(
    plan: ArrayPlan, x: Tensor, layout: Layout, axis: int, record: Record
) -> Tensor | None:
    """Outputs along ``axis`` that what is out of range goes into; None where nothing can be."""
    rows = [row[0].outputs for row in plan.parts]
    outside = record.outside(axis, len(x), [part.stop - part.start for part in rows])
    return flat(outside, axis) if outside is not None and layout.stack > 1 else outside


def may_record() -> bool:
    """Whether derivatives by any tensor are recorded, or somebody maps over tensors."""
    return torch.is_grad_enabled() or _transforms()


def _records(*tensors: Tensor | None) -> bool:
    """Whether anybody asks for derivatives by one of ``tensors``, or maps over them."""
    if _transforms():
        return True
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def _transforms() -> bool:
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def _check_transforms() -> None:
    """Raise UnsupportedError where PyTorch would drop derivatives without a word."""
    stack = torch._C._functorch.get_interpreter_stack() or ()
    forwards = [i for i in stack if i.key() == torch._C._functorch.TransformType.Jvp]
    if len(forwards) > 1:
        raise UnsupportedError(
            "Forward mode of forward mode is not built: PyTorch takes operations of one's own for "
            "linear there. Take jacrev or grad within, as torch.func.hessian does."
        )


def check_input(x: object, layout: Layout, weight: Tensor) -> None:
    """Check that a layer of this layout, with this weight, can take ``x``.

    Raises:
        ShapeError: ``x`` does not fit the layer.
        ArrayLibraryError: ``x`` is not a real floating-point tensor beside the weights.
    """
    check_floating(x, weight)
    assert isinstance(x, Tensor)
    _check_shape(layout, x.shape)


@lru_cache(maxsize=1024)
def _check_shape(layout: Layout, shape: tuple[int, ...]) -> None:
    layout.check(torch.empty(shape, device="meta"))


def check_floating(x: object, beside: Tensor | None = None) -> None:
    """Check that ``x`` is a real floating-point tensor, on the device of ``beside``.

    Raises:
        UnsupportedError: It is nested.
        ArrayLibraryError: It is something else, or lives elsewhere.
    """
    if isinstance(x, Tensor) and x.is_nested:
        raise UnsupportedError(
            "An analog layer takes padded tensors, and this one is nested: give it "
            "x.to_padded_tensor(0.0). An nn.TransformerEncoder may nest its input by itself: "
            "convert it as a whole, or make it with enable_nested_tensor=False."
        )
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise ArrayLibraryError(f"An analog layer takes real floating-point tensors, got {got}.")
    if beside is not None and x.device != beside.device:
        raise ArrayLibraryError(
            f"The layer lives on {beside.device} and its input on {x.device}: move one of them."
        )


def output_dtype(rule: OutputDType, weight: Tensor, x: Tensor) -> torch.dtype:
    """Data type of a layer's output.

    By ``core.output_dtype``, as of `AnalogCore`: NATIVE, which is the type to which weight and
    input promote, gives way to autocast.
    """
    if rule is OutputDType.NATIVE:
        if torch.is_autocast_enabled(x.device.type):
            return torch.get_autocast_dtype(x.device.type)
        if weight.dtype == x.dtype:
            return weight.dtype
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


def _read(
    layer: AnalogLayer, x: Tensor, layout: Layout, product: ArrayProduct, vectors: bool
) -> Tensor:
    arrays, bias = layer.arrays, layer.bias
    dtype = arrays.state.conductance[0].dtype
    x = x.to(dtype)
    bias = None if bias is None else bias.to(dtype)
    y: Tensor

    def data() -> Tensor:
        driving: Tensor = layout.driving(x.detach())
        return driving

    if not vectors:
        y = arrays.read(x, "mvm", product, bias=bias, data=data)
        return y
    y = read_vectors(arrays, layout, x, product=product, data=data)
    return y if bias is None else layout.add_bias(y, bias)
