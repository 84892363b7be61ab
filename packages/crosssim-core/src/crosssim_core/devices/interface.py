"""What a device model is told, and what it may offer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float

from crosssim_core.random import NoiseSource, ProgrammingNoise
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class Cell:
    """The memory cell of one array, in physical units.

    Conductances inside the simulator are in units of the largest one, ``1 / Rmin``.
    """

    Rmin: float
    """Resistance at the largest conductance [Ω]."""
    Rmax: float
    """Resistance at the smallest conductance [Ω]; infinite with an infinite on/off ratio."""
    Vread: float = 0.1
    """Read voltage of a full-scale input [V]."""
    time: float = 0.0
    """Time since programming, in the unit of the model (days for SONOS)."""

    @property
    def g_min(self) -> float:
        """Smallest programmable conductance over the largest [1]."""
        return self.Rmin / self.Rmax

    @property
    def g_range(self) -> float:
        """Programmable range over the largest conductance [1]."""
        return 1.0 - self.g_min


@runtime_checkable
class ProgramsCells(Protocol):
    """A device model that can fill the slot ``programming_error``."""

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at [1]; ``g`` is left unchanged.

        The caller clips the result; a model returns what its equations say.

        Args:
            g: Target conductance over the largest one [1]. The last two axes are the columns
                and the rows of an array: one column adds up one output of A·x, one row is driven
                by one input. Axes before them count arrays of the same size.
            noise: Where deviates come from. Those of ``noise`` itself are fresh at each
                programming (cycle to cycle); those of ``noise.of_chip(name)`` are the same each
                time (device to device, faults).
        """


@runtime_checkable
class DriftsCells(Protocol):
    """A device model that can fill the slot ``drift_error``."""

    def drift(
        self, g: Float[Array, "*cells"], /, *, noise: ProgrammingNoise
    ) -> Float[Array, "*cells"]:
        """Conductance at ``Cell.time`` after ``g`` was aimed at, programming error included [1].

        Arguments as for `ProgramsCells.program`.
        """


@runtime_checkable
class ReadsCells(Protocol):
    """A device model that can fill the slot ``read_noise``."""

    def read(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance seen by one read of cells that hold ``g`` [1]."""


@runtime_checkable
class DeclaresReadMoments(ReadsCells, Protocol):
    """A device model whose read noise is known in closed form.

    Cells err independently of each other and of other reads. So the noise of a line current is
    a sum with known mean and variance, and one deviate for each output can replace a fresh
    array for each vector. Declare moments only if `read` has exactly these.
    """

    @property
    def read_is_normal(self) -> bool:
        """Whether the distribution of `read` is normal, hence clipped moments are known too.

        If not, the moments of a line are still exact and its distribution is normal only in
        the limit of many cells.
        """

    def read_moments(
        self, g: Float[Array, "*cells"], /
    ) -> tuple[Float[Array, "*cells"], Float[Array, "*cells"]]:
        """Mean and standard deviation of `read` for cells that hold ``g``, before clipping [1]."""


@runtime_checkable
class ChecksItsSlot(Protocol):
    """A device model that can fill a slot only under conditions on its cell."""

    def check_slot(self, slot: str) -> None:
        """Accept a slot: programming_error, drift_error, read_noise or nonlinear_IV.

        Called once, when the model is built for that slot.

        Raises:
            ParameterError: The cell is outside what the model can say there.
        """


@runtime_checkable
class ConductsNonlinearly(Protocol):
    """A device model that can fill the slot ``nonlinear_IV``."""

    def current(
        self, g: Float[Array, "*cells"], v: Float[Array, "*cells"], /
    ) -> Float[Array, "*cells"]:
        """Cell current over the full-scale current ``Vread / Rmin``, at voltage ``v`` [1].

        Cells without conductance carry no current. On ideal wires it is evaluated for each cell
        and vector, unless the model also `DeclaresItsDegree`.
        """


@runtime_checkable
class DeclaresItsDegree(ConductsNonlinearly, Protocol):
    """A device model whose current is a polynomial of the voltage, at every conductance.

    Then the currents of all cells of a line, on ideal wires, are a few products of matrices.
    Declare a degree only if `current` is that polynomial at all voltages: a law with a threshold,
    a limit or an exponential is none, however close one may come.
    """

    @property
    def current_degree(self) -> int | None:
        """Degree of `current` in ``v``, or more; None if it is no polynomial of this cell."""


@runtime_checkable
class DoubtsCells(Protocol):
    """A device model that was not measured at all conductances that errors can lead to."""

    def doubts(self, g: Float[Array, "*cells"], /) -> Iterable[str]:
        """What a user should know about reads of cells that hold ``g`` [1].

        Asked in the slots ``read_noise`` and ``nonlinear_IV``, each time cells were written; each
        doubt becomes a warning. One wording for all numbers keeps it from being repeated.
        """
