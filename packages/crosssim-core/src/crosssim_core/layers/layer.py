"""A layer whose weights live in simulated arrays, without any deep-learning framework."""

from typing import Any

from jaxtyping import Float

from crosssim_core._array import array_namespace, gpu_array
from crosssim_core.cores import ArrayPlan, Profile, ProgrammedArrays
from crosssim_core.cores.dtypes import cast, output_dtype
from crosssim_core.cores.holder import numbers, operand
from crosssim_core.cores.trees import Params, trees_of
from crosssim_core.cores.weights import check_real
from crosssim_core.layers.layout import Layout, wired
from crosssim_core.layers.vectors import read_vectors
from crosssim_core.parameters import CrossSimParameters, OutputDType, SimulationParameters
from crosssim_core.random import Occasions, Stream
from crosssim_core.typing import Array, DType


class AnalogLayer:
    """Weights laid out as one matrix, programmed, and read for every input vector.

    Args:
        layout: Kind and shape of the layer.
        arrays: The programmed matrix; `program` makes it from weights.
        biases: As they were given, those that the arrays hold among them.
        dtype: Data type of the weights; that of the conductances if None.

    Example:
        >>> import numpy as np
        >>> weight, bias = np.array([[1.0, -2.0]]), np.array([0.5])
        >>> layer = AnalogLayer.program(LinearLayout(2, 1), weight, bias)
        >>> layer(np.array([3.0, 1.0]))
        array([1.5])
    """

    def __init__(
        self,
        layout: Layout,
        arrays: ProgrammedArrays,
        *biases: Array | None,
        dtype: DType | None = None,
    ) -> None:
        self.layout = layout
        self.arrays = arrays
        self.biases = biases
        self.dtype = self._conductance.dtype if dtype is None else dtype

    @property
    def bias(self) -> Float[Array, " outputs"] | None:
        """What is added to the products digitally; None if nothing is."""
        return self.layout.digital_bias(*self.biases)

    @classmethod
    def program(
        cls,
        layout: Layout,
        weight: Float[Array, "outputs *kernel"],
        bias: Float[Array, " outputs"] | None = None,
        params: Params | None = None,
        *,
        seed: int | Stream | None = None,
    ) -> "AnalogLayer":
        """The layer with these weights, computed in float64.

        Args:
            layout: Kind and shape of the layer.
            weight: As the layout takes it; left unchanged.
            bias: One value for each output, or None.
            params: One tree of parameters, or one for each array (default: ideal arrays).
            seed: Makes one chip, see `AnalogCore`.

        Raises:
            ShapeError: A variable has not the shape that the layout takes.
            CrossSimError: As for `AnalogCore`.
        """
        trees = trees_of(CrossSimParameters() if params is None else params)
        weight, bias = _variables(weight, bias, trees[0].simulation)
        dtype = weight.dtype
        if bias is not None:
            dtype = output_dtype(OutputDType.NATIVE, dtype, bias)
        xp = array_namespace(weight)
        exact = (None if v is None else xp.astype(v, xp.float64) for v in (weight, bias))
        plan = ArrayPlan.of(layout.shape, trees, Stream.of(seed), stack=layout.stack)
        state = plan.program(
            layout.matrix(*exact), dtype=xp.float64, wired=wired(layout, like=weight)
        )
        profile = Profile.of(plan, images=layout.images)
        arrays = ProgrammedArrays(plan, state, Occasions(), profile=profile)
        return cls(layout, arrays, bias, dtype=dtype)

    def __call__(self, x: Float[Array, "*data"], /) -> Float[Array, "*result"]:
        """The layer's output; shapes as in the PyTorch layer of the same name.

        Returns:
            Its data type follows from those of weights and input by ``core.output_dtype``.

        Raises:
            ShapeError: ``x`` does not fit the layer.
            ArrayLibraryError: It lives elsewhere than the arrays.
            UnsupportedError: It is complex.
        """
        x = operand(x, self._conductance)
        check_real(x)
        xp, exact = array_namespace(x), self._conductance.dtype
        dtype = output_dtype(self.arrays.plan.params[0].core.output_dtype, self.dtype, x)
        data, layout = xp.astype(x, exact), self.layout
        y = read_vectors(self.arrays, layout, data, data=lambda: layout.driving(data))
        bias = self.bias
        if bias is not None:
            y = layout.add_bias(y, xp.astype(bias, exact))
        return cast(y, dtype)

    @property
    def _conductance(self) -> Array:
        return self.arrays.state.conductance[0]

    def get_matrix(self) -> Float[Array, "outputs inputs"]:
        """The programmed matrix, errors included."""
        return self.arrays.matrix()

    def get_core_weights(self) -> tuple[Array | None, ...]:
        """Programmed weights, then biases, in the shapes they were given in.

        An analog bias is the sum over its bias rows; a digital one is what was given.
        """
        held = self.layout.variables(self.get_matrix())
        weights = held[: len(held) - len(self.layout.rows)]
        biases = held[len(weights) :]
        given = self.biases or (None,) * len(biases)
        return *weights, *(b if h is None else h for h, b in zip(biases, given, strict=True))


def _variables(
    weight: Any, bias: Any, simulation: SimulationParameters
) -> tuple[Array, Array | None]:
    """Real weights and biases in one place, the one that the parameters ask for.

    Raises:
        ArrayLibraryError: They live in different places.
        OperationError: They hold no numbers.
        UnsupportedError: They are complex.
        DeviceUnavailableError: They are to go where there is no GPU.
    """
    weight = numbers(weight)
    if simulation.useGPU:
        weight = gpu_array(weight, simulation.gpu_id)
        bias = None if bias is None else gpu_array(numbers(bias), simulation.gpu_id)
    bias = None if bias is None else operand(bias, weight)
    for variable in (weight, bias):
        if variable is not None:
            check_real(variable)
    return weight, bias
