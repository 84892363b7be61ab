"""A matrix that lives in simulated arrays and multiplies like a NumPy array."""

from typing import Any

import numpy as np

from crosssim_core._array import (
    array_namespace,
    as_host,
    detached,
    device_of,
    from_host,
    gpu_array,
    is_array,
    is_complex,
    library_name,
    same_place,
)
from crosssim_core.chain.mapping import Side
from crosssim_core.cores.dtypes import cast, output_dtype
from crosssim_core.cores.plan import ArrayPlan, Params
from crosssim_core.cores.programmed import ProgrammedArrays
from crosssim_core.errors import (
    ArrayLibraryError,
    NotProgrammedError,
    ParameterError,
    ShapeError,
)
from crosssim_core.numerics.complexes import (
    expand_matrix,
    expand_vectors,
    join_matrix,
    join_vectors,
)
from crosssim_core.parameters import CrossSimParameters
from crosssim_core.random import Occasions, Stream
from crosssim_core.typing import Array, DType


class AnalogCore:
    """A matrix programmed into resistive crossbar arrays.

    ``core @ x`` and ``x @ core`` follow the shape rules of ``numpy.matmul``; what comes back
    is what the arrays and their converters would return. Arithmetic is done in float64, in the
    array library and on the device of the matrix.

    Args:
        matrix: Values of shape (outputs, inputs), real or complex, of any array library; nested
            lists are taken as NumPy.
        params: One tree of parameters for all arrays (default: ideal arrays), or a list with
            one for each array, row by row. A snapshot is taken.
        empty_matrix: Take only shape, type and library of ``matrix``; `set_matrix` programs it.
        seed: Makes one chip: the same seed gives the same errors. Fresh errors if None.

    Raises:
        ShapeError: ``matrix`` is not two-dimensional.
        ParameterError: The parameters contradict each other or do not fit ``matrix``.
        UnsupportedError: They ask for something that is not simulated yet.
        DeviceUnavailableError: They ask for a GPU that is not there.

    Example:
        >>> core = AnalogCore([[1.0, -0.5], [0.25, 2.0]])
        >>> core @ [1.0, 2.0]
        array([0.  , 4.25])
    """

    __array_priority__ = 101

    def __init__(
        self,
        matrix: Array,
        params: Params | None = None,
        *,
        empty_matrix: bool = False,
        seed: int | Stream | None = None,
    ) -> None:
        params = CrossSimParameters() if params is None else params
        trees = [params] if isinstance(params, CrossSimParameters) else list(params)
        if not trees:
            raise ParameterError("the list of parameters is empty; one tree is needed at least.")
        core, simulation = trees[0].core, trees[0].simulation
        matrix = detached(matrix) if is_array(matrix) else np.asarray(matrix)
        if simulation.useGPU:
            matrix = gpu_array(matrix, simulation.gpu_id)
        if matrix.ndim != 2:
            raise ShapeError(f"A core holds a matrix; got an array of shape {tuple(matrix.shape)}.")
        self.shape: tuple[int, int] = tuple(matrix.shape)
        self.dtype = matrix.dtype
        self._complex = core.complex_matrix or core.complex_input
        if self._complex and 1 in self.shape:
            raise ParameterError(f"A complex core needs dimensions above 1, got {self.shape}.")
        factor = 2 if self._complex else 1
        self._plan = ArrayPlan.of(
            (factor * self.shape[0], factor * self.shape[1]), trees, Stream.of(seed)
        )
        self._place = array_namespace(matrix).empty(
            (0,), dtype=self.dtype, device=device_of(matrix)
        )
        self._occasions = Occasions()
        self._conversions = Occasions()
        self._programmed: ProgrammedArrays | None = None
        if not empty_matrix:
            self.set_matrix(matrix)

    ndim = 2

    @property
    def params(self) -> tuple[CrossSimParameters, ...]:
        """Copies of the trees this core was built with: one, or one for each array."""
        return tuple(tree.copy() for tree in self._plan.params)

    @property
    def arrays(self) -> int:
        """Number of arrays that the matrix is divided over."""
        return len(self._plan.arrays)

    def set_matrix(self, matrix: Array) -> None:
        """Program all arrays anew, with fresh programming errors.

        Args:
            matrix: Values of shape `shape`.

        Raises:
            ShapeError: The shape differs; the core is unchanged.
            ParameterError: The values do not fit the parameters; the core is unchanged.
        """
        matrix = self._taken(matrix)
        if tuple(matrix.shape) != self.shape:
            raise ShapeError(
                f"This core holds a matrix of shape {self.shape}, got {tuple(matrix.shape)}."
            )
        if is_complex(matrix) and not self._complex:
            raise ParameterError(
                "The matrix is complex: set core.complex_matrix = True to hold it."
            )
        xp = array_namespace(matrix)
        state = self._plan.program(
            expand_matrix(matrix) if self._complex else matrix,
            dtype=xp.float64,
            occasion=next(self._occasions),
        )
        self._programmed = ProgrammedArrays(self._plan, state, self._conversions)
        self.dtype = matrix.dtype

    def get_matrix(self) -> Array:
        """The matrix that the arrays hold: quantization, programming error and drift included,
        nothing that belongs to reading.

        Returns:
            Values of shape `shape` in `dtype`; integers rounded to the nearest.
        """
        matrix = self._arrays().matrix()
        return cast(join_matrix(matrix) if self._complex else matrix, self._native(self.dtype))

    def matmul(self, x: Any) -> Array:
        """``self @ x``: shapes (n,) → (m,) and (…, n, k) → (…, m, k).

        Raises:
            ShapeError: ``x`` does not fit; ArrayLibraryError: it lives elsewhere.
        """
        x = self._taken(x)
        if x.ndim < 2:
            return self._product(x, "mvm")
        xp = array_namespace(x)
        return xp.matrix_transpose(self._product(xp.matrix_transpose(x), "mvm"))

    def rmatmul(self, x: Any) -> Array:
        """``x @ self``: shapes (m,) → (n,) and (…, k, m) → (…, k, n).

        Raises:
            ShapeError: ``x`` does not fit; ArrayLibraryError: it lives elsewhere.
        """
        return self._product(self._taken(x), "vmm")

    __matmul__ = matmul
    __rmatmul__ = rmatmul

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Let ``numpy.matmul`` go through the arrays, and nothing else pass them by."""
        if ufunc is np.matmul and method == "__call__" and not options and len(inputs) == 2:
            left, right = inputs
            return left.matmul(right) if isinstance(left, AnalogCore) else right.rmatmul(left)
        raise TypeError(
            f"numpy.{ufunc.__name__} has no analog counterpart; take the programmed matrix with "
            "get_matrix() first if a digital result is meant."
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError("The matrix is read back from conductances, which makes a copy.")
        return as_host(self.get_matrix()).astype(dtype or None, copy=False)

    def __repr__(self) -> str:
        style = self._plan.params[0].core.style.name
        arrays = f"{self.arrays} array{'s' if self.arrays > 1 else ''}"
        return f"AnalogCore(shape={self.shape}, dtype={self.dtype}, {style}, {arrays})"

    def _arrays(self) -> ProgrammedArrays:
        if self._programmed is None:
            raise NotProgrammedError("This core holds no matrix yet: call set_matrix first.")
        return self._programmed

    def _native(self, dtype: DType) -> DType:
        """``dtype``, or its complex counterpart if the arrays hold complex numbers."""
        xp = array_namespace(self._place)
        if self._complex and not xp.isdtype(dtype, "complex floating"):
            return xp.complex64 if dtype == xp.float32 else xp.complex128
        return dtype

    def _taken(self, x: Any) -> Array:
        """``x`` as an array of the core's library; lists and scalars are converted."""
        if isinstance(x, AnalogCore):
            x = x.get_matrix()
        if not is_array(x):
            return from_host(np.asarray(x), like=self._place)
        x = detached(x)
        if not same_place(x, self._place):
            raise ArrayLibraryError(
                f"This core lives in {library_name(self._place)} on {device_of(self._place)}, "
                f"the operand in {library_name(x)} on {device_of(x)}: move one of them."
            )
        return x

    def _product(self, x: Array, side: Side) -> Array:
        """Products of all vectors along the last axis of ``x``."""
        arrays = self._arrays()
        wanted = self.shape[1] if side == "mvm" else self.shape[0]
        if x.ndim == 0 or x.shape[-1] != wanted:
            raise ShapeError(
                f"Dimension mismatch: a core of shape {self.shape} takes vectors of length "
                f"{wanted} on this side, got {x.shape[-1] if x.ndim else 'a scalar'}."
            )
        if is_complex(x) and not self._complex:
            raise ParameterError("The input is complex: set core.complex_input = True to apply it.")
        xp = array_namespace(x)
        dtype = output_dtype(self._plan.params[0].core.output_dtype, self.dtype, x)
        if not self._complex:
            return cast(arrays.read(xp.astype(x, xp.float64), side), dtype)
        left = side == "vmm"
        y = arrays.read(xp.astype(expand_vectors(x, left=left), xp.float64), side)
        return cast(join_vectors(y, left=left), self._native(dtype))
