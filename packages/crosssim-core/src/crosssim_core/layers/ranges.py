"""Converter ranges of a layer: chosen from what its converters are given, kept, and judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log2, nextafter
from typing import Any, Literal

from crosssim_core.errors import ParameterError
from crosssim_core.numerics.best_ranges import (
    Range,
    aligned,
    best_limits,
    best_symmetric_limit,
    best_upper_limit,
)
from crosssim_core.numerics.distribution import Distribution
from crosssim_core.parameters import ADCRangeLimits, CoreStyle, CrossSimParameters

Method = Literal["max", "percentile", "error"]


@dataclass(frozen=True, slots=True)
class RangeRule:
    """How a range is chosen from values.

    ``"max"`` holds all of them; ``"percentile"`` all but the outermost; ``"error"`` is the range
    on which a converter of the given resolution makes the least error.

    Raises:
        ParameterError: There is no such method, or a number is out of bounds.
    """

    method: Method = "percentile"
    percentile: float = 99.99
    """Share of the values that the range holds at least, for ``"percentile"`` [%]."""
    norm: float = 1.0
    """Order of the norm of the error, for ``"error"``."""

    def __post_init__(self) -> None:
        if self.method not in ("max", "percentile", "error"):
            raise ParameterError(
                f"{self.method!r} is not known; use one of 'max', 'percentile', 'error'.", "method"
            )
        if not 0 < self.percentile <= 100:
            raise ParameterError(f"must lie in (0, 100], got {self.percentile:g}.", "percentile")
        if not self.norm > 0:
            raise ParameterError(f"must be above 0, got {self.norm:g}.", "norm")

    def upper(self, x: Distribution, /, *, levels: int) -> float:
        """Upper end of a range from 0."""
        if self.method == "error" and x.count:
            return best_upper_limit(x, levels=levels, norm=self.norm)
        return self._outermost(x)

    def symmetric(self, x: Distribution, /, *, levels: int) -> float:
        """Λ of a range ``[−Λ, Λ]``."""
        if self.method == "error" and x.count:
            return best_symmetric_limit(x, levels=levels, norm=self.norm)
        return self._outermost(x.magnitudes())

    def both(self, x: Distribution, /, *, levels: int) -> Range:
        """Both ends of a range."""
        if not x.count:
            return 0.0, 0.0
        if self.method == "error":
            return best_limits(x, levels=levels, norm=self.norm)
        if self.method == "max":
            return x.low, x.high
        # As many values may lie outside on either side.
        rank = floor((1.0 - self.percentile / 100.0) / 2.0 * x.count)
        return x.quantile(_place(rank, x)), x.quantile(_place(x.count - 1 - rank, x))

    def _outermost(self, x: Distribution) -> float:
        if not x.count:
            return 0.0
        if self.method == "max":
            return x.high
        return x.quantile(_place(ceil(self.percentile / 100.0 * x.count) - 1, x))


@dataclass(frozen=True, slots=True)
class ConverterRanges:
    """What the converters of a parameter tree are set to for A·x; None leaves them as they are."""

    inputs: Range | None = None
    """Inputs that stand for full scale, in user units."""
    adcs: tuple[Range, ...] | None = None
    """Ranges of the ADCs, slice by slice, in units of one device at full conductance and full
    input [1]."""

    def applied(self, tree: CrossSimParameters) -> CrossSimParameters:
        """A copy of ``tree`` that is set to these ranges."""
        tree = tree.copy()
        if self.inputs is not None:
            low, high = self.inputs
            tree.core.mapping.inputs.mvm.update({"min": low, "max": high})
        if self.adcs is not None:
            pairs = [list(pair) for pair in self.adcs]
            sliced, record = tree.core.style is CoreStyle.BITSLICED, tree.xbar.adc.mvm
            record.calibrated_range = pairs if sliced else pairs[0]
            record.adc_range_option = ADCRangeLimits.CALIBRATED
            record.signed = record.signed or min(pairs)[0] < 0
        return tree

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, for JSON."""
        return {
            "inputs": None if self.inputs is None else list(self.inputs),
            "adcs": None if self.adcs is None else [list(pair) for pair in self.adcs],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "ConverterRanges":
        """What `to_dict` made plain.

        Raises:
            ParameterError: It is of another form.
        """
        try:
            inputs, adcs = plain["inputs"], plain["adcs"]
            return cls(
                None if inputs is None else _pair(inputs),
                None if adcs is None else tuple(map(_pair, adcs)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ParameterError(f"These are no converter ranges: {plain!r}.") from error


def input_range(
    tree: CrossSimParameters, inputs: Distribution, rule: RangeRule, *, bias_rows: bool = False
) -> Range:
    """The range of a DAC: from 0 for an unsigned one, else symmetric about 0.

    Args:
        tree: Parameters of the layer.
        inputs: Digital inputs, in user units.
        rule: How to choose.
        bias_rows: Whether array rows that hold a bias are driven by the constant 1, which the
            range has to hold, too.
    """
    dac = tree.xbar.dac.mvm
    levels = 2**dac.bits - dac.signed
    choose = rule.symmetric if dac.signed else rule.upper
    limit = max(choose(inputs, levels=levels), 1.0 if bias_rows else 0.0)
    limit = limit if limit > 0 else 1.0
    return -limit if dac.signed else 0.0, limit


def adc_ranges(
    tree: CrossSimParameters, currents: Sequence[Distribution], rule: RangeRule
) -> tuple[Range, ...]:
    """The ranges of the ADCs of a layer, one for each weight slice.

    Models that need it get a range that is symmetric about 0; so do slices, whose ranges are
    powers of 2 apart, unless no current is negative.

    Args:
        tree: Parameters of the layer.
        currents: Currents before the ADCs of each slice [1].
        rule: How to choose.
    """
    adc = tree.xbar.adc.mvm
    symmetric = adc.symmetric or adc.mid_rise
    sliced = len(currents) > 1
    if not symmetric and all(of.low >= 0 for of in currents):
        limits = [rule.upper(of, levels=2**adc.bits) for of in currents]
        return tuple((0.0, _wide(limit)) for limit in aligned(limits))
    if symmetric or sliced:
        levels = 2**adc.bits - 1
        limits = [rule.symmetric(of, levels=levels) for of in currents]
        return tuple((-_wide(limit), _wide(limit)) for limit in aligned(limits))
    low, high = rule.both(currents[0], levels=2**adc.bits)
    if high > low:
        return ((low, high),)
    return ((min(low, 0.0), _wide(max(high, 0.0))),)


def clipped(values: Distribution, limits: Range, /) -> float:
    """Share of the values that lie outside a range [1]."""
    if not values.count:
        return 0.0
    low, high = limits
    inside = values.below(nextafter(high, inf)) - values.below(low)
    return min(max(1.0 - inside, 0.0), 1.0)


def lost_bits(values: Distribution, limits: Range, /) -> float:
    """Bits of a converter that its values leave unused: log2 of the range over what they span.

    0 where they span the range, infinity where they span nothing.
    """
    low, high = limits
    span = min(values.high, high) - max(values.low, low)
    return max(log2((high - low) / span), 0.0) if span > 0 else inf


def _place(rank: int, x: Distribution) -> float:
    """The quantile at which a value lies, by its number in ascending order."""
    return min(max(rank / max(x.count - 1, 1), 0.0), 1.0)


def _pair(pair: Any) -> Range:
    low, high = pair
    return float(low), float(high)


def _wide(limit: float) -> float:
    """A limit that makes a range; any one holds values that are all 0."""
    return limit if limit > 0 else 1.0
