"""A successive-approximation ADC: a binary search against the levels of a capacitive DAC.

Source: as in `crosssim_devices.converters.capacitors`.
"""

from dataclasses import dataclass

import numpy as np

from crosssim_core.converters import ConverterErrors
from crosssim_devices.converters.capacitors import split_levels, symmetric_levels
from crosssim_devices.converters.params import SarAdcParams
from crosssim_devices.converters.table import Real, Steps
from crosssim_devices.converters.tabulated import TabulatedAdc, drawn


@dataclass(frozen=True, slots=True)
class SarAdc(TabulatedAdc):
    """Static errors of SAR ADCs: each has its own capacitors and comparator."""

    params: SarAdcParams

    @property
    def group_size(self) -> int:
        """Neighbouring lines that share a converter."""
        return self.params.group_size

    def draw(self) -> dict[str, Real]:
        """``mismatch`` of capacitors, ``offsets`` of comparators over the reference voltage [1]."""
        params, noise = self.params, self.site.noise
        return {
            "mismatch": drawn(noise, (self.groups, params.bits + 1), params.sigma_capacitor),
            "offsets": drawn(noise, (self.groups, 1), params.sigma_comparator),
        }

    def tabulate(self, errors: ConverterErrors, /) -> list[Steps]:
        """Codes of each group, or of all if they agree."""
        params = self.params
        thresholds = search_thresholds(
            sar_levels(
                errors["mismatch"],
                bits=params.bits,
                reference=self.reference,
                gain=self.gain,
                split=params.split_cdac,
            )
            - errors["offsets"] * self.reference
        )
        codes = np.arange(2**params.bits)
        different = any(values.any() for values in errors.values())
        return [Steps(row, codes) for row in (thresholds if different else thresholds[:1])]


def sar_levels(mismatch: Real, *, bits: int, reference: float, gain: float, split: bool) -> Real:
    """Level that the search compares with at each trial code, half a step below its centre.

    Arguments and result as in `symmetric_levels`; the level of code 0 is never used.
    """
    levels_of = split_levels if split else symmetric_levels
    levels = levels_of(mismatch, bits=bits, reference=reference, gain=gain)
    return np.asarray(levels - reference / 2**bits)


def search_thresholds(levels: Real) -> Real:
    """Current above which a binary search reaches each code from 1 upwards.

    The code of a current is the number of thresholds below it, even where mismatch has upset
    the order of the levels: two currents part ways only where the smaller one turns down.

    Args:
        levels: Levels of the trial codes, shape ``(…, 2**bits)``.

    Returns:
        Thresholds in ascending order, shape ``(…, 2**bits - 1)``.
    """
    codes = np.arange(1, levels.shape[-1])
    thresholds = levels[..., 1:].copy()
    step = codes & -codes
    while np.any(2 * step < levels.shape[-1]):
        step = 2 * step
        # The trial code that the search tried before it came to this one.
        earlier = (codes & ~(2 * step - 1)) + step
        tried = (earlier < levels.shape[-1]) & (step < levels.shape[-1])
        bound = levels[..., np.where(tried, earlier, 0)]
        higher = np.where(codes > earlier, np.maximum(thresholds, bound), thresholds)
        lower = np.where(codes < earlier, np.minimum(higher, bound), higher)
        thresholds = np.where(tried, lower, thresholds)
    return np.asarray(thresholds)
