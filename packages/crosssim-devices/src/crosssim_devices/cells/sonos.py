"""SONOS: a 40 nm charge-trap memory cell.

Source: V. Agrawal et al., "Subthreshold operation of SONOS analog memory to enable accurate
low-power neural network inference", IEDM 2022, 21.7.1-21.7.4 (drift: Fig. 10(b), variability:
Fig. 10(a), read noise: Fig. 11(b)). Its authors suggest an on/off ratio of 1e7 and at most 16 µS.
"""

import warnings
from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace
from jaxtyping import Float

from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError, ParameterWarning
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array
from crosssim_devices.cells.spread import polynomial

READ_NOISE = (12.58037, 215.36557)
"""Amplitude and characteristic current of the read noise [nA]."""

SPREAD = (
    (19.88665, 176.3115),
    (25.59102, 186.85544),
    (28.72753, 193.56834),
    (31.04318, 198.90332),
    (33.76214, 204.77023),
    (34.57909, 207.34309),
)
"""Amplitude and characteristic current of the spread, 0 to 5 days after programming [nA]."""

SHIFT: tuple[tuple[float, ...], ...] = (
    (0.0,) * 11,
    (
        *(1.72684e-01, 5.72552e-02, -6.85715e-04, 3.50271e-06, -9.37682e-09, 1.40575e-11),
        *(-1.19803e-14, 5.41293e-18, -8.85448e-22, -1.66869e-25, 5.95180e-29),
    ),
    (
        *(2.50712e-01, 6.62195e-02, -6.83218e-04, 2.99442e-06, -6.78255e-09, 7.70482e-12),
        *(-3.04983e-15, -2.15919e-18, 2.94617e-21, -1.23359e-24, 1.85329e-28),
    ),
    (
        *(-1.75300e-02, 9.76883e-02, -9.63791e-04, 4.55551e-06, -1.22391e-08, 1.93786e-11),
        *(-1.85899e-14, 1.07659e-17, -3.58211e-21, 5.96785e-25, -3.30410e-29),
    ),
    (
        *(4.03338e-02, 1.03111e-01, -1.04740e-03, 4.83961e-06, -1.28132e-08, 1.99484e-11),
        *(-1.85139e-14, 1.00008e-17, -2.84944e-21, 3.01008e-25, 1.18747e-29),
    ),
    (
        *(3.19927e-01, 1.06596e-01, -1.04054e-03, 4.50290e-06, -1.10352e-08, 1.56477e-11),
        *(-1.27592e-14, 5.45513e-18, -7.26841e-22, -2.43893e-25, 7.14608e-29),
    ),
)
"""Coefficients of the mean shift, 0 to 5 days after programming: of I^0 to I^10 [nA^(1-i)]."""

LARGEST_CURRENT = 3200.0
"""The measurements reach up to here [nA]."""

LARGEST_DRIFTING_CURRENT = 1800.0
"""The drift measurements stay below this [nA]."""

LAST_DAY = 5.0
"""The drift measurements end here [d]."""


@dataclass(frozen=True, slots=True)
class Sonos:
    """Programming error, drift and read noise of a SONOS cell; ``Cell.time`` is in days.

    Raises:
        ParameterError: The largest current ``Vread / Rmin`` exceeds 3200 nA.
    """

    params: DeviceErrorParams
    cell: Cell

    read_is_normal: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self._largest > LARGEST_CURRENT:
            raise ParameterError(
                f"SONOS is measured up to {LARGEST_CURRENT:g} nA; Vread / Rmin = "
                f"{self.cell.Vread:g} V / {self.cell.Rmin:g} Ω gives {self._largest:g} nA"
            )

    def check_slot(self, slot: str) -> None:
        """Refuse the slot ``drift_error`` where there are no measurements.

        Raises:
            ParameterError: The time is negative, or it is positive and the largest current
                reaches 1800 nA.
        """
        if slot != "drift_error":
            return
        if self.cell.time < 0:
            raise ParameterError(f"time must not be negative, it is {self.cell.time:g} d")
        if self.cell.time > 0 and self._largest >= LARGEST_DRIFTING_CURRENT:
            raise ParameterError(
                f"drift of SONOS is measured below {LARGEST_DRIFTING_CURRENT:g} nA; Vread / Rmin "
                f"= {self.cell.Vread:g} V / {self.cell.Rmin:g} Ω gives {self._largest:g} nA"
            )

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: NoiseSource
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before clipping [1]."""
        return g + self._deviation(g, *SPREAD[0]) * noise.normal_like(g)

    def drift(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance at ``Cell.time`` after ``g`` was aimed at, before clipping [1].

        Between measured days the coefficients are interpolated; after the fifth they are
        extrapolated, with a `ParameterWarning`.

        Raises:
            ParameterError: As in `check_slot`.
        """
        self.check_slot("drift_error")
        time = self.cell.time
        if time > LAST_DAY:
            warnings.warn(
                f"drift of SONOS is measured for {LAST_DAY:g} days; at {time:g} days it is "
                "extrapolated",
                ParameterWarning,
                stacklevel=2,
            )
        xp = array_namespace(g)
        # Terms of the polynomial cancel by four decimals.
        current = self._largest * xp.astype(g, xp.float64)
        mean = current + polynomial(current, at_time(SHIFT, time))
        spread = saturating(mean, *at_time(SPREAD, time))
        mean, spread = (xp.astype(i / self._largest, g.dtype) for i in (mean, spread))
        return mean + spread * noise.normal_like(g)

    def read(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance seen by one read of cells that hold ``g``, before clipping [1]."""
        return g + self._deviation(g, *READ_NOISE) * noise.normal_like(g)

    def read_moments(
        self, g: Float[Array, "*cells"], /
    ) -> tuple[Float[Array, "*cells"], Float[Array, "*cells"]]:
        """Mean and standard deviation of `read` [1]."""
        return g, self._deviation(g, *READ_NOISE)

    @property
    def _largest(self) -> float:
        """Current of the largest conductance [nA]."""
        return 1e9 * self.cell.Vread / self.cell.Rmin

    def _deviation(self, g: Array, amplitude: float, characteristic: float) -> Array:
        current = self._largest * g
        return saturating(current, amplitude, characteristic) / self._largest


def at_time(table: tuple[tuple[float, ...], ...], time: float) -> tuple[float, ...]:
    """Rows of ``table``, one for each day, interpolated at ``time`` [d]."""
    day = min(int(time), len(table) - 2)
    part = time - day
    pairs = zip(table[day], table[day + 1], strict=True)
    return tuple((1.0 - part) * before + part * after for before, after in pairs)


def saturating(current: Array, amplitude: float, characteristic: float) -> Array:
    """``max(A (1 − exp(−I / B)), 0)`` [nA]."""
    xp = array_namespace(current)
    return xp.clip(-amplitude * xp.expm1(current / -characteristic), 0.0, None)
