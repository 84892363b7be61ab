"""How signed weights become conductances, and line currents weights again."""

from collections.abc import Sequence
from functools import reduce
from operator import add, sub
from typing import Any, Literal, Protocol

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.balanced import BalancedMapping
from crosssim_core.chain.bitsliced import BitSlicedMapping
from crosssim_core.chain.lines import minus_first
from crosssim_core.chain.offset import OffsetMapping
from crosssim_core.parameters import (
    BalancedCoreStyle,
    BitSlicedCoreStyle,
    CoreStyle,
    CrossSimParameters,
    OffsetCoreStyle,
)
from crosssim_core.typing import Array

Side = Literal["mvm", "vmm"]
"""``"mvm"`` is A·x, ``"vmm"`` is x·A."""


class Mapping(Protocol):
    """One core style.

    Weights are over the weight limit, so they lie in [-1, 1]; conductances are over the largest.
    Matrices of a stack have an axis before their lines, and are alike otherwise.
    With a unit line, conductances have one more output and one more input line, both first, that
    hold the weight 0: the extra output serves A·x, the extra input x·A.
    """

    @property
    def g_min(self) -> float:
        """Smallest conductance over the largest [1]."""

    @property
    def cell_bits(self) -> int:
        """Bits of the levels on which target conductances lie [bit]; 0 is continuous."""

    @property
    def signs(self) -> int:
        """Arrays in which one slice of the matrix is held: 2 for differential pairs, else 1."""

    @property
    def slices(self) -> int:
        """Weight slices, least significant first."""

    @property
    def unit_line(self) -> bool:
        """Whether arrays have a line of zero weights, which is subtracted from the others."""

    @property
    def units(self) -> tuple[float, ...]:
        """Current of each slice that adds 1 to the product of weights and voltages [1]."""

    @property
    def total_gain(self) -> float:
        """What a unit of the sum of all voltages adds to it; 0 with a unit line."""

    def conductances(
        self, w: Float[Array, "*stack outputs inputs"], /
    ) -> Float[Array, "slices signs *stack lines drives"]:
        """Target conductances, rounded to the levels of a cell [1]."""


def decode(
    mapping: Mapping, lines: Sequence[Float[Array, "*lines"]], total: Any, /, *, axis: int
) -> Float[Array, "*result"]:
    """Products of weights and voltages that line currents stand for [1].

    Args:
        mapping: The core style.
        lines: Current of each slice, the difference of its pair if there is one [1].
        total: Sum of the voltages, of size 1 along ``axis``, or a number; not heeded where
            ``mapping.total_gain`` is 0.
        axis: Where the lines lie; a unit line comes first, and is gone in the result.
    """
    y = reduce(add, (line / unit for line, unit in zip(lines, mapping.units, strict=True)))
    if mapping.unit_line:
        return minus_first(y, axis)
    return y + mapping.total_gain * total if mapping.total_gain else y


def weights_of(
    mapping: Mapping, g: Float[Array, "slices signs *stack lines drives"], /
) -> Float[Array, "*stack outputs inputs"]:
    """Weights that the conductances ``g`` stand for [1]."""
    lines = [
        reduce(sub, (g[i, sign, ...] for sign in range(mapping.signs)))
        for i in range(mapping.slices)
    ]
    if mapping.unit_line:
        lines = [line[..., 1:] for line in lines]
    return decode(mapping, lines, 1.0, axis=-2)


def make_mapping(params: CrossSimParameters) -> Mapping:
    """The mapping that ``params.core.style`` asks for."""
    core, device = params.core, params.xbar.device
    g_min, cell_bits = device.Gmin_norm, device.cell_bits
    unit_line = core.offset.style is OffsetCoreStyle.UNIT_COLUMN_SUBTRACTION
    match core.style:
        case CoreStyle.BALANCED:
            two_sided = core.balanced.style is BalancedCoreStyle.TWO_SIDED
            return BalancedMapping(g_min, cell_bits, two_sided)
        case CoreStyle.OFFSET:
            return OffsetMapping(g_min, cell_bits, unit_line)
        case CoreStyle.BITSLICED:
            pairs = core.bit_sliced.style is BitSlicedCoreStyle.BALANCED
            return BitSlicedMapping(
                g_min=g_min,
                given_cell_bits=cell_bits,
                weight_bits=core.weight_bits,
                slices=core.bit_sliced.num_slices,
                pairs=pairs,
                unit_line=unit_line and not pairs,
            )


def facing(
    g: Float[Array, "slices signs *stack lines drives"], mapping: Mapping, side: Side, /
) -> Array:
    """The conductances that take part in one direction, output lines before driven lines."""
    if side == "vmm":
        g = g[..., 1:, :] if mapping.unit_line else g
        return array_namespace(g).matrix_transpose(g)
    return g[..., 1:] if mapping.unit_line else g
