"""Line currents by PyTorch's own linear map instead of explicit matrix products."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from crosssim_core.chain.arithmetic import Arithmetic, added
from crosssim_core.chain.block import Held
from crosssim_core.chain.product import Operator
from crosssim_torch.arithmetic import TORCH_ARITHMETIC


def split(inputs: slice, data_inputs: int) -> tuple[slice, int]:
    """The part of ``inputs`` that carries data, and the number of bias rows in it."""
    start, stop = min(inputs.start, data_inputs), min(inputs.stop, data_inputs)
    return slice(start, stop), inputs.stop - max(inputs.start, stop)


@dataclass(frozen=True, slots=True)
class LinearProduct:
    """Vectors along the last axis, bias rows left implicit.

    Shapes: data ``(*, in_features)``, result ``(*, lines)``.
    """

    in_features: int
    first: int | None = None
    """First of them among the features of the data; None if there are no more."""
    axis: ClassVar[int] = -1
    arithmetic: ClassVar[Arithmetic] = TORCH_ARITHMETIC

    def operator(
        self,
        g: Tensor,
        inputs: slice,
        /,
        *,
        constant: Tensor | None,
        one: float,
        rest: float,
    ) -> Operator:
        data, bias_rows = split(inputs, self.in_features)
        width = data.stop - data.start
        matrix = g[:, :width]
        if bias_rows:
            constant = added(constant, one * g[:, width:].sum(1))
        whole = width == self.in_features and self.first is None
        data = self._of_data(data)

        def currents(x: Tensor, further: Tensor | None) -> Tensor:
            return F.linear(x if whole else x[..., data], matrix, added(constant, further))

        return currents

    def positions(self, x: Tensor, /) -> int:
        return prod(x.shape[1:-1]) if x.dim() > 1 else 0

    def total(
        self, like: Tensor, inputs: slice, gain: float, /, *, one: float, rest: float
    ) -> Operator:
        data, bias_rows = split(inputs, self.in_features)
        data = self._of_data(data)

        def sums(x: Tensor, further: Tensor | None) -> Tensor:
            total = x[..., data].sum(-1, keepdim=True).add_(one * bias_rows).mul_(gain)
            return total if further is None else total + further

        return sums

    def among(self, held: tuple[Held, ...], /) -> "LinearProduct":
        (piece,) = held
        data = [own for own in piece.inputs if own.start < self.in_features]
        return LinearProduct(data[-1].stop - data[0].start, data[0].start)

    def _of_data(self, own: slice) -> slice:
        first = self.first or 0
        return slice(first + own.start, first + own.stop)
