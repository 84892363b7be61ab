"""A memory cell as measured: its statistics are interpolated from a table."""

from dataclasses import dataclass, field
from typing import ClassVar

from array_api_compat import array_namespace
from jaxtyping import Float

from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array
from crosssim_devices.measured.curve import Curve, at_time
from crosssim_devices.measured.table import Measurements, read_measurements

MARGIN = 1e-6
"""Part of the largest conductance by which a range may exceed the measured one [1]."""


class MeasuredDeviceParams(DeviceErrorParams):
    """Where the measurements are."""

    model: str = "MeasuredDevice"
    file: str = ""
    """CSV file, see `crosssim_devices.measured.table`; a relative path starts at the working
    directory. ``xbar.device.time`` is in the unit of its column ``time``."""

    def check(self) -> None:
        """Apply the rules of every record, and ask for a file that can be read."""
        super().check()
        if not self.enable:
            return
        if not self.file:
            raise ParameterError("MeasuredDevice needs a CSV file of measurements.", "file")
        try:
            read_measurements(self.file)
        except ParameterError as error:
            raise ParameterError(error.message, "file") from None


@dataclass(frozen=True, slots=True)
class MeasuredDevice:
    """Programming error, drift and read noise of measured cells, all taken to be normal.

    Mean and standard deviation are interpolated between times, then between targets, by monotone
    cubics. Programming error is that of the first measured time; until then nothing drifts. Read
    noise is told by the conductance that a cell holds: the mean that belongs to a target at
    ``Cell.time``. Beyond the measured range the shift of the mean and the deviations stay what
    they are at its ends.

    Raises:
        ParameterError: The file cannot be used, or the range of the cell exceeds the measured one.
    """

    params: MeasuredDeviceParams
    cell: Cell
    measurements: Measurements = field(init=False, repr=False, compare=False)

    read_is_normal: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.params.file:
            raise ParameterError("MeasuredDevice needs a CSV file of measurements.", "file")
        table = read_measurements(self.params.file)
        object.__setattr__(self, "measurements", table)
        largest = 1.0 / self.cell.Rmin
        smallest, low, high = largest * self.cell.g_min, table.targets[0], table.targets[-1]
        if smallest < low - MARGIN * largest or largest > high + MARGIN * largest:
            raise ParameterError(
                f"{table.source} has targets from {1e6 * low:g} to {1e6 * high:g} µS; Rmin = "
                f"{self.cell.Rmin:g} Ω and Rmax = {self.cell.Rmax:g} Ω give {1e6 * smallest:g} to "
                f"{1e6 * largest:g} µS"
            )

    def check_slot(self, slot: str) -> None:
        """Refuse times and kinds of noise that were not measured.

        Raises:
            ParameterError: ``Cell.time`` lies after the last measurement, or the table has no
                read noise.
        """
        table = self.measurements
        if slot == "read_noise" and table.read_noise is None:
            raise ParameterError(f"{table.source} has no column 'read noise'")
        last = float(table.times[-1])
        if slot in ("drift_error", "read_noise") and self.cell.time > last:
            raise ParameterError(
                f"{table.source} ends {last:g} {table.time_unit} after programming; the time is "
                f"{self.cell.time:g} {table.time_unit}"
            )

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: NoiseSource
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before clipping [1]."""
        return self._written(g, float(self.measurements.times[0]), noise)

    def drift(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance at ``Cell.time`` after ``g`` was aimed at, before clipping [1].

        Raises:
            ParameterError: As in `check_slot`.
        """
        self.check_slot("drift_error")
        return self._written(g, self.cell.time, noise)

    def read(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance seen by one read of cells that hold ``g``, before clipping [1].

        Raises:
            ParameterError: As in `check_slot`.
        """
        _, deviation = self.read_moments(g)
        return g + deviation * noise.normal_like(g)

    def read_moments(
        self, g: Float[Array, "*cells"], /
    ) -> tuple[Float[Array, "*cells"], Float[Array, "*cells"]]:
        """Mean and standard deviation of `read` [1].

        Raises:
            ParameterError: As in `check_slot`.
        """
        self.check_slot("read_noise")
        return g, self._of(read_noise_curve(self.measurements, self.cell.time), g)

    def _written(self, g: Array, time: float, noise: NoiseSource) -> Array:
        mean, deviation = statistics_curves(self.measurements, time)
        xp, largest = array_namespace(g), 1.0 / self.cell.Rmin
        low, high = (float(t) / largest for t in self.measurements.targets[[0, -1]])
        shift = self._of(mean, g) - xp.clip(g, low, high)
        return g + shift + self._of(deviation, g) * noise.normal_like(g)

    def _of(self, curve: Curve, g: Array) -> Array:
        """A conductance that follows from a conductance, both over the largest one [1]."""
        xp = array_namespace(g)
        siemens = curve(xp.astype(g, xp.float64) / self.cell.Rmin)
        return xp.astype(siemens * self.cell.Rmin, g.dtype)


def statistics_curves(table: Measurements, time: float) -> tuple[Curve, Curve]:
    """Mean and standard deviation at ``time``, as functions of the target [S]."""
    mean, deviation = (at_time(table.times, v, time) for v in (table.mean, table.deviation))
    return Curve.through(table.targets, mean), Curve.through(table.targets, deviation)


def read_noise_curve(table: Measurements, time: float) -> Curve:
    """Standard deviation of reads at ``time``, as a function of the conductance held [S].

    Raises:
        ParameterError: It was not measured.
    """
    if table.read_noise is None:
        raise ParameterError(f"{table.source} has no column 'read noise'")
    held = at_time(table.times, table.mean, time)
    return Curve.through(held, at_time(table.times, table.read_noise, time))
