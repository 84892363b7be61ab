"""From digital inputs to the voltages of one step in time."""

from dataclasses import dataclass
from functools import reduce
from operator import add

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.converters import DacModel, DacSite
from crosssim_core.errors import ParameterError
from crosssim_core.numerics.digits import digit, digit_count, digit_weight
from crosssim_core.numerics.limits import symmetric_limit, symmetric_limits
from crosssim_core.parameters import DacParams, InputMappingParameters
from crosssim_core.plugins.registry import factory
from crosssim_core.typing import Array

Scale = float | Float[Array, "*batch 1"]
"""Voltage over input, for all vectors or for each."""


@dataclass(frozen=True, slots=True)
class InputScale:
    """How digital inputs become fractions of the full-scale voltage."""

    factor: float | None
    """Voltage over input; None if it follows from the inputs of each call."""
    percentile: float = 1.0
    """Rule for the limit of the inputs, see `symmetric_limit`."""
    per_vector: bool = False
    """Whether each vector has its own limit."""

    def of(self, x: Float[Array, "*batch inputs"], /) -> Scale:
        """Voltage over input for the inputs ``x`` of one call."""
        if self.factor is not None:
            return self.factor
        return 1.0 / self.limit(x)

    def limit(self, x: Float[Array, "*batch inputs"], /) -> Scale:
        """Largest input within full scale, where that follows from the inputs ``x`` of one call."""
        limits = symmetric_limits if self.per_vector else symmetric_limit
        return limits(x, percentile=self.percentile)


@dataclass(frozen=True, slots=True)
class Digits:
    """Input bit slicing: voltages applied digit by digit."""

    bits: int
    """Magnitude bits of the DAC [bit]."""
    size: int
    """Bits of one digit [bit]."""

    @property
    def count(self) -> int:
        """Digits of one input."""
        return digit_count(self.bits, self.size)

    def take(self, k: int, z: Float[Array, "*batch"], /) -> Float[Array, "*batch"]:
        """Voltages of digit ``k``."""
        return digit(z, k, bits=self.bits, size=self.size)

    def weight(self, k: int, /) -> float:
        """Weight of what digit ``k`` gives in the sum over digits."""
        return digit_weight(k, bits=self.bits, size=self.size)

    @property
    def step(self) -> float:
        """Smallest difference of the voltages of one digit [1]."""
        return float(1.0 / (2**self.size - 1))


@dataclass(frozen=True, slots=True)
class InputPath:
    """Scale, converter and digits of one direction of a product."""

    scale: InputScale
    reach: float
    """Largest voltage that inputs within the limits ask for, over the full-scale voltage [1]."""
    bipolar: bool
    """Whether inputs within the limits ask for voltages of both signs."""
    dac: DacModel | None
    """None where voltages follow the inputs exactly, without clipping."""
    digits: Digits | None
    """None where the whole input is applied at once."""
    merged: Digits | None = None
    """Digits that are summed up before anything else happens to what they give."""

    @classmethod
    def of(cls, limits: InputMappingParameters, dac: DacParams) -> "InputPath":
        """The input path that the parameters describe.

        Raises:
            UnknownModelError: The DAC model is not installed.
            ParameterError: The DAC refuses its parameters or limits, or cannot slice.
        """
        span = 2.0 if dac.signed else 1.0
        if limits.percentile is not None:
            scale = InputScale(None, limits.percentile, limits.per_vector)
            site = DacSite(-1.0 if dac.signed else 0.0, 1.0)
        else:
            assert limits.min is not None
            assert limits.max is not None
            factor = span / (limits.max - limits.min)
            scale = InputScale(factor)
            site = DacSite(factor * limits.min, factor * limits.max)
        model: DacModel = factory("dac", dac.model)(dac, site)
        digits = Digits(model.magnitude_bits, dac.slice_size) if dac.input_bitslicing else None
        if digits is not None and digits.bits < 1:
            raise ParameterError(
                f"{dac.model} (signed = {dac.signed}) cannot slice inputs: input bit slicing "
                "needs a SignMagnitudeDAC, or an unsigned QuantizerDAC with core.mapping.inputs "
                "starting at 0."
            )
        ideal = dac.model == "IdealDAC" or dac.bits == 0
        return cls(
            scale=scale,
            reach=max(abs(site.low), abs(site.high)),
            bipolar=dac.signed or site.low < 0,
            dac=None if ideal else model,
            digits=digits,
        )

    def convert(self, x: Float[Array, "*batch"], scale: Scale, /) -> Float[Array, "*batch"]:
        """Voltages over the full-scale voltage for the inputs ``x``; ``x`` is left unchanged."""
        scaled = x if is_one(scale) else x * scale
        return scaled if self.dac is None else self.dac.convert(scaled)

    def power(self, z: Float[Array, "*batch"], /) -> Float[Array, "*batch"]:
        """What the voltages ``z`` drive the variance of line currents with.

        The square of the voltage, or of each merged digit with the square of its weight, because
        cells deviate afresh for each digit.
        """
        if self.merged is None:
            return z * z
        digits = self.merged
        squares = [(digits.weight(k) * digits.take(k, z)) ** 2 for k in range(digits.count)]
        return reduce(add, squares)


def is_one(scale: Scale) -> bool:
    """Whether scaling changes nothing, known without a look at any vector."""
    return isinstance(scale, float) and scale == 1.0


def total(z: Float[Array, "*batch inputs"], /) -> Float[Array, "*batch one"]:
    """Sum of the voltages of each vector."""
    return array_namespace(z).sum(z, axis=-1, keepdims=True)
