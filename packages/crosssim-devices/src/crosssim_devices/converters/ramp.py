"""A ramp ADC: all lines are compared with one rising staircase.

Source: as in `crosssim_devices.converters.capacitors`.
"""

from dataclasses import dataclass

import numpy as np

from crosssim_core.converters import ConverterErrors
from crosssim_devices.converters.capacitors import asymmetric_levels, symmetric_levels
from crosssim_devices.converters.params import RampAdcParams
from crosssim_devices.converters.table import Real, Steps
from crosssim_devices.converters.tabulated import TabulatedAdc, drawn


@dataclass(frozen=True, slots=True)
class RampAdc(TabulatedAdc):
    """Static errors of a ramp ADC: capacitors of the one DAC, a comparator for each line."""

    params: RampAdcParams

    def draw(self) -> dict[str, Real]:
        """``offsets`` of comparators over the reference voltage, ``mismatch`` of capacitors [1]."""
        params, noise = self.params, self.site.noise
        return {
            "offsets": drawn(noise, (self.site.lines,), params.sigma_comparator),
            "mismatch": drawn(noise, (params.bits + 1,), params.sigma_capacitor),
        }

    def tabulate(self, errors: ConverterErrors, /) -> list[Steps]:
        """Codes of each line, or of all if they agree."""
        params, offsets = self.params, errors["offsets"] * self.reference
        levels_of = symmetric_levels if params.symmetric_cdac else asymmetric_levels
        levels = levels_of(
            errors["mismatch"], bits=params.bits, reference=self.reference, gain=self.gain
        )
        nearest = nearest_level(levels)
        if not offsets.any():
            return [nearest]
        return [nearest._replace(thresholds=nearest.thresholds - offset) for offset in offsets]


def nearest_level(levels: Real) -> Steps:
    """Codes of the levels nearest to a current, whatever the order of the levels.

    Of equal levels, and halfway between two, the smaller one counts.
    """
    ordered, codes = np.unique(levels, return_index=True)
    return Steps((ordered[:-1] + ordered[1:]) / 2, codes)
