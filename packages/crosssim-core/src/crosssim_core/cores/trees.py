"""One tree of parameters for all arrays of a matrix, or one for each of them."""

import warnings
from collections.abc import Sequence
from operator import attrgetter

from crosssim_core.errors import ParameterError, ParameterWarning
from crosssim_core.parameters import CrossSimParameters

Params = CrossSimParameters | Sequence[CrossSimParameters]
"""One tree for all arrays, or one for each array, row by row."""

FIRST_DECIDES = (
    "core.rows_max",
    "core.cols_max",
    "core.complex_matrix",
    "core.complex_input",
    "core.output_dtype",
    "core.mapping.weights",
    "simulation.useGPU",
    "simulation.gpu_id",
    "simulation.literal",
)
"""What concerns the whole matrix, so that the first of several trees decides it."""


def trees_of(params: object) -> tuple[CrossSimParameters, ...]:
    """The trees that ``params`` are, which should be `Params`.

    Raises:
        ParameterError: There is none, or one is something else.
    """
    if isinstance(params, CrossSimParameters):
        return (params,)
    trees = tuple(params) if isinstance(params, Sequence) else ()
    if not trees or not all(isinstance(tree, CrossSimParameters) for tree in trees):
        raise ParameterError(
            "parameters are one CrossSimParameters for all arrays, or a list with one for each, "
            f"not {params!r:.80}."
        )
    return trees


def warn_of_unheeded(trees: Sequence[CrossSimParameters]) -> None:
    """Warn where a tree says otherwise than the first what the first decides."""
    for path in FIRST_DECIDES:
        own = attrgetter(path)
        others = [number for number, tree in enumerate(trees) if own(tree) != own(trees[0])]
        if others:
            warnings.warn(
                f"{path}: parameter tree {others[0]} of the list says otherwise than the first, "
                "which alone decides what concerns the whole matrix.",
                ParameterWarning,
                stacklevel=4,
            )
