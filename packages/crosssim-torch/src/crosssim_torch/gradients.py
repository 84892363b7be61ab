"""Derivatives of analog products: straight through the converters, along the programmed weights.

The backward pass takes the programmed weights as they were in the forward pass for the linear
map, as wires with resistance make them act (`ProgrammedArrays.linear_map`), passes over
conversion, saturation, noise and the laws of cells, and gives the gradients to the ideal weights.
Derivatives of these gradients take the programmed weights to change as the ideal ones do.
Source: Y. Bengio, N. Léonard, A. Courville 2013, arXiv:1308.3432.
"""

from collections.abc import Callable
from math import prod
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

Read = Callable[[Tensor], Tensor]
"""The analog product of a layer's input; runs without recording derivatives."""


def _remember(ctx: Any, x: Tensor, programmed: Tensor, weight: Tensor) -> None:
    """Save what derivatives are made of, and ``weight`` for derivatives of derivatives.

    It may be edited before the backward pass, which tensors that are saved must not be; those of
    ``torch.func`` have to be saved, and are never edited.
    """
    if torch._C._are_functorch_transforms_active():
        ctx.save_for_backward(x, programmed, weight)
    else:
        ctx.save_for_backward(x, programmed)
        ctx.weight = weight


def _remembered(ctx: Any) -> tuple[Tensor, Tensor]:
    """The input, and the programmed weights, which change as the ideal ones do."""
    x, programmed, *functional = ctx.saved_tensors
    weight = functional[0] if functional else ctx.weight
    if functional or (torch.is_grad_enabled() and weight.requires_grad):
        programmed = programmed + (weight - weight.detach()).to(programmed.dtype)
    return x, programmed


class LinearRead(Function):
    """``y = read(x)`` with the derivatives of ``y = x W̃ᵀ + b``.

    Shapes: ``x`` (*, inputs), ``weight`` and ``programmed`` W̃ (outputs, inputs), ``bias``
    (outputs) or None.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor | None, programmed: Tensor, read: Read
    ) -> Tensor:
        return read(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, bias, programmed, _ = inputs
        _remember(ctx, x, programmed, weight)
        ctx.weight_dtype = weight.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        x, programmed = _remembered(ctx)
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


class ConvRead(Function):
    """``y = read(x)`` with the derivatives of a convolution of the images ``x`` with W̃.

    Shapes: ``x`` (N, in_channels, *image), ``weight`` and ``programmed`` W̃ (outputs,
    in_channels / groups, *kernel), ``bias`` (outputs) or None.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        programmed: Tensor,
        read: Read,
        stride: tuple[int, ...],
        padding: tuple[tuple[int, int], ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> Tensor:
        return read(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.x_dtype = inputs[0].dtype
        x, weight, bias, programmed, _, ctx.stride, ctx.padding, ctx.dilation, ctx.groups = inputs
        _remember(ctx, x, programmed, weight)
        ctx.weight_dtype = weight.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        x, programmed = _remembered(ctx)
        need_x, need_weight, need_bias, *_ = ctx.needs_input_grad
        x = x.to(programmed.dtype)
        uneven = any(before != after for before, after in ctx.padding)
        if uneven:
            x = F.pad(x, [n for ends in reversed(ctx.padding) for n in ends])
        gradients = torch.ops.aten.convolution_backward(
            grads[0].to(programmed.dtype).contiguous(),
            x,
            programmed,
            [programmed.shape[0]] if need_bias else None,
            list(ctx.stride),
            [0 if uneven else before for before, _ in ctx.padding],
            list(ctx.dilation),
            False,
            [0] * len(ctx.stride),
            ctx.groups,
            [need_x, need_weight, need_bias],
        )
        grad_x, grad_weight, grad_bias = cast(tuple[Tensor | None, ...], gradients)
        if uneven and grad_x is not None:
            grad_x = F.pad(grad_x, [-n for ends in reversed(ctx.padding) for n in ends])
        return (
            None if grad_x is None else grad_x.to(ctx.x_dtype),
            None if grad_weight is None else grad_weight.to(ctx.weight_dtype),
            None if grad_bias is None else grad_bias.to(ctx.bias_dtype),
            *(None,) * 6,
        )
