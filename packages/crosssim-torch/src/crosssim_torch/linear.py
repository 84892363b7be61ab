"""Fully connected analog layers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from torch import Tensor, nn

from crosssim_core.layers import LinearLayout, TransposedLinearLayout
from crosssim_torch.biases import OneBias
from crosssim_torch.forward import run_analog
from crosssim_torch.gradients import LinearRead
from crosssim_torch.options import LayerOptions
from crosssim_torch.products import LinearProduct
from crosssim_torch.tiles import Holding


class AnalogLinearLike(OneBias):
    """A layer with one matrix, whatever its parameters are called.

    A subclass is also one of the stock layer and says where that keeps its matrix; with `register`
    it is found by `from_torch`. If the layer does more than ``W x + b``, the subclass has its own
    `forward`, which takes `product` in place of the stock product.
    """

    weight_name: ClassVar[str] = "weight"
    """Parameter that holds the matrix, shape (outputs, inputs)."""
    bias_name: ClassVar[str] = "bias"
    """Parameter that is added, shape (outputs); the layer may lack it."""
    transposed: ClassVar[bool] = False
    """Whether the parameter has shape (inputs, outputs) instead."""

    def _holdings(self, rows: Mapping[str, int], options: LayerOptions) -> dict[str, Holding]:
        has_bias = getattr(self, self.bias_name, None) is not None
        outputs, inputs = self._weight_shape()
        kind = TransposedLinearLayout if self.transposed else LinearLayout
        layout = kind(inputs, outputs, has_bias, rows["bias"])
        return {"": Holding(layout, (self.weight_name,), (self.bias_name,))}

    def _weight_shape(self) -> tuple[int, int]:
        weight: Tensor = getattr(self, self.weight_name)
        first, second = weight.shape
        return (second, first) if self.transposed else (first, second)

    def product(self, x: Tensor) -> Tensor:
        """``W x + b`` over the last axis, through the arrays; any number of leading axes."""
        operands = self._operands()
        known = operands.at_once(x)
        if known is not None:
            return known
        if self.transposed:
            weight, programmed = operands.weight.mT, operands.programmed.mT
            operands = replace(operands, weight=weight, programmed=programmed)
        _, inputs = self._weight_shape()
        return run_analog(operands, x, product=LinearProduct(inputs), record=LinearRead)

    def forward(self, input: Tensor) -> Tensor:
        return self.product(input)


class AnalogLinear(AnalogLinearLike, nn.Linear):
    """``nn.Linear`` whose product is formed by simulated arrays.

    Takes ``params``, the arguments of ``nn.Linear``, ``bias_rows``, ``seed`` and ``options``; see
    `AnalogModule`.

    Shapes: input ``(*, in_features)``, output ``(*, out_features)``.

    Example:
        >>> layer = AnalogLinear(CrossSimParameters(), 4, 3)
        >>> layer(torch.ones(2, 4)).shape
        torch.Size([2, 3])
    """

    stock_class = nn.Linear
