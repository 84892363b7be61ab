"""A layer whose weights live in simulated arrays, without any deep-learning framework."""

from jaxtyping import Float

from crosssim_core._array import array_namespace, is_floating
from crosssim_core.cores import ArrayPlan, ProgrammedArrays
from crosssim_core.cores.trees import Params
from crosssim_core.cores.weights import check_real
from crosssim_core.layers.layout import Layout
from crosssim_core.parameters import CrossSimParameters
from crosssim_core.random import Occasions, Stream
from crosssim_core.typing import Array, DType


class AnalogLayer:
    """Weights laid out as one matrix, programmed, and read for every input vector.

    Args:
        layout: Kind and shape of the layer.
        arrays: The programmed matrix; `program` makes it from weights.
        biases: As they were given, those that the arrays hold among them.

    Example:
        >>> import numpy as np
        >>> weight, bias = np.array([[1.0, -2.0]]), np.array([0.5])
        >>> layer = AnalogLayer.program(LinearLayout(2, 1), weight, bias)
        >>> layer(np.array([3.0, 1.0]))
        array([1.5])
    """

    def __init__(self, layout: Layout, arrays: ProgrammedArrays, *biases: Array | None) -> None:
        self.layout = layout
        self.arrays = arrays
        self.biases = biases

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
            CrossSimError: As for `AnalogCore`.
        """
        plan = ArrayPlan.of(layout.shape, params or CrossSimParameters(), Stream.of(seed))
        state = plan.program(
            layout.matrix(weight, bias),
            dtype=array_namespace(weight).float64,
            wired=layout.wired(like=weight),
        )
        arrays = ProgrammedArrays(plan, state, Occasions())
        return cls(layout, arrays, bias)

    def __call__(self, x: Float[Array, "*data"], /) -> Float[Array, "*result"]:
        """The layer's output; shapes as in the PyTorch layer of the same name.

        Raises:
            ShapeError: ``x`` does not fit the layer.
            UnsupportedError: It is complex.
        """
        check_real(x)
        xp = array_namespace(x)
        dtype: DType = x.dtype if is_floating(x) else xp.float64
        vectors = self.layout.vectors(xp.astype(x, self.arrays.state.conductance[0].dtype))
        y = self.layout.outputs(self.arrays.read(vectors, "mvm"), x)
        bias = self.bias
        if bias is not None:
            y = self.layout.add_bias(y, bias)
        return xp.astype(y, dtype)

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
