"""Derivatives of analog products: straight through the converters, along the programmed weights.

The backward pass takes the programmed weights as they were in the forward pass for the linear
map, as wires with resistance make them act (`ProgrammedArrays.linear_map`), passes over
conversion, saturation, noise and the laws of cells, and gives the gradients to the ideal weights.
Derivatives of these gradients take the programmed weights to change as the ideal ones do, and
forward mode goes along the same map.

Source: Y. Bengio, N. Léonard, A. Courville 2013, arXiv:1308.3432.
"""

import inspect
from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad
from torch.nn import functional as F

from crosssim_torch.convproducts import CONVOLUTIONS

Read = Callable[[Tensor], Tensor]
"""The analog product of a layer's input; runs without recording derivatives."""

Padding = tuple[tuple[int, int], ...]
"""Zeros before and after each image axis."""


def signed(forward: Any) -> Any:
    """``forward`` with its signature at hand, which PyTorch asks for at every call."""
    forward.__signature__ = inspect.signature(forward)
    return forward


def remember(ctx: Any, x: Tensor, programmed: Tensor, weight: Tensor, y: Tensor) -> None:
    """Save what derivatives are made of, and ``weight`` for derivatives of derivatives.

    The weight may be edited before the backward pass, which tensors that are saved must not be;
    those of ``torch.func`` have to be saved, and are never edited.
    """
    saved: tuple[Tensor, ...] = (x, programmed)
    if torch._C._are_functorch_transforms_active():
        saved = (*saved, weight)
    else:
        ctx.weight = weight
    ctx.save_for_backward(*saved)
    if forward_ad._current_level >= 0:
        ctx.save_for_forward(*saved)
        ctx.set_materialize_grads(False)
        ctx.output_shape, ctx.output_dtype = y.shape, y.dtype


def remembered(ctx: Any) -> tuple[Tensor, Tensor]:
    """The input, and the programmed weights, which change as the ideal ones do."""
    x, programmed, *functional = ctx.saved_tensors
    weight = functional[0] if functional else ctx.weight
    if functional or (torch.is_grad_enabled() and weight.requires_grad):
        programmed = programmed + (weight - weight.detach()).to(programmed.dtype)
    return x, programmed


Product = Callable[[Tensor, Tensor], Tensor]
"""The digital product of a layer's input with weights in its stock shape."""


def along(ctx: Any, tangents: tuple[Any, ...], product: Product) -> Tensor:
    """How ``x W̃ + b`` changes along ``tangents``: those of x, the ideal weights, and b."""
    x, programmed = remembered(ctx)
    of_x, of_weight, of_bias, *_ = tangents
    kind, parts = programmed.dtype, []
    # Autocast would compute in half precision what the arrays compute in full.
    with torch.autocast(x.device.type, enabled=False):
        if of_x is not None:
            parts.append(product(of_x.to(kind), programmed))
        if of_weight is not None:
            parts.append(product(x.to(kind), of_weight.to(kind)))
    if of_bias is not None:
        lines = of_bias.to(kind).reshape(-1, *(1,) * (programmed.dim() - 2))
        parts.append(lines.expand(ctx.output_shape))
    return reduce(torch.add, parts).to(ctx.output_dtype)


class LinearRead(Function):
    """``y = read(x)`` with the derivatives of ``y = x W̃ᵀ + b``.

    Shapes: ``x`` (*, inputs), ``weight`` and ``programmed`` W̃ (outputs, inputs), ``bias``
    (outputs) or None.
    """

    generate_vmap_rule = True

    @staticmethod
    @signed
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor | None, programmed: Tensor, read: Read
    ) -> Tensor:
        return read(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, bias, programmed, _ = inputs
        remember(ctx, x, programmed, weight, output)
        ctx.weight_dtype = weight.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        if grads[0] is None:
            return (None,) * 5
        x, programmed = remembered(ctx)
        grad = grads[0].to(programmed.dtype)
        need_x, need_weight, need_bias, *_ = ctx.needs_input_grad
        count = prod(grad.shape[:-1])
        flat = grad.reshape(count, grad.shape[-1])
        grad_x = (grad @ programmed).to(x.dtype) if need_x else None
        grad_weight = grad_bias = None
        if need_weight:
            vectors = x.reshape(count, x.shape[-1]).to(programmed.dtype)
            grad_weight = (flat.mT @ vectors).to(ctx.weight_dtype)
        if need_bias:
            grad_bias = flat.sum(0).to(ctx.bias_dtype)
        return grad_x, grad_weight, grad_bias, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        return along(ctx, tangents, F.linear)


class ConvRead(Function):
    """``y = read(x)`` with the derivatives of a convolution of the images ``x`` with W̃.

    Shapes: ``x`` (N, in_channels, *image), ``weight`` and ``programmed`` W̃ (outputs,
    in_channels / groups, *kernel), ``bias`` (outputs) or None.
    """

    generate_vmap_rule = True

    @staticmethod
    @signed
    def forward(
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        programmed: Tensor,
        read: Read,
        stride: tuple[int, ...],
        padding: Padding,
        dilation: tuple[int, ...],
        groups: int,
    ) -> Tensor:
        return read(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.x_dtype, ctx.x_shape = inputs[0].dtype, inputs[0].shape
        x, weight, bias, programmed, _, ctx.stride, ctx.padding, ctx.dilation, ctx.groups = inputs
        remember(ctx, x, programmed, weight, output)
        ctx.weight_dtype = weight.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        if grads[0] is None:
            return (None,) * 9
        x, programmed = remembered(ctx)
        need_x, need_weight, need_bias, *_ = ctx.needs_input_grad
        x, even = _padded(x.to(programmed.dtype), ctx.padding)
        gradients = torch.ops.aten.convolution_backward(
            grads[0].to(programmed.dtype).contiguous(),
            x,
            programmed,
            [programmed.shape[0]] if need_bias else None,
            list(ctx.stride),
            list(even),
            list(ctx.dilation),
            False,
            [0] * len(ctx.stride),
            ctx.groups,
            [need_x, need_weight, need_bias],
        )
        grad_x, grad_weight, grad_bias = cast(tuple[Tensor | None, ...], gradients)
        if grad_x is not None and grad_x.shape != ctx.x_shape:
            grad_x = F.pad(grad_x, [-n for ends in reversed(ctx.padding) for n in ends])
        return (
            None if grad_x is None else grad_x.to(ctx.x_dtype),
            None if grad_weight is None else grad_weight.to(ctx.weight_dtype),
            None if grad_bias is None else grad_bias.to(ctx.bias_dtype),
            *(None,) * 6,
        )

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        def convolve(x: Tensor, weight: Tensor) -> Tensor:
            x, even = _padded(x, ctx.padding)
            convolution = CONVOLUTIONS[len(even)]
            return convolution(x, weight, None, ctx.stride, even, ctx.dilation, ctx.groups)

        return along(ctx, tangents, convolve)


def _padded(x: Tensor, padding: Padding) -> tuple[Tensor, tuple[int, ...]]:
    """Images such that convolutions need the same padding before and after, and that padding."""
    if all(before == after for before, after in padding):
        return x, tuple(before for before, _ in padding)
    return F.pad(x, [n for ends in reversed(padding) for n in ends]), (0,) * len(padding)
