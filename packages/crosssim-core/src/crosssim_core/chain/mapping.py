"""How signed weights become conductances, and line currents weights again."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.balanced import BalancedMapping
from crosssim_core.chain.bitsliced import BitSlicedMapping
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
    def needs_total(self) -> bool:
        """Whether `decode` needs the sum of the voltages."""

    def conductances(
        self, w: Float[Array, "outputs inputs"], /
    ) -> Float[Array, "slices signs lines drives"]:
        """Target conductances, rounded to the levels of a cell [1]."""

    def weights(
        self, g: Float[Array, "slices signs lines drives"], /
    ) -> Float[Array, "outputs inputs"]:
        """Weights that the conductances ``g`` stand for [1]."""

    def decode(
        self, lines: Sequence[Float[Array, "*lines"]], total: Any, /, *, axis: int
    ) -> Float[Array, "*lines"]:
        """Products of weights and voltages that the line currents stand for [1].

        Args:
            lines: Current of each slice, the difference of its pair if there is one [1].
            total: Sum of the voltages, of size 1 along ``axis``; None if it is not needed.
            axis: Where the lines lie; a unit line comes first.
        """


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


def facing(g: Float[Array, "slices signs lines drives"], mapping: Mapping, side: Side, /) -> Array:
    """The conductances that take part in one direction, output lines before driven lines."""
    if side == "vmm":
        g = g[:, :, 1:, :] if mapping.unit_line else g
        return array_namespace(g).matrix_transpose(g)
    return g[:, :, :, 1:] if mapping.unit_line else g
