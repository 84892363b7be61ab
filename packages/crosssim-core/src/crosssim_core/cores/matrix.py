"""The NumPy-like face of an analog matrix, whole or in part."""

from abc import abstractmethod
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from crosssim_core._array import array_namespace, as_host
from crosssim_core.chain.block import WeightRange
from crosssim_core.cores.dispatch import NumpyOperand
from crosssim_core.cores.holder import MatrixHolder
from crosssim_core.cores.places import gather, scatter
from crosssim_core.cores.selection import Selection
from crosssim_core.errors import OperationError, ShapeError
from crosssim_core.parameters import CrossSimParameters
from crosssim_core.typing import Array, DType


class AnalogMatrix(NumpyOperand):
    """A matrix in arrays, or a part of one: NumPy's shapes, and results of the hardware.

    Products drive the full arrays with zeros where a part has no inputs, and keep the outputs
    that it has: a part has the errors and the ranges of its core.
    """

    __contains__ = None

    @property
    @abstractmethod
    def _holder(self) -> MatrixHolder:
        """The arrays."""

    @property
    @abstractmethod
    def _selection(self) -> Selection:
        """The part of the whole matrix that this is."""

    @abstractmethod
    def _view(self, selection: Selection) -> "AnalogMatrix":
        """Another part of the same matrix."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As of a NumPy array."""
        return self._selection.shape

    @property
    def ndim(self) -> int:
        """As of a NumPy array."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """As of a NumPy array."""
        return prod(self.shape)

    @property
    def T(self) -> "AnalogMatrix":
        """The transpose, a view of the same arrays; ``A.T.T is A`` for a core."""
        return self._view(self._selection.T)

    @property
    def dtype(self) -> DType:
        """Data type of the matrix, as it was given."""
        return self._holder.held.dtype

    @property
    def params(self) -> tuple[CrossSimParameters, ...]:
        """Copies of the trees that the core was built with: one, or one for each array."""
        return tuple(tree.copy() for tree in self._holder.plan.params)

    @property
    def arrays(self) -> int:
        """Number of arrays that the whole matrix is divided over; products run all of them."""
        return len(self._holder.plan.arrays)

    @property
    def limits(self) -> WeightRange:
        """Matrix values at the ends of the weight scale, as of the last whole programming."""
        return self._holder.held.programmed().state.weights

    def get_matrix(self) -> Array:
        """What the arrays hold: quantization, programming error and drift included, nothing that
        belongs to reading.

        Returns:
            Values of shape `shape` in the data type of the matrix; integers rounded.
        """
        return self._holder.read(self._selection)

    def set_matrix(self, matrix: Any) -> None:
        """Program the cells of this part anew, as ``A[...] = matrix`` does."""
        self[...] = matrix

    def matmul(self, x: Any) -> Array:
        """``self @ x``: shapes (n,) → (m,) and (…, n, k) → (…, m, k), without m for vectors.

        Raises:
            ShapeError: ``x`` does not fit; ArrayLibraryError: it lives elsewhere.
        """
        x = self._holder.operand(x)
        if x.ndim < 2:
            return self._apply(x, left=False)
        xp = array_namespace(x)
        y = self._apply(xp.matrix_transpose(x), left=False)
        return xp.matrix_transpose(y) if self.ndim == 2 else y

    def rmatmul(self, x: Any) -> Array:
        """``x @ self``: shapes (m,) → (n,) and (…, k, m) → (…, k, n), without n for vectors.

        Raises:
            ShapeError: ``x`` does not fit; ArrayLibraryError: it lives elsewhere.
        """
        return self._apply(self._holder.operand(x), left=True)

    __matmul__ = matmul
    __rmatmul__ = rmatmul

    def dot(self, x: Any) -> Array:
        """``numpy.dot(self, x)``: as `matmul`, but (…, n, k) → (m, …, k)."""
        x = self._holder.operand(x)
        if x.ndim < 3 or self.ndim < 2:
            return self.matmul(x)
        xp = array_namespace(x)
        return xp.moveaxis(self._apply(xp.matrix_transpose(x), left=False), -1, 0)

    rdot = rmatmul
    """``numpy.dot(x, self)``."""

    def matvec(self, x: Any) -> Array:
        """``self @ x`` for one vector: shapes (n,) → (m,) and (n, 1) → (m, 1)."""
        x = self._holder.operand(x)
        if x.ndim == 1 or (x.ndim == 2 and x.shape[1] == 1):
            return self.matmul(x)
        raise ShapeError(f"matvec takes shape (n,) or (n, 1), got {tuple(x.shape)}.")

    def vecmat(self, x: Any) -> Array:
        """``x @ self`` for one vector: shapes (m,) → (n,) and (1, m) → (1, n)."""
        x = self._holder.operand(x)
        if x.ndim == 1 or (x.ndim == 2 and x.shape[0] == 1):
            return self.rmatmul(x)
        raise ShapeError(f"vecmat takes shape (m,) or (1, m), got {tuple(x.shape)}.")

    def matmat(self, x: Any) -> Array:
        """``self @ x`` for matrices: shape (…, n, k) → (…, m, k)."""
        x = self._holder.operand(x)
        if x.ndim >= 2:
            return self.matmul(x)
        raise ShapeError(f"matmat takes shape (…, n, k), got {tuple(x.shape)}.")

    def rmatmat(self, x: Any) -> Array:
        """``x @ self`` for matrices: shape (…, k, m) → (…, k, n)."""
        x = self._holder.operand(x)
        if x.ndim >= 2:
            return self.rmatmul(x)
        raise ShapeError(f"rmatmat takes shape (…, k, m), got {tuple(x.shape)}.")

    def __getitem__(self, index: Any) -> Any:
        """A view by integers, slices and ``...``; one element is read back.

        Raises:
            OutOfBoundsError: An integer is out of range, or there are too many indices.
            OperationError: An index is of another kind.
        """
        selection = self._selection.take(index)
        return self._view(selection) if selection.axes else self._holder.read(selection)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Program the addressed cells again, with fresh errors, and no others.

        Values are cast to the data type of the matrix, as NumPy does, but to the ends of an
        integer type instead of wrapping around. If all cells are addressed, the whole matrix is
        programmed anew, with new limits; else the limits stay, and values beyond are set to them.

        Raises:
            ShapeError: ``value`` cannot be broadcast to the addressed cells.
            ParameterError: It does not fit the parameters. Nothing changes after an error.

        Warns:
            CrossSimWarning: Values beyond the limits were set to them.
        """
        self._holder.write(self._selection.take(index), value)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        """Views of the rows; for a vector its elements, read back once."""
        items = self if self.ndim == 2 else self.get_matrix()
        return (items[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        raise OperationError("A matrix is neither true nor false; say what is meant of its values.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError("The matrix is read back from conductances, which makes a copy.")
        host = as_host(self.get_matrix())
        return host if dtype is None else host.astype(dtype, copy=False)

    def __str__(self) -> str:
        return repr(self) if self._holder.held.arrays is None else str(self.get_matrix())

    def _apply(self, x: Array, *, left: bool) -> Array:
        """Products with the vectors along the last axis of ``x``, outputs along the last axis."""
        part, (rows, cols) = self._selection, self._holder.shape
        over_rows = part.driven(left=left) == "rows"
        driven, seen = (part.rows, part.cols) if over_rows else (part.cols, part.rows)
        assert isinstance(driven, range)
        if x.ndim == 0 or x.shape[-1] != len(driven):
            raise ShapeError(
                f"Dimension mismatch: a matrix of shape {self.shape} takes vectors of length "
                f"{len(driven)} on this side, got {x.shape[-1] if x.ndim else 'a scalar'}."
            )
        full = scatter(x, driven, rows if over_rows else cols)
        return gather(self._holder.multiply(full, "vmm" if over_rows else "mvm"), seen)
