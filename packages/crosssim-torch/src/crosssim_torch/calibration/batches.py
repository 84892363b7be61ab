"""Data that can be run through again and again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from crosssim_core.errors import ConversionError

Forward = Callable[[nn.Module, Any], Any]
"""Runs a network on one batch."""


class Batches:
    """The batches of some data.

    Args:
        data: One tensor, or an iterable of batches.

    Raises:
        ConversionError: It is something else, or can be run through only once.
    """

    def __init__(self, data: Any) -> None:
        self._data = [data] if isinstance(data, Tensor) else data
        if isinstance(data, Mapping) or not hasattr(self._data, "__iter__"):
            raise ConversionError(
                f"Data are a tensor or an iterable of batches, got {type(data).__name__}."
            )
        if hasattr(self._data, "__next__"):
            raise ConversionError(
                "These data can be run through only once, and calibration needs several passes: "
                "give a list of batches, or a DataLoader."
            )

    def __iter__(self) -> Iterator[Any]:
        return iter(self._data)

    @property
    def count(self) -> int | None:
        """Number of batches; None if they do not tell."""
        return len(self._data) if hasattr(self._data, "__len__") else None

    @property
    def first(self) -> Any:
        """The first batch.

        Raises:
            ConversionError: There is none.
        """
        for batch in self:
            return batch
        raise ConversionError("The data have no batch to calibrate with.")


def call(model: nn.Module, batch: Any) -> Any:
    """The model of a batch: of its first element, or of its entries as keywords."""
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(batch[0] if isinstance(batch, Sequence) else batch)
