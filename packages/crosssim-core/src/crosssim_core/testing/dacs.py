"""Checks of DAC models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosssim_core.converters import DacSite
from crosssim_core.numerics.quantize import quantize_uniform
from crosssim_core.parameters import DacParams
from crosssim_core.testing.common import COMMON_CHECKS
from crosssim_core.testing.subject import Check, Response, Subject, require


@dataclass(frozen=True)
class DacSubject(Subject):
    """A DAC model, its parameters and its scaled input range."""

    low: float = -1.0
    high: float = 1.0

    @property
    def record(self) -> DacParams:
        """The parameters; 6 bits if the settings name no other resolution."""
        given = {"bits": 6, "signed": self.low < 0, **self.settings}
        return DacParams(**{"model": self.model, **given})

    def build(self, seed: int = 0) -> Any:
        """The converter; it draws nothing."""
        return self._factory()(self.record, DacSite(self.low, self.high))

    def responses(self) -> list[Response]:
        """Conversion of scaled inputs."""
        return [self._response("convert", lambda model, x, seed: model.convert(x))]

    def inputs(self, leading: Sequence[int] = ()) -> np.ndarray[Any, Any]:
        """Inputs over the whole range."""
        shape = (*leading, 12)
        # An irrational stride, so that inputs keep off ties.
        share = (np.arange(int(np.prod(shape))) * 0.6180339887498949 + 0.1234) % 1.0
        return (self.low + (self.high - self.low) * share).reshape(shape)

    def extremes(self) -> np.ndarray[Any, Any]:
        """Both ends, the middle, and inputs far beyond."""
        low, high = self.low, self.high
        return np.array([low, high, (low + high) / 2, low - 9e3, high + 9e3])


def check_output_range(subject: DacSubject, /) -> None:
    """Voltages stay within the full scale, and saturate beyond the range."""
    if not subject.record.converts:
        return
    low, high, _, below, above = subject.build().convert(subject.extremes())
    reach = max(abs(subject.low), abs(subject.high), 1.0) + 1e-9
    require(
        max(abs(below), abs(above)) <= reach,
        f"convert gives {below:g} and {above:g} beyond a range from {subject.low:g} to "
        f"{subject.high:g}",
    )
    require(
        low == below and high == above,
        "convert gives other voltages beyond the ends of the range than at them",
    )


def check_levels(subject: DacSubject, /) -> None:
    """There are no more voltages than codes, and declared levels are those that are used."""
    record = subject.record
    if not record.converts:
        return
    model, x = subject.build(), subject.inputs((20 * 2 ** min(record.bits, 10),))
    y = model.convert(x)
    count = np.unique(y).size
    require(
        count <= 2**record.bits, f"convert gives {count} different voltages with {record.bits} bits"
    )
    if model.uniform is not None:
        low, high, number = model.uniform
        want = quantize_uniform(x, low=low, high=high, levels=number)
        require(
            np.allclose(y, want, rtol=0, atol=1e-9),
            "convert does not round to the levels that uniform declares",
        )


def check_digits(subject: DacSubject, /) -> None:
    """Where inputs can be sliced, voltages are whole numbers of the smallest digit."""
    model = subject.build()
    bits = model.magnitude_bits
    require(type(bits) is int and bits >= 0, f"magnitude_bits is {bits!r}, not a count of bits")
    if bits == 0:
        return
    codes = np.abs(model.convert(subject.inputs((40,)))) * (2**bits - 1)
    require(
        np.allclose(codes, np.round(codes), rtol=0, atol=1e-6) and codes.max() < 2**bits,
        f"convert gives voltages that {bits} magnitude bits cannot hold",
    )


DAC_CHECKS: tuple[Check, ...] = (*COMMON_CHECKS, check_output_range, check_levels, check_digits)
"""Every check of a DAC model."""
