"""Analog multi-head attention."""

import math
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from crosssim_core.errors import ParameterError, ShapeError
from crosssim_core.layers import LinearLayout
from crosssim_core.random import Stream
from crosssim_torch.analog import AnalogModule
from crosssim_torch.biases import OneBias
from crosssim_torch.chip import seed_stream
from crosssim_torch.forward import check_floating, run_analog
from crosssim_torch.gradients import LinearRead
from crosssim_torch.linear import AnalogLinear
from crosssim_torch.options import LayerOptions
from crosssim_torch.params import Params
from crosssim_torch.products import LinearProduct
from crosssim_torch.tiles import Holding


class AnalogOutProjection(AnalogLinear, NonDynamicallyQuantizableLinear):
    """The output projection of an `AnalogMultiheadAttention`."""

    stock_class = NonDynamicallyQuantizableLinear


class AnalogMultiheadAttention(OneBias, nn.MultiheadAttention):
    """``nn.MultiheadAttention`` whose projections are products with simulated arrays.

    Queries, keys and values have a matrix each; the output projection is an analog layer of its
    own, ``out_proj``. Products of queries, keys and values with each other are digital, since no
    array holds them. Shapes are those of the stock layer; there is no fused path.

    Takes ``params``, the arguments of ``nn.MultiheadAttention``, ``bias_rows``, ``seed`` and
    ``options``; see `AnalogModule`. Every matrix takes the same parameters.

    Example:
        >>> x = torch.ones(7, 2, 4)
        >>> y, weights = AnalogMultiheadAttention(CrossSimParameters(), 4, 2)(x, x, x)
        >>> y.shape, weights.shape
        (torch.Size([7, 2, 4]), torch.Size([2, 7, 7]))
    """

    stock_class = nn.MultiheadAttention

    def __init__(
        self,
        params: Params,
        *args: Any,
        seed: int | Stream | None = None,
        options: LayerOptions | None = None,
        **named: Any,
    ) -> None:
        stream = seed_stream(seed)
        super().__init__(params, *args, seed=stream, options=options, **named)
        self._convert_output(params, self.bias_rows, stream, options)

    @classmethod
    def from_torch(
        cls,
        layer: nn.Module,
        params: Params,
        bias_rows: int = 0,
        *,
        seed: int | Stream | None = None,
        options: LayerOptions | None = None,
    ) -> Self:
        stream = seed_stream(seed)
        module = super().from_torch(layer, params, bias_rows, seed=stream, options=options)
        module._convert_output(params, bias_rows, stream, options)
        return module

    @classmethod
    def to_torch(
        cls,
        layer: AnalogModule,
        physical_weights: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> nn.Module:
        stock: Any = super().to_torch(layer, physical_weights, device, dtype)
        stock.out_proj = AnalogOutProjection.to_torch(stock.out_proj, physical_weights)
        return stock  # type: ignore[no-any-return]

    def _convert_output(
        self, params: Params, bias_rows: int, stream: Stream, options: LayerOptions | None
    ) -> None:
        own = stream.child("out_proj")
        self.out_proj = AnalogOutProjection._adopt(self.out_proj, params, bias_rows, own, options)

    def _holdings(self, rows: Mapping[str, int], options: LayerOptions) -> dict[str, Holding]:
        holdings, outputs, packed = {}, self.embed_dim, self._parameters["in_proj_weight"]
        for i, (key, inputs) in enumerate(zip("qkv", self._features, strict=True)):
            part = slice(i * outputs, (i + 1) * outputs)
            name = f"{key}_proj_weight" if packed is None else "in_proj_weight"
            layout = LinearLayout(inputs, outputs, self.in_proj_bias is not None, rows["bias"])
            parts = {"in_proj_weight": part, "in_proj_bias": part}
            holdings[key] = Holding(layout, (name,), ("in_proj_bias",), parts)
        return holdings

    @property
    def _features(self) -> tuple[int, int, int]:
        """Features of queries, keys and values."""
        return self.embed_dim, self.kdim, self.vdim

    def _bias_shape(self) -> tuple[int, ...]:
        return (3 * self.embed_dim,)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        if is_causal and attn_mask is None:
            raise ParameterError("is_causal is a hint on attn_mask, which must be given too.")
        given = {"q": query, "k": key, "v": value}
        for x in given.values():
            check_floating(x)
        batched = query.dim() == 3
        if not batched:
            given = {name: x[None] for name, x in given.items()}
        elif not self.batch_first:
            given = {name: x.transpose(0, 1) for name, x in given.items()}
        if given["k"].shape[:2] != given["v"].shape[:2]:
            raise ShapeError(
                f"Keys and values belong together; got keys of shape {tuple(key.shape)} and "
                f"values of shape {tuple(value.shape)}."
            )
        q, k, v = (
            run_analog(
                self._operands(name), x, product=LinearProduct(x.shape[-1]), record=LinearRead
            )
            for name, x in given.items()
        )
        mask = self._mask(attn_mask, key_padding_mask, q, k)
        heads, weights = self._attend(q, *self._extended(k, v), mask, need_weights)
        y = self.out_proj(heads.transpose(1, 2).flatten(2))
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            return y[0], None if weights is None else weights[0]
        return y if self.batch_first else y.transpose(0, 1).contiguous(), weights

    def _extended(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values ``(N, S, E)`` with the elements that every query may attend to."""
        if self.bias_k is not None and self.bias_v is not None:
            k = torch.cat((k, self.bias_k.to(k.dtype).expand(len(k), 1, -1)), dim=1)
            v = torch.cat((v, self.bias_v.to(v.dtype).expand(len(v), 1, -1)), dim=1)
        if self.add_zero_attn:
            k, v = F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1))
        return k, v

    def _mask(
        self, attn_mask: Tensor | None, padding: Tensor | None, q: Tensor, k: Tensor
    ) -> Tensor | None:
        """What is added to the scores ``(N, heads, L, S)``; None if nothing is."""
        batch, queries, keys = len(q), q.shape[1], k.shape[1]
        masks = []
        if attn_mask is not None:
            shape = (1, 1) if attn_mask.dim() == 2 else (batch, self.num_heads)
            masks.append(_additive(attn_mask, q.dtype).reshape(*shape, queries, keys))
        if padding is not None:
            masks.append(_additive(padding, q.dtype).reshape(batch, 1, 1, keys))
        if not masks:
            return None
        extra = int(self.bias_k is not None) + int(self.add_zero_attn)
        return F.pad(masks[0] if len(masks) == 1 else masks[0] + masks[1], (0, extra))

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Digital attention: values ``(N, heads, L, features)`` and its weights."""
        q, k, v = (x.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for x in (q, k, v))
        dropout = self.dropout if self.training else 0.0
        if not need_weights:
            return F.scaled_dot_product_attention(q, k, v, mask, dropout), None
        scores = (q / math.sqrt(q.shape[-1])) @ k.mT
        weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
        weights = F.dropout(weights, dropout)
        return weights @ v, weights


def _additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask that is added to scores; True in a Boolean one means not to attend."""
    if mask.dtype is not torch.bool:
        return mask.to(dtype)
    return torch.zeros_like(mask, dtype=dtype).masked_fill(mask, -math.inf)
