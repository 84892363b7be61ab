"""The BITSLICED style: an integer weight is spread over arrays, digit by digit."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.lines import surround
from crosssim_core.numerics.levels import of_sign, round_to_levels
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class BitSlicedMapping:
    """Digits of ``rint(w * (2**(weight_bits - 1) - 1))``, least significant slice first.

    With pairs every digit carries the sign of the weight. Without, integers are moved up by
    ``2**(weight_bits - 1)``, which is subtracted digitally, or by a unit line that holds the
    digits of that number.

    Source: CrossSim parameters ``core.style = BITSLICED`` and ``core.bit_sliced``.
    """

    g_min: float
    """Smallest conductance over the largest [1]."""
    given_cell_bits: int
    """Bits of one cell [bit]; 0 takes those of a slice."""
    weight_bits: int
    """Bits of a weight, sign included [bit]."""
    slices: int
    pairs: bool
    unit_line: bool

    @property
    def signs(self) -> int:
        return 2 if self.pairs else 1

    @property
    def units(self) -> tuple[float, ...]:
        least = self.top * (1.0 - self.g_min) / (2**self.slice_bits - 1)
        return tuple(least / 2 ** (self.slice_bits * i) for i in range(self.slices))

    @property
    def total_gain(self) -> float:
        if self.pairs or self.unit_line:
            return 0.0
        background = self.g_min * sum(1.0 / unit for unit in self.units)
        return -float(background + 2 ** (self.weight_bits - 1) / self.top)

    @property
    def slice_bits(self) -> int:
        """Weight bits of one slice [bit]."""
        if self.weight_bits % self.slices == 0:
            return self.weight_bits // self.slices
        return -(-(self.weight_bits - self.pairs) // self.slices)

    @property
    def cell_bits(self) -> int:
        return self.given_cell_bits if self.given_cell_bits > 0 else self.slice_bits

    @property
    def top(self) -> int:
        """Integer that the weight 1 stands for."""
        return int(2 ** (self.weight_bits - 1) - 1)

    def conductances(
        self, w: Float[Array, "*stack outputs inputs"], /
    ) -> Float[Array, "slices signs *stack lines drives"]:
        xp = array_namespace(w)
        integers = xp.round(w * self.top)
        slices = [xp.stack(self._slice(integers, i)) for i in range(self.slices)]
        return xp.stack(slices)

    def _slice(self, integers: Array, index: int) -> tuple[Array, ...]:
        """Conductances of one slice: of both signs, or of one array."""
        if self.pairs:
            halves = (of_sign(integers, sign) for sign in (+1, -1))
            return tuple(self._levels(self._digit(half, index)) for half in halves)
        zero = 2 ** (self.weight_bits - 1)
        digits = self._digit(integers + zero, index)
        if self.unit_line:
            digits = surround(digits, self._unit_digit(index))
        return (self._levels(digits),)

    def _digit(self, integers: Array, index: int) -> Array:
        shifted = array_namespace(integers).floor(integers / 2 ** (self.slice_bits * index))
        return shifted % 2**self.slice_bits

    def _unit_digit(self, index: int) -> float:
        """Digit of ``2**(weight_bits - 1)``."""
        place, shift = divmod(self.weight_bits - 1, self.slice_bits)
        return float(2**shift) if index == place else 0.0

    def _levels(self, digits: Array) -> Array:
        fraction = digits / (2**self.slice_bits - 1)
        g = self.g_min + (1.0 - self.g_min) * fraction
        return round_to_levels(g, g_min=self.g_min, bits=self.given_cell_bits)
