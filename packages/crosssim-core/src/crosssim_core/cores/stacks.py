"""Matrices of one shape, one below the other, each in arrays of its own."""

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.mapping import Mapping
from crosssim_core.errors import UnsupportedError
from crosssim_core.typing import Array


def check_stacks(mapping: Mapping, *, divided: bool) -> None:
    """Lines that several cells share belong to one array each, which a stack cannot tell.

    Args:
        mapping: How they hold weights.
        divided: Whether the outputs of one matrix are divided over several arrays.

    Raises:
        UnsupportedError: Arrays have such lines.
    """
    shared = {
        "core.offset.style = UNIT_COLUMN_SUBTRACTION": mapping.unit_line,
        "core.cols_max below the outputs of one matrix": divided,
    }
    for name, on in shared.items():
        if on:
            raise UnsupportedError(
                f"{name} is not built for many small matrices in arrays of their own, such as "
                "packed groups of a convolution."
            )


def share(
    matrix: Float[Array, "outputs inputs"], outputs: slice, inputs: slice, /, *, stack: int
) -> Float[Array, "lines drives"]:
    """These outputs and inputs of every matrix in the stack, one below the other."""
    if stack == 1:
        return matrix[outputs, inputs]
    xp = array_namespace(matrix)
    part = xp.reshape(matrix, (stack, -1, matrix.shape[1]))[:, outputs, inputs]
    return xp.reshape(part, (-1, part.shape[-1]))


def side_by_side(
    g: Float[Array, "slices signs lines drives"], /, *, stack: int
) -> Float[Array, "slices signs *arrays drives"]:
    """The arrays along an axis of their own, so that each errs by itself, lines and all."""
    if stack == 1:
        return g
    slices, signs, _, drives = g.shape
    return array_namespace(g).reshape(g, (slices, signs, stack, -1, drives))
