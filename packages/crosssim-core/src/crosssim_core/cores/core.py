"""A matrix that lives in simulated arrays and multiplies like a NumPy array."""

from copy import deepcopy

import numpy as np

from crosssim_core._array import gpu_array
from crosssim_core.cores.conductances import ArrayConductances, export
from crosssim_core.cores.holder import MatrixHolder, block_shape, numbers
from crosssim_core.cores.matrix import AnalogMatrix
from crosssim_core.cores.plan import ArrayPlan
from crosssim_core.cores.profile import Profile
from crosssim_core.cores.programmed import ProgrammedArrays
from crosssim_core.cores.selection import Selection
from crosssim_core.cores.state import ChipState, params_of, put_back, taken_out
from crosssim_core.cores.trees import Params, trees_of
from crosssim_core.cores.view import AnalogView
from crosssim_core.errors import OperationError, ShapeError
from crosssim_core.parameters import CrossSimParameters
from crosssim_core.random import Occasions, Stream
from crosssim_core.typing import Array


class AnalogCore(AnalogMatrix):
    """A matrix programmed into resistive crossbar arrays.

    It has the shapes, products, views and assignments of a NumPy array; what comes back is what
    the arrays and their converters would return. Everything else that NumPy can do with a matrix
    is refused. Arithmetic is done in float64, in the array library and on the device of the
    matrix. Several threads may use one core.

    Args:
        matrix: Values of shape (outputs, inputs), real or complex, of any array library; nested
            lists are taken as NumPy.
        params: One tree of parameters for all arrays (default: ideal arrays), or a list with
            one for each array, row by row. A snapshot is taken.
        empty_matrix: Take only shape, type and library of ``matrix``; `set_matrix` programs it.
        seed: Makes one chip: the same seed gives the same errors. Fresh errors if None.

    Raises:
        ShapeError: ``matrix`` is not two-dimensional.
        OperationError: It holds no numbers, or some are masked.
        ParameterError: The parameters contradict each other or do not fit ``matrix``.
        UnsupportedError: They ask for something that is not simulated yet.
        DeviceUnavailableError: They ask for a GPU that is not there.

    Example:
        >>> core = AnalogCore([[1.0, -0.5], [0.25, 2.0]])
        >>> (core @ [1.0, 2.0]).round(6) + 0.0
        array([0.  , 4.25])
        >>> core[1] = [0.5, 1.0]
        >>> print(f"{core.T[1] @ [1.0, 2.0]:.6f}")
        1.500000
    """

    def __init__(
        self,
        matrix: Array,
        params: Params | None = None,
        *,
        empty_matrix: bool = False,
        seed: int | Stream | None = None,
    ) -> None:
        trees = trees_of(CrossSimParameters() if params is None else params)
        matrix = numbers(matrix)
        if trees[0].simulation.useGPU:
            matrix = gpu_array(matrix, trees[0].simulation.gpu_id)
        if matrix.ndim != 2:
            raise ShapeError(f"A core holds a matrix; got an array of shape {tuple(matrix.shape)}.")
        shape = block_shape(tuple(matrix.shape), trees[0].core)
        plan = ArrayPlan.of(shape, trees, Stream.of(seed), blocks=trees[0].core.holds_complex)
        self._arrays = MatrixHolder(plan, matrix.dtype, matrix, Occasions())
        if not empty_matrix:
            self.set_matrix(matrix)

    @classmethod
    def from_state(cls, state: ChipState, *, like: Array = None) -> "AnalogCore":
        """The chip that `state` was taken of, on any array library.

        Args:
            state: What `state` returned, or an equal pair of arrays and values.
            like: An array of the library and on the device to use (default: NumPy, or CuPy if
                the parameters ask for it).

        Raises:
            StateError: The state is damaged.
            ParameterError: Its parameters are not valid here.
        """
        state = ChipState(*state)
        params = params_of(state)
        if like is None:
            like, simulation = np.empty(0), params[0].simulation
            like = gpu_array(like, simulation.gpu_id) if simulation.useGPU else like
        core = cls.__new__(cls)
        core._arrays = put_back(state, params, like=like)
        return core

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs of the product A·x."""
        return self._arrays.shape

    @property
    def partition_sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Rows of each row of arrays, and columns of each column of arrays.

        Those of the real block matrix, which is twice as large, for a complex core.
        """
        parts = self._plan.parts
        rows = (row[0].outputs for row in parts)
        cols = (part.inputs for part in parts[0])
        return tuple(r.stop - r.start for r in rows), tuple(c.stop - c.start for c in cols)

    def set_matrix(self, matrix: Array) -> None:
        """Program all arrays anew, with fresh programming errors.

        Args:
            matrix: Values of shape `shape`; their data type becomes that of the core.

        Raises:
            ShapeError: The shape differs; the core is unchanged.
            ParameterError: The values do not fit the parameters; the core is unchanged.
        """
        matrix = self._arrays.operand(matrix)
        if tuple(matrix.shape) != self.shape:
            raise ShapeError(
                f"This core holds a matrix of shape {self.shape}, got {tuple(matrix.shape)}."
            )
        self._arrays.program(matrix, matrix.dtype)

    def copy(self) -> "AnalogCore":
        """The same chip again, programmed and read on its own from now on."""
        return deepcopy(self)

    __copy__ = copy

    @property
    def profile(self) -> Profile:
        """What products have been given since the core was built, recorded as
        ``simulation.analytics`` asks; programming forgets the currents.

        Raises:
            OperationError: Nothing is recorded.
        """
        if self._arrays.profile is None:
            raise OperationError(
                "Nothing is recorded: set simulation.analytics.profile_xbar_inputs or "
                "profile_adc_inputs."
            )
        return self._arrays.profile

    def conductances(self) -> tuple[ArrayConductances, ...]:
        """Copies of what each array holds, row by row."""
        return export(self._plan, self._programmed.state)

    def state(self) -> ChipState:
        """The chip as plain arrays and values: what it holds, and what further errors follow from.

        Raises:
            NotProgrammedError: The core holds no matrix yet.
        """
        return taken_out(self._arrays)

    def load_state(self, state: ChipState) -> None:
        """Become the chip that ``state`` was taken of, parameters and seed included.

        Raises:
            ShapeError: The state is of a matrix of another shape.
            StateError: The state is damaged. Nothing changes after an error.
            ParameterError: Its parameters are not valid here.
        """
        state = ChipState(*state)
        loaded = put_back(state, params_of(state), like=self._arrays.place)
        if loaded.shape != self.shape:
            raise ShapeError(f"This core has shape {self.shape}, the state {loaded.shape}.")
        self._arrays = loaded

    @property
    def _plan(self) -> ArrayPlan:
        return self._arrays.plan

    @property
    def _programmed(self) -> ProgrammedArrays:
        return self._arrays.held.programmed()

    @property
    def _holder(self) -> MatrixHolder:
        return self._arrays

    @property
    def _selection(self) -> Selection:
        return Selection.whole(self.shape)

    def _view(self, selection: Selection) -> AnalogMatrix:
        return self if selection == self._selection else AnalogView(self, selection)

    def __repr__(self) -> str:
        style = self._plan.params[0].core.style.name
        arrays = f"{self.arrays} array{'s' if self.arrays > 1 else ''}"
        return f"AnalogCore(shape={self.shape}, dtype={self.dtype}, {style}, {arrays})"
