"""The BALANCED style: a weight is the difference of two conductances."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.numerics.levels import round_to_levels
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class BalancedMapping:
    """Differential pairs with ``G+ - G- = g_range * w``.

    One-sided pairs leave one device at the smallest conductance. Two-sided pairs move both
    devices around the middle; with finite levels the difference is rounded first and the pair
    is then split so that its sum stays as close to the middle as the parity allows.

    Source: CrossSim parameter ``core.balanced.style``.
    """

    g_min: float
    """Smallest conductance over the largest [1]."""
    cell_bits: int
    """Bits of one cell [bit]; 0 is continuous."""
    two_sided: bool

    signs = 2
    slices = 1
    unit_line = False
    total_gain = 0.0

    @property
    def units(self) -> tuple[float]:
        return (1.0 - self.g_min,)

    def conductances(
        self, w: Float[Array, "*stack outputs inputs"], /
    ) -> Float[Array, "slices signs *stack outputs inputs"]:
        xp = array_namespace(w)
        split = self._two_sided if self.two_sided else self._one_sided
        return xp.stack(split(w))[None, ...]

    def _one_sided(self, w: Array) -> tuple[Array, Array]:
        xp = array_namespace(w)
        signed = xp.copysign(self._levels(xp.abs(w)), w)
        return xp.clip(signed, self.g_min, None), xp.clip(-signed, self.g_min, None)

    def _two_sided(self, w: Array) -> tuple[Array, Array]:
        if self.cell_bits <= 0:
            return self._levels((1.0 + w) / 2), self._levels((1.0 - w) / 2)
        xp = array_namespace(w)
        top = 2**self.cell_bits - 1
        difference = xp.round(w * top)
        odd = difference % 2
        total = xp.where(odd == top % 2, top * xp.ones_like(w), (top - 1) * xp.ones_like(w))
        plus = (total + difference) / 2
        return self._scaled(plus / top), self._scaled((plus - difference) / top)

    def _levels(self, fraction: Array) -> Array:
        """Conductance that stands for a fraction of the range, rounded to a level."""
        return round_to_levels(self._scaled(fraction), g_min=self.g_min, bits=self.cell_bits)

    def _scaled(self, fraction: Array) -> Array:
        return self.g_min + (1.0 - self.g_min) * fraction
