"""How a matrix is spread over arrays."""

from typing import Annotated

from pydantic import Field

from crosssim_core.errors import ParameterError
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.enums import (
    BalancedCoreStyle,
    BitSlicedCoreStyle,
    CoreStyle,
    OffsetCoreStyle,
    OutputDType,
)
from crosssim_core.parameters.mapping import MappingParameters
from crosssim_core.parameters.plain import Bits, Count


class BalancedCoreParameters(Params):
    """Differential pairs."""

    style: BalancedCoreStyle = BalancedCoreStyle.ONE_SIDED
    """Where the zero of a pair lies; slices of a matrix are always one-sided."""
    interleaved_posneg: bool = False
    """Both devices of a pair sit on the same output line."""
    subtract_current_in_xbar: bool = True
    """Subtract the line currents of a pair before the ADC, rather than their codes after it."""


class BitSlicedCoreParameters(Params):
    """Weights spread over several cells."""

    style: BitSlicedCoreStyle = BitSlicedCoreStyle.BALANCED
    """How every slice holds the sign."""
    num_slices: Annotated[Bits, Field(ge=1)] = 2
    """Number of weight slices; slice 0 is the least significant."""


class OffsetCoreParameters(Params):
    """Single cells with zero at mid-scale."""

    style: OffsetCoreStyle = OffsetCoreStyle.DIGITAL_OFFSET
    """How the offset is removed; also for slices of style OFFSET."""


class CoreParameters(Params):
    """How a matrix is spread over arrays."""

    style: CoreStyle = CoreStyle.BALANCED
    """How signed numbers become conductances."""
    rows_max: Count = 0
    """Most physical rows of one array, which carry the inputs of A·x; 0 is unlimited."""
    cols_max: Count = 0
    """Most physical columns of one array, which carry the outputs of A·x; 0 is unlimited."""
    weight_bits: Bits = 0
    """Bits of a matrix value with its sign [bit]. Cores without slices are quantized by
    ``xbar.device.cell_bits`` alone."""
    complex_matrix: bool = False
    """Whether the matrix may be complex."""
    complex_input: bool = False
    """Whether inputs may be complex."""
    output_dtype: OutputDType = OutputDType.NATIVE
    """Which data type a product comes back in, of cores and layers. Layers of PyTorch return no
    integers, and NATIVE there gives way to autocast."""
    balanced: BalancedCoreParameters = Field(default_factory=BalancedCoreParameters)
    bit_sliced: BitSlicedCoreParameters = Field(default_factory=BitSlicedCoreParameters)
    offset: OffsetCoreParameters = Field(default_factory=OffsetCoreParameters)
    mapping: MappingParameters = Field(default_factory=MappingParameters)

    @property
    def holds_complex(self) -> bool:
        """Whether arrays hold real and imaginary parts."""
        return self.complex_matrix or self.complex_input

    @property
    def has_pairs(self) -> bool:
        """Whether signed values are held by differential pairs."""
        if self.style is CoreStyle.BITSLICED:
            return self.bit_sliced.style is BitSlicedCoreStyle.BALANCED
        return self.style is CoreStyle.BALANCED

    def check(self) -> None:
        if self.style is CoreStyle.BITSLICED and self.weight_bits < 2:
            raise ParameterError(
                f"style is BITSLICED and weight_bits is {self.weight_bits}: slices need 2 bits at "
                "least."
            )
        weights = self.mapping.weights
        if (
            self.holds_complex
            and weights.min is not None
            and weights.max is not None
            and not weights.min <= 0 <= weights.max
        ):
            raise ParameterError(
                f"min ({weights.min:g}) and max ({weights.max:g}) do not enclose 0, and a complex "
                "core holds imaginary parts with both signs.",
                "mapping.weights",
            )
        if (
            self.has_pairs
            and self.balanced.interleaved_posneg
            and not self.balanced.subtract_current_in_xbar
        ):
            raise ParameterError(
                "interleaved_posneg is True and subtract_current_in_xbar is False: currents that "
                "share a line are subtracted there.",
                "balanced",
            )
