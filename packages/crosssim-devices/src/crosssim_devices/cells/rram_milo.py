"""A multilevel resistive memory cell: programming error and nonlinear current.

Source: V. Milo et al., "Optimized programming algorithms for multilevel RRAM in hardware neural
networks", IRPS 2021 (programming: Fig. 4, IGVVA-100; current: Fig. 1). Suggested range 50 to
225 µS.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace
from jaxtyping import Float

from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array
from crosssim_devices.cells.spread import fitted_deviation, microsiemens, polynomial

SPREAD = (4.782321, -0.009107)
"""Coefficients of the standard deviation: of G^0 and G^1 [µS^(1-i)]."""

QUADRATIC = (0.007063, 0.005711, 0.001541, 0.0001388)
"""Coefficients of the current's V² term: of ℓ^0 to ℓ^3 with ℓ = log10(G / S) [A/V²]."""

CUBIC = (1.2968e-3, 6.7919e-4, 8.8710e-5)
"""Coefficients of the current's V³ term: of ℓ^0 to ℓ^2 [A/V³]."""

SMALLEST, LARGEST = 49.99, 225.01
"""Conductances that were measured, with a margin [µS]."""

EDGE = 50e-6
"""Smallest conductance whose current was measured [S]."""

LARGEST_VOLTAGE = 0.5001
"""Largest read voltage at which currents were measured [V]."""

LINEAR_BELOW = 1e-9
"""Conductance below which the current is taken to be linear [S]."""


class RramMiloParams(DeviceErrorParams):
    """What can be chosen about `RramMilo`."""

    newer = frozenset({"keep_shape_below_range"})

    model: str = "RRAMMilo"
    keep_shape_below_range: bool = False
    """Whether cells that errors push below 50 µS keep the relative nonlinearity of 50 µS. If not,
    the fit is extrapolated as in CrossSim 3.2; from about 31 µS down its current is negative at
    +0.5 V."""


@dataclass(frozen=True, slots=True)
class RramMilo:
    """Programming error and nonlinear current of a resistive memory cell.

    Raises:
        ParameterError: Conductances ``1 / Rmax`` to ``1 / Rmin`` leave 50 to 225 µS.
    """

    params: RramMiloParams
    cell: Cell

    current_degree: ClassVar[int] = 3

    def __post_init__(self) -> None:
        largest = microsiemens(self.cell)
        smallest = largest * self.cell.g_min
        if largest > LARGEST or smallest < SMALLEST:
            raise ParameterError(
                f"RRAMMilo is measured from {SMALLEST:g} to {LARGEST:g} µS, so it knows no "
                f"infinite on/off ratio; Rmin = {self.cell.Rmin:g} Ω and Rmax = "
                f"{self.cell.Rmax:g} Ω give {smallest:g} to {largest:g} µS"
            )

    def check_slot(self, slot: str) -> None:
        """Refuse the slot ``nonlinear_IV`` at voltages that were not measured.

        Raises:
            ParameterError: ``Vread`` exceeds 0.5 V.
        """
        if slot == "nonlinear_IV" and self.cell.Vread > LARGEST_VOLTAGE:
            raise ParameterError(
                f"currents of RRAMMilo are measured up to 0.5 V; Vread is {self.cell.Vread:g} V"
            )

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: NoiseSource
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before clipping [1]."""
        return g + fitted_deviation(g, self.cell, SPREAD) * noise.normal_like(g)

    def doubts(self, g: Float[Array, "*cells"], /) -> Iterator[str]:
        """Currents of cells that hold less than 50 µS, which errors can bring about."""
        if not bool(array_namespace(g).any(g * microsiemens(self.cell) < SMALLEST)):
            return
        advice = "clip_conductance = True keeps cells within their range."
        if self.params.keep_shape_below_range:
            said = "is taken to bend as at 50 µS"
        else:
            said = "is extrapolated and changes sign at about 31 µS"
            advice = f"keep_shape_below_range = True keeps the shape of 50 µS, {advice}"
        yield (
            f"errors have pushed cells below 50 µS, where RRAMMilo was not measured and the "
            f"current {said}. {advice}"
        )

    def current(
        self, g: Float[Array, "*cells"], v: Float[Array, "*cells"], /
    ) -> Float[Array, "*cells"]:
        """``I = G V + NL2(G) V² + NL3(G) V³`` over the full-scale current [1].

        Args:
            g: Conductance over the largest one [1].
            v: Voltage over ``Vread`` [1].

        Raises:
            ParameterError: As in `check_slot`.
        """
        self.check_slot("nonlinear_IV")
        floor = EDGE if self.params.keep_shape_below_range else 0.0
        quadratic, cubic = nonlinearity(g / self.cell.Rmin, floor)
        voltage = self.cell.Vread
        bend = (quadratic + voltage * cubic * v) * (voltage * self.cell.Rmin)
        return (g + bend * v) * v


def nonlinearity(
    conductance: Float[Array, "*cells"], floor: float = 0.0, /
) -> tuple[Float[Array, "*cells"], Float[Array, "*cells"]]:
    """Coefficients of V² [A/V²] and V³ [A/V³] of the current at a conductance [S].

    Below ``floor`` [S] they are in proportion to the conductance.
    """
    xp = array_namespace(conductance)
    # Terms cancel by two decimals.
    exact = xp.astype(conductance, xp.float64)
    fitted = xp.clip(exact, floor, None)
    decade = xp.log10(fitted + 1e-16)
    share = xp.astype(exact >= LINEAR_BELOW, xp.float64)
    if floor > 0:
        share = exact / fitted
    quadratic, cubic = (share * polynomial(decade, fit) for fit in (QUADRATIC, CUBIC))
    return xp.astype(quadratic, conductance.dtype), xp.astype(cubic, conductance.dtype)
