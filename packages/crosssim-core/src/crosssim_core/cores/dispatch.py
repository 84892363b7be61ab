"""What NumPy functions do with an analog matrix: go through its arrays, or refuse."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from crosssim_core.errors import OperationError
from crosssim_core.typing import Array


class NumpyOperand(ABC):
    """Takes part in ``numpy.matmul`` and ``numpy.dot``, and in no other computation of NumPy.

    ``numpy.shape``, ``numpy.ndim`` and ``numpy.size`` work too. Everything else raises
    OperationError, so that no function computes with a read-back copy unnoticed.
    """

    __array_priority__ = 101

    shape: Any
    ndim: Any
    size: Any

    @abstractmethod
    def get_matrix(self) -> Array: ...

    @abstractmethod
    def matmul(self, x: Any) -> Array: ...

    @abstractmethod
    def rmatmul(self, x: Any) -> Array: ...

    @abstractmethod
    def dot(self, x: Any) -> Array: ...

    @abstractmethod
    def rdot(self, x: Any) -> Array: ...

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc is not np.matmul or method != "__call__":
            raise no_counterpart(f"numpy.{ufunc.__name__}")
        if options:
            raise OperationError(
                f"numpy.matmul with {', '.join(options)} has no analog counterpart: call it "
                "without."
            )
        left, right = inputs
        return left.matmul(right) if isinstance(left, NumpyOperand) else right.rmatmul(left)

    def __eq__(self, other: object) -> bool:
        raise no_counterpart("Comparison")

    __hash__ = object.__hash__

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function not in _FUNCTIONS:
            raise no_counterpart(f"{function.__module__}.{function.__name__}")
        return _FUNCTIONS[function](*args, **options)


def no_counterpart(name: str) -> OperationError:
    """The error for an operation that arrays cannot do."""
    return OperationError(
        f"{name} has no analog counterpart; take the programmed matrix with get_matrix() first if "
        "a digital result is meant."
    )


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise OperationError("numpy.dot with out has no analog counterpart: call it without.")
    return a.dot(b) if isinstance(a, NumpyOperand) else b.rdot(a)


def _shape(a: NumpyOperand) -> Any:
    return a.shape


def _ndim(a: NumpyOperand) -> Any:
    return a.ndim


def _size(a: NumpyOperand, axis: int | None = None) -> Any:
    return a.size if axis is None else a.shape[axis]


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.dot: _dot,
    np.shape: _shape,
    np.ndim: _ndim,
    np.size: _size,
}
