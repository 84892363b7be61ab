"""The OFFSET style: zero lies in the middle of the conductances."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core.chain.lines import surround
from crosssim_core.numerics.levels import round_to_levels
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class OffsetMapping:
    """One array with ``G = range * (w + 1) / 2 + bottom``.

    With finite levels one level at the bottom is dropped, so that zero has a level of its own.
    What zero weights carry is subtracted digitally, or by a unit line that goes through the
    converters like the others.

    Source: CrossSim parameters ``core.style = OFFSET`` and ``core.offset.style``.
    """

    g_min: float
    """Smallest conductance over the largest [1]."""
    cell_bits: int
    """Bits of one cell [bit]; 0 is continuous."""
    unit_line: bool

    signs = 1
    slices = 1

    @property
    def units(self) -> tuple[float]:
        return (self.g_range / 2,)

    @property
    def total_gain(self) -> float:
        return 0.0 if self.unit_line else -2.0 * self.middle / self.g_range

    @property
    def g_range(self) -> float:
        """Range of conductances that weights use [1]."""
        full = 1.0 - self.g_min
        top = 2**self.cell_bits - 1
        return full * (top - 1) / top if self.cell_bits > 0 else full

    @property
    def middle(self) -> float:
        """Conductance of the weight 0 [1]."""
        return 1.0 - self.g_range / 2

    def conductances(
        self, w: Float[Array, "*stack outputs inputs"], /
    ) -> Float[Array, "slices signs *stack lines drives"]:
        g = self.g_range * (w / 2 + 0.5) + (1.0 - self.g_range)
        if self.unit_line:
            g = surround(g, self.middle)
        return round_to_levels(g, g_min=self.g_min, bits=self.cell_bits)[None, None, ...]
