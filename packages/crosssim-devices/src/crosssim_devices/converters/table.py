"""ADCs whose errors are static: once they are drawn, a conversion is a look-up in a table."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float
from numpy.typing import NDArray

from crosssim_core.converters import AdcSite
from crosssim_core.errors import ShapeError
from crosssim_core.numerics.lookup import Lookup, look_up, lookup_of
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array
from crosssim_devices.converters.params import CircuitAdcParams
from crosssim_devices.converters.quantizer import check_range

Real = NDArray[np.float64]
Codes = NDArray[np.int64]


class Steps(NamedTuple):
    """A piecewise constant function of the line current that hands out digital codes."""

    thresholds: Real
    """Thresholds in ascending order; one that equals the current is not passed."""
    codes: Codes
    """Code for every number of thresholds passed; one more than there are thresholds."""

    def clipped(self, low: float, high: float) -> "Steps":
        """The function of a current that is first clipped to ``[low, high]``."""
        inside = (self.thresholds >= low) & (self.thresholds < high)
        first = np.count_nonzero(self.thresholds < low)
        return Steps(
            self.thresholds[inside], self.codes[first : first + np.count_nonzero(inside) + 1]
        )


class Table:
    """Steps of several rows of lines, ready for any array library.

    Args:
        rows: One function for each row.
        lines_per_row: Neighbouring lines that share a row.
        bits: Resolution of the codes [bit].
        reference: Reference voltage, in the unit of the currents.
    """

    def __init__(
        self, rows: Sequence[Steps], *, lines_per_row: int, bits: int, reference: float
    ) -> None:
        longest = max(row.codes.size for row in rows)
        width = 1 << (longest - 1).bit_length()
        self.thresholds = np.full((len(rows), width), np.inf)
        codes = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            self.thresholds[i, : row.thresholds.size] = row.thresholds
            codes[i, : row.codes.size] = row.codes
        self.values = value_of(codes, bits=bits, reference=reference)
        self.lines_per_row = lines_per_row
        self._placed: dict[Any, Lookup] = {}

    def look_up(self, x: Float[Array, "*batch"], axis: int) -> Float[Array, "*batch"]:
        """Values that the codes of the currents ``x`` stand for, in the data type of ``x``."""
        return look_up(x, self._like(x), axis=axis, lines_per_row=self.lines_per_row)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_placed": {}}

    def _like(self, x: Array) -> Lookup:
        """The table in the library and on the device of ``x``, in its precision."""
        key = (type(x), str(device(x)), x.dtype)
        if key not in self._placed:
            xp = array_namespace(x)
            real = xp.isdtype(x.dtype, "real floating")
            double = not real or xp.finfo(x.dtype).bits == 64
            thresholds = self.thresholds if double else rounded_down(self.thresholds)
            values = xp.asarray(self.values, device=device(x))
            self._placed[key] = lookup_of(
                xp.asarray(thresholds, device=device(x)),
                xp.astype(values, x.dtype if real else xp.float64),
            )
        return self._placed[key]


@dataclass(frozen=True, slots=True)
class TabulatedAdc(ABC):
    """Common shell of ADCs with static errors.

    With ``bits`` = 0 currents pass unchanged, not even clipped. Otherwise they are clipped to
    the range, and code ``c`` stands for ``V (2 c - 2**bits + 1) / 2**bits``, where the reference
    voltage ``V`` is the larger magnitude of the two ends of the range: there is no level at
    zero, and a range of one sign uses half of the codes.

    Raises:
        ParameterError: The range is empty or reversed, or the record contradicts itself.
    """

    params: CircuitAdcParams
    site: AdcSite
    table: Table | None = field(init=False, repr=False, compare=False)

    uniform: ClassVar[None] = None

    def __post_init__(self) -> None:
        self.params.check_model()
        table = None
        if self.params.bits > 0:
            check_range(self.site.low, self.site.high)
            rows = [steps.clipped(self.site.low, self.site.high) for steps in self.tabulate()]
            table = Table(
                rows,
                lines_per_row=self.group_size if len(rows) > 1 else self.site.lines,
                bits=self.params.bits,
                reference=self.reference,
            )
        object.__setattr__(self, "table", table)

    @abstractmethod
    def tabulate(self) -> list[Steps]:
        """Draw the errors of the chip; codes of each group of lines, or of all if they agree."""

    @property
    def group_size(self) -> int:
        """Neighbouring lines that share a converter."""
        return 1

    @property
    def groups(self) -> int:
        """Number of converters."""
        return -(-self.site.lines // self.group_size)

    @property
    def reference(self) -> float:
        """Reference voltage, in the unit of the currents."""
        return max(abs(self.site.low), abs(self.site.high))

    @property
    def gain(self) -> float:
        """Open-loop voltage gain of the amplifiers [1]."""
        return float(10.0 ** (self.params.gain_db / 20))

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Value that the code of each current stands for [1].

        Args:
            x: Line currents [1]; left unchanged.
            axis: Axis of ``x`` along which the output lines lie.
            noise: Without meaning here; all errors are static.

        Raises:
            ShapeError: ``x`` has another number of lines than the site.
        """
        if self.table is None:
            return x
        if x.shape[axis] != self.site.lines:
            raise ShapeError(
                f"this ADC serves {self.site.lines} lines and got {x.shape[axis]} along axis "
                f"{axis} of currents of shape {tuple(x.shape)}"
            )
        return self.table.look_up(x, axis)


def value_of(codes: Codes, *, bits: int, reference: float) -> Real:
    """Value that codes stand for: odd multiples of ``reference / 2**bits``."""
    return np.asarray(2 * reference * (codes / 2**bits) - reference * (2**bits - 1) / 2**bits)


def rounded_down(x: Real) -> NDArray[np.float32]:
    """``x`` in single precision, towards −∞.

    A single-precision number is above ``x`` just if it is above the result.
    """
    near = x.astype(np.float32)
    return np.where(near > x, np.nextafter(near, np.float32(-np.inf)), near)


def drawn(noise: NoiseSource, shape: tuple[int, ...], deviation: float) -> Real:
    """Normal deviates of a standard deviation; drawn even if it is 0, for the sake of the rest."""
    return deviation * np.asarray(noise.normal_like(np.empty(shape)), dtype=np.float64)
