"""The parameters that a layer keeps for itself."""

from collections.abc import Sequence

from crosssim_core import CrossSimParameters
from crosssim_core.errors import ParameterError

Params = CrossSimParameters | Sequence[CrossSimParameters]
"""One tree of parameters, or one for each array of the layer, row by row."""

OwnParams = CrossSimParameters | list[CrossSimParameters]


def own_copy(params: object) -> OwnParams:
    """A copy of one tree, or of a sequence of them.

    Raises:
        ParameterError: ``params`` is neither.
    """
    if isinstance(params, CrossSimParameters):
        return params.copy()
    trees = list(params) if isinstance(params, Sequence) else []
    if not trees or not all(isinstance(tree, CrossSimParameters) for tree in trees):
        kinds = ", ".join(sorted({type(tree).__name__ for tree in trees})) or "nothing"
        raise ParameterError(
            "CrossSimParameters are needed, or a list with one for each array of the layer; got "
            + (f"a sequence of {kinds}." if isinstance(params, Sequence) else f"{params!r}.")
        )
    return [tree.copy() for tree in trees]


def trees_of(params: OwnParams) -> list[CrossSimParameters]:
    """One tree, or those of a list."""
    return [params] if isinstance(params, CrossSimParameters) else params
