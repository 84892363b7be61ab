"""The arrays that hold one matrix: written and read in whole or in part."""

from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from crosssim_core._array import (
    array_namespace,
    detached,
    device_of,
    from_host,
    is_array,
    is_complex,
    library_name,
    same_place,
)
from crosssim_core.chain.mapping import Side
from crosssim_core.cores.dispatch import NumpyOperand
from crosssim_core.cores.dtypes import assigned, cast, output_dtype
from crosssim_core.cores.places import gather, place
from crosssim_core.cores.plan import ArrayPlan, ArrayState
from crosssim_core.cores.profile import Profile
from crosssim_core.cores.programmed import ProgrammedArrays
from crosssim_core.cores.selection import Selection
from crosssim_core.cores.update import reprogrammed
from crosssim_core.errors import (
    ArrayLibraryError,
    NotProgrammedError,
    OperationError,
    ParameterError,
    ShapeError,
)
from crosssim_core.numerics.complexes import (
    expand_matrix,
    expand_vectors,
    join_matrix,
    join_vectors,
)
from crosssim_core.parameters import CoreParameters
from crosssim_core.random import Occasions
from crosssim_core.typing import Array, DType


def numbers(x: Any) -> Array:
    """``x`` as an array of numbers, in the library where it lives; lists and scalars are NumPy's.

    Raises:
        OperationError: It holds anything else, or some of it is masked.
    """
    if isinstance(x, NumpyOperand):
        return x.get_matrix()
    if is_array(x) and not isinstance(x, np.ndarray | np.generic):
        return detached(x)
    if isinstance(x, np.ma.MaskedArray):
        raise OperationError("A masked array does not say what its masked elements hold: fill it.")
    try:
        host = np.asarray(x)
    except ValueError as error:
        raise OperationError(
            f"An operand of type {type(x).__name__} is no array: {error}"
        ) from error
    if host.dtype.kind not in "biufc":
        raise OperationError(f"An operand of type {type(x).__name__} holds no numbers.")
    return host


def operand(x: Any, place: Array) -> Array:
    """``x`` as an array where ``place`` lives; lists, scalars and analog matrices are converted.

    Raises:
        ArrayLibraryError: It lives elsewhere.
        OperationError: It holds no numbers, or some are masked.
    """
    has_place = isinstance(x, NumpyOperand) or (is_array(x) and not isinstance(x, np.generic))
    x = numbers(x)
    if not has_place:
        return from_host(x, like=place)
    if not same_place(x, place):
        raise ArrayLibraryError(
            f"The arrays live in {library_name(place)} on {device_of(place)}, "
            f"the operand in {library_name(x)} on {device_of(x)}: move one of them."
        )
    return x


class Held(NamedTuple):
    """What the arrays hold, exchanged as a whole so that every thread sees one matrix."""

    dtype: DType
    """Data type of the matrix."""
    writes: int = 0
    """Programmings so far."""
    arrays: ProgrammedArrays | None = None
    """None before the first programming."""
    matrix: Array = None
    """Values that were programmed, in double precision."""

    def programmed(self) -> ProgrammedArrays:
        """The arrays, once they hold a matrix; else NotProgrammedError is raised."""
        if self.arrays is None:
            raise NotProgrammedError("This core holds no matrix yet: call set_matrix first.")
        return self.arrays


def block_shape(shape: tuple[int, int], core: CoreParameters) -> tuple[int, int]:
    """Shape of the real matrix that arrays hold for a matrix of ``shape``.

    Raises:
        ParameterError: The core is complex and a dimension is 1.
    """
    if not core.holds_complex:
        return shape
    if 1 in shape:
        raise ParameterError(f"A complex core needs dimensions above 1, got {shape}.")
    return 2 * shape[0], 2 * shape[1]


