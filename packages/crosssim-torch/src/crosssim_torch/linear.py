"""Fully connected analog layers."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from crosssim_core.layers import LinearLayout
from crosssim_core.random import Stream
from crosssim_torch.analog import Params
from crosssim_torch.biases import OneBias
from crosssim_torch.forward import run_analog
from crosssim_torch.gradients import LinearRead
from crosssim_torch.products import LinearProduct
from crosssim_torch.tiles import Holding


class AnalogLinear(OneBias, nn.Linear):
    """``nn.Linear`` whose product is formed by simulated arrays.

    Shapes: input ``(*, in_features)``, output ``(*, out_features)``.

    Args:
        params: One tree of parameters, or one for each array. A copy is kept.
        bias_rows: Array rows that hold the bias; with 0 it is added digitally.
        seed: Makes one chip; with None ``torch.manual_seed`` governs.

    The other arguments are those of ``nn.Linear``.

    Raises:
        CrossSimError: The parameters contradict each other or ask for what is not simulated.

    Example:
        >>> layer = AnalogLinear(CrossSimParameters(), 4, 3)
        >>> layer(torch.ones(2, 4)).shape
        torch.Size([2, 3])
    """

    stock_class = nn.Linear

    def __init__(
        self,
        params: Params,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        bias_rows: int = 0,
        *,
        seed: int | Stream | None = None,
    ) -> None:
        nn.Linear.__init__(self, in_features, out_features, bias, device, dtype)
        self._become_analog(params, bias_rows, seed)

    def _holdings(self, rows: Mapping[str, int]) -> dict[str, Holding]:
        has_bias = self.bias is not None
        layout = LinearLayout(self.in_features, self.out_features, has_bias, rows["bias"])
        return {"": Holding(layout, ("weight",), ("bias",))}

    def forward(self, input: Tensor) -> Tensor:
        return run_analog(
            self._operands(), input, product=LinearProduct(self.in_features), record=LinearRead
        )
