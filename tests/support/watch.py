"""What the converters of a core are given while it is read, and what rests on a rounding tie."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crosssim_core import AnalogCore
from crosssim_core._array import as_host
from crosssim_core.converters import UniformLevels

NEAR = 1e-7
"""Distance from a tie within which round-off may decide, in steps of the converter [1]."""


@dataclass
class WatchedAdc:
    """An ADC that keeps what it is asked to convert, lines along the last axis."""

    model: Any
    seen: list[np.ndarray] = field(default_factory=list)

    @property
    def uniform(self) -> Any:
        return self.model.uniform

    def convert(self, x: Any, /, *, axis: int, noise: Any) -> Any:
        self.seen.append(np.moveaxis(as_host(x), axis, -1))
        return self.model.convert(x, axis=axis, noise=noise)

    def ties(self) -> np.ndarray:
        """Which lines were on a tie in any conversion; one value for each line of each vector."""
        return np.any([self._on_tie(x) for x in self.seen], axis=0)

    def excess(self) -> float:
        """How far any current lay outside the range [1]; not above 0 if none did."""
        site = self.model.site
        return max(float(np.max(np.maximum(site.low - x, x - site.high))) for x in self.seen)

    def _on_tie(self, x: np.ndarray) -> np.ndarray:
        if self.uniform is not None:
            return between_levels(x, self.uniform)
        model, trim = getattr(self.model, "model", self.model), getattr(self.model, "trim", 0.0)
        table = getattr(model, "table", None)
        if table is None:
            return np.zeros(x.shape, dtype=bool)
        row = np.arange(x.shape[-1]) // table.lines_per_row if len(table.thresholds) > 1 else 0
        distance = np.abs(x[..., None] + trim - table.thresholds[row])
        step = 2 * model.reference / 2**model.params.bits
        return np.min(distance, axis=-1) < NEAR * step


@dataclass
class WatchedDac:
    """A DAC that keeps which vectors hold a value on a tie."""

    model: Any
    ties: Any = False

    @property
    def uniform(self) -> Any:
        return self.model.uniform

    @property
    def magnitude_bits(self) -> int:
        return self.model.magnitude_bits

    def convert(self, x: Any, /) -> Any:
        if self.uniform is not None:
            self.ties |= np.any(between_levels(as_host(x), self.uniform), axis=-1, keepdims=True)
        return self.model.convert(x)


def between_levels(x: np.ndarray, levels: UniformLevels) -> np.ndarray:
    """Which values lie in the middle between two levels."""
    position = (x - levels.low) / levels.step
    inside = (position > 0) & (position < levels.number - 1)
    return inside & (np.abs(position - np.floor(position) - 0.5) < NEAR)


class Watch:
    """Watches the converters of one direction of a core that is read by the literal chain.

    The core computes what it did before.

    Args:
        core: A programmed core that no other test uses.
        side: ``"mvm"`` or ``"vmm"``.
    """

    def __init__(self, core: AnalogCore, side: str) -> None:
        self.shape = core._plan.shape
        self.side = side
        self.parts = []
        for part in core._plan.arrays:
            outputs = part.outputs if side == "mvm" else part.inputs
            watched = []
            for adc in part.reads[side].adcs:
                if adc is not None:
                    watched.append(WatchedAdc(adc.model))
                    object.__setattr__(adc, "model", watched[-1])
            path = part.reads[side].path
            dac = None if path.dac is None else WatchedDac(path.dac)
            object.__setattr__(path, "dac", dac)
            self.parts.append((outputs, part.mapping.unit_line, watched, dac))
        self.stack = core._plan.stack

    def adcs(self) -> list[WatchedAdc]:
        """All ADCs."""
        return [adc for _, _, watched, _ in self.parts for adc in watched]

    def dac_ties(self) -> bool:
        """Whether any input rests on a tie of its DAC."""
        return any(bool(np.any(dac.ties)) for _, _, _, dac in self.parts if dac is not None)

    def ties(self, batch: tuple[int, ...]) -> np.ndarray:
        """Which outputs of real vectors of shape ``batch`` rest on a tie: (*batch, outputs).

        A stack takes vectors ``(*batch, stack)``, and gives the outputs of all its matrices.
        """
        mask = np.zeros((*batch, self.shape[self.side == "vmm"] // self.stack), dtype=bool)
        for outputs, unit_line, watched, dac in self.parts:
            if dac is not None:
                mask[..., outputs] |= dac.ties
            for adc in watched:
                lines = adc.ties()
                mask[..., outputs] |= lines[..., :1] | lines[..., 1:] if unit_line else lines
        return mask if self.stack == 1 else mask.reshape(*batch[:-1], batch[-1] * mask.shape[-1])