class MatrixHolder:
    """A matrix in arrays. Reading changes nothing; writers take turns.

    Args:
        plan: How the arrays are divided, written and read; of the real blocks of a complex matrix.
        dtype: Data type of the matrix, until one is programmed.
        like: An array of the library and on the device to compute with.
        reads: Counts reads that draw random numbers.
    """

    def __init__(self, plan: ArrayPlan, dtype: DType, like: Array, reads: Occasions) -> None:
        self.plan = plan
        self.reads = reads
        self.profile = Profile.of(plan)
        self.complex = plan.params[0].core.holds_complex
        rows, cols = plan.shape
        self.shape = (rows // 2, cols // 2) if self.complex else (rows, cols)
        self.place = array_namespace(like).empty((0,), dtype=like.dtype, device=device_of(like))
        self.held = Held(dtype)
        self._writing = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_writing"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _writing=Lock())

    def hold(self, state: ArrayState, matrix: Array, *, dtype: DType, writes: int) -> None:
        """Take over what programming number ``writes - 1`` left behind."""
        if self.profile is not None:
            self.profile.forget_currents()
        arrays = ProgrammedArrays(self.plan, state, self.reads, profile=self.profile)
        self.held = Held(dtype, writes, arrays, matrix)

    def program(self, matrix: Array, dtype: DType) -> None:
        """Write the whole matrix, with fresh errors and new limits.

        Raises:
            ParameterError: It does not fit the parameters; nothing has changed then.
        """
        self._check_real(
            matrix, "The matrix is complex: set core.complex_matrix = True to hold it."
        )
        xp = array_namespace(matrix)
        matrix = xp.astype(matrix, self._exact)
        with self._writing:
            writes = self.held.writes
            state = self.plan.program(self._real(matrix), dtype=xp.float64, occasion=writes)
            self.hold(state, matrix, dtype=dtype, writes=writes + 1)

    def write(self, selection: Selection, value: Any) -> None:
        """Write the cells of ``selection`` and no others; all of them as `program` does."""
        rows, cols = selection.lines
        block = self._block(value, selection)
        xp, device = array_namespace(block), device_of(block)
        if selection.covers(self.shape):
            zeros = xp.zeros(self.shape, dtype=block.dtype, device=device)
            self.program(place(block, rows, cols, inside=zeros), self.held.dtype)
            return
        ones = xp.ones(block.shape, dtype=xp.bool, device=device)
        nowhere = xp.zeros(self.shape, dtype=xp.bool, device=device)
        addressed = place(ones, rows, cols, inside=nowhere)
        if self.complex:
            addressed = xp.tile(addressed, (2, 2))
        with self._writing:
            held = self.held
            old = held.programmed().state
            matrix = place(block, rows, cols, inside=held.matrix)
            new = reprogrammed(self.plan, old, self._real(matrix), addressed, occasion=held.writes)
            self.hold(new, matrix, dtype=held.dtype, writes=held.writes + 1)

    def read(self, selection: Selection) -> Array:
        """What the cells of ``selection`` hold, in the shape of the view."""
        held = self.held
        matrix = held.programmed().matrix()
        matrix = join_matrix(matrix) if self.complex else matrix
        matrix = cast(matrix, self._result_type(held.dtype))
        part = gather(gather(matrix, selection.cols, 1), selection.rows, 0)
        if selection.transposed and part.ndim == 2:
            return array_namespace(part).matrix_transpose(part)
        return part

    def multiply(self, x: Array, side: Side) -> Array:
        """Products of the whole matrix with the vectors along the last axis of ``x``."""
        held = self.held
        arrays = held.programmed()
        self._check_real(x, "The input is complex: set core.complex_input = True to apply it.")
        xp = array_namespace(x)
        dtype = output_dtype(self.plan.params[0].core.output_dtype, held.dtype, x)
        if not self.complex:
            return cast(arrays.read(xp.astype(x, xp.float64), side), dtype)
        left = side == "vmm"
        y = arrays.read(xp.astype(expand_vectors(x, left=left), xp.float64), side)
        return cast(join_vectors(y, left=left), self._result_type(dtype))

    def operand(self, x: Any) -> Array:
        """``x`` as an array here, see `operand`."""
        return operand(x, self.place)

    def _block(self, value: Any, selection: Selection) -> Array:
        """``value`` for the crossings of ``selection``, in double precision."""
        value = self.operand(value)
        self._check_real(value, "The value is complex: set core.complex_matrix = True to hold it.")
        xp = array_namespace(value)
        value = xp.astype(value, self._exact) if self.complex else assigned(value, self.held.dtype)
        while value.ndim > len(selection.shape) and value.shape[0] == 1:
            value = value[0, ...]
        if not _broadcasts(value.shape, selection.shape):
            raise ShapeError(
                f"A value of shape {tuple(value.shape)} does not fit the addressed cells, which "
                f"have shape {selection.shape}."
            )
        value = xp.broadcast_to(value, selection.shape)
        if len(selection.shape) < 2:
            return xp.reshape(value, tuple(map(len, selection.lines)))
        return xp.matrix_transpose(value) if selection.transposed else value

    def _check_real(self, x: Array, message: str) -> None:
        if is_complex(x) and not self.complex:
            raise ParameterError(message)

    @property
    def _exact(self) -> DType:
        xp = array_namespace(self.place)
        return xp.complex128 if self.complex else xp.float64

    def _real(self, matrix: Array) -> Array:
        return expand_matrix(matrix) if self.complex else matrix

    def _result_type(self, dtype: DType) -> DType:
        """``dtype``, or its complex counterpart if the arrays hold complex numbers."""
        xp = array_namespace(self.place)
        if self.complex and not xp.isdtype(dtype, "complex floating"):
            return xp.complex64 if dtype == xp.float32 else xp.complex128
        return dtype


def _broadcasts(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(tuple(shape), wanted) == wanted
    except ValueError:
        return False
