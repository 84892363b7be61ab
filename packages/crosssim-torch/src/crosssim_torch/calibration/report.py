"""What a calibration chose, and what it costs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from crosssim_core.layers.ranges import ConverterRanges, RangeRule


@dataclass(frozen=True, slots=True)
class ConverterReport:
    """One converter of a layer, and what it was given during the calibration."""

    layer: str
    """Name of the layer in the network."""
    converter: str
    """``"DAC"`` or ``"ADC"``, with its slice and array where there are several."""
    bits: int
    """Resolution [bit]."""
    low: float
    """Lower end of the range: of a DAC in user units, of an ADC in units of one device [1]."""
    high: float
    """Upper end, likewise."""
    clipped: float
    """Share of the values outside the range [1]."""
    lost_bits: float
    """Resolution that the values leave unused: log2 of the range over what they span [bit]."""


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What a calibration chose, in the order in which layers run; ``print`` shows it as a table."""

    rule: RangeRule
    """How ranges were chosen."""
    ranges: Mapping[str, tuple[ConverterRanges, ...]]
    """By the name of a layer, one element for each of its parameter trees."""
    converters: tuple[ConverterReport, ...]
    """Every converter that was calibrated."""
    not_reached: tuple[str, ...] = ()
    """Layers that the data did not run through; they stay as they were."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "rule": asdict(self.rule),
            "ranges": {n: [tree.to_dict() for tree in of] for n, of in self.ranges.items()},
            "converters": [
                asdict(c) | {"lost_bits": c.lost_bits if isfinite(c.lost_bits) else None}
                for c in self.converters
            ],
            "not_reached": list(self.not_reached),
        }

    def __str__(self) -> str:
        header = ("layer", "converter", "bits", "range", "clipped", "lost bits")
        rows = [header, *map(_row, self.converters)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *(f"{name}: not reached" for name in self.not_reached)])


def _row(of: ConverterReport) -> tuple[str, ...]:
    lost = f"{of.lost_bits:.1f}" if isfinite(of.lost_bits) else "all"
    limits = f"[{of.low:.4g}, {of.high:.4g}]"
    return of.layer, of.converter, str(of.bits), limits, f"{100 * of.clipped:.3g} %", lost
