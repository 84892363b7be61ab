"""The choice of array rows for the biases of a layer."""

from typing import Self

from torch import nn

from crosssim_core.random import Stream
from crosssim_torch.analog import AnalogModule
from crosssim_torch.options import LayerOptions
from crosssim_torch.params import Params


class OneBias(AnalogModule):
    """An analog module with one bias."""

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
        """The analog twin of ``layer``, which is left unchanged and shares nothing with it.

        Args:
            layer: A layer of the stock class.
            params: One tree of parameters, or one for each array.
            bias_rows: Array rows that hold the bias; with 0 it is added digitally.
            seed: Makes one chip; with None ``torch.manual_seed`` governs.
            options: Layout, synchronization and derivatives; defaults if None.
        """
        return cls._adopt(cls._copied(layer), params, bias_rows, seed, options)

    @property
    def bias_rows(self) -> int:
        """Array rows that hold the bias; with 0 it is added digitally. Can be assigned."""
        return self._rows["bias"]

    @bias_rows.setter
    def bias_rows(self, rows: int) -> None:
        self._set_rows("bias", rows)


class TwoBiases(AnalogModule):
    """An analog module with one bias for the input and one for the state."""

    _biases = ("bias_ih", "bias_hh")

    @classmethod
    def from_torch(
        cls,
        layer: nn.Module,
        params: Params,
        bias_ih_rows: int | list[int] = 0,
        bias_hh_rows: int | list[int] = 0,
        *,
        seed: int | Stream | None = None,
        options: LayerOptions | None = None,
    ) -> Self:
        """The analog twin of ``layer``, which is left unchanged and shares nothing with it.

        Args:
            layer: A layer of the stock class.
            params: One tree of parameters, or one for each array; every matrix takes them.
            bias_ih_rows: Array rows that hold the input bias; with 0 it is added digitally. Of
                stacked layers, a list has one number for each.
            bias_hh_rows: Likewise of the state bias.
            seed: Makes one chip; with None ``torch.manual_seed`` governs.
            options: Layout, synchronization and derivatives; defaults if None.
        """
        rows = {"bias_ih": bias_ih_rows, "bias_hh": bias_hh_rows}
        return cls._adopt(cls._copied(layer), params, rows, seed, options)
