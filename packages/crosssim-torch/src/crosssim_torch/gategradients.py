"""Derivatives of the gates of a cell, without the zeros between the gates of a GRU."""

from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from crosssim_torch.gradients import Read, along, remember, remembered, signed

Halves = tuple[tuple[slice, tuple[slice, ...]], ...]
"""Columns of a matrix, and the outputs that its rows are there."""


class GateRead(Function):
    """``y = read(x)`` with the derivatives of a cell that keeps some gates of its halves apart.

    Shapes: ``x`` (*, inputs), ``weight`` and ``programmed`` W̃ (gates, inputs), ``bias`` (outputs)
    or None. ``halves`` tells which columns of W̃ go together, and the outputs of its rows there.
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
        halves: Halves,
    ) -> Tensor:
        return read(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, bias, programmed, _, ctx.halves = inputs
        remember(ctx, x, programmed, weight, output)
        ctx.outputs = output.shape[-1]
        ctx.weight_dtype = weight.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        if grads[0] is None:
            return (None,) * 6
        x, programmed = remembered(ctx)
        need_x, need_weight, need_bias, *_ = ctx.needs_input_grad
        count = prod(grads[0].shape[:-1])
        flat = grads[0].to(programmed.dtype).reshape(count, ctx.outputs)
        halves = [(own, _joined([flat[:, gate] for gate in gates])) for own, gates in ctx.halves]
        grad_x = grad_weight = grad_bias = None
        if need_x:
            parts = [grad @ programmed[:, own] for own, grad in halves]
            grad_x = _joined(parts).reshape(x.shape).to(x.dtype)
        if need_weight:
            vectors = x.reshape(count, x.shape[-1]).to(programmed.dtype)
            parts = [grad.mT @ vectors[:, own] for own, grad in halves]
            grad_weight = _joined(parts).to(ctx.weight_dtype)
        if need_bias:
            grad_bias = flat.sum(0).to(ctx.bias_dtype)
        return grad_x, grad_weight, grad_bias, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        def product(x: Tensor, weight: Tensor) -> Tensor:
            sums = x.new_zeros((*x.shape[:-1], ctx.outputs))
            for own, gates in ctx.halves:
                lines = [torch.arange(gate.start, gate.stop, device=x.device) for gate in gates]
                part = F.linear(x[..., own], weight[:, own])
                sums = sums.index_add(-1, torch.cat(lines), part)
            return sums

        return along(ctx, tangents, product)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
