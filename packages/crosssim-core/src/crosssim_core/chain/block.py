"""One programmed array, seen from the side that drives it."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core.chain.plan import ReadPlan
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class Block:
    """The array that holds one part of a matrix."""

    outputs: slice
    """Lines of the whole product that this array contributes to."""
    inputs: slice
    """Lines of the whole input that drive this array."""
    plan: ReadPlan
    conductance: Float[Array, "slices signs outputs inputs"]
    """Conductances over the largest one [1]."""


Grid = tuple[tuple[Block, ...], ...]
"""Rows of blocks: each row shares its outputs, blocks of a row divide the inputs."""
