"""Checks of ADC models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosssim_core.converters import AdcSite
from crosssim_core.converters.errors import errors_of, given_errors
from crosssim_core.converters.lines import of_lines
from crosssim_core.numerics.quantize import quantize_uniform
from crosssim_core.parameters import AdcParams
from crosssim_core.random import Stream
from crosssim_core.testing.common import COMMON_CHECKS, SEED
from crosssim_core.testing.subject import Check, Response, Subject, require
from crosssim_core.typing import Array


@dataclass(frozen=True)
class AdcSubject(Subject):
    """An ADC model, its parameters, its range and the lines that it serves."""

    low: float = -2.0
    high: float = 2.0
    lines: int = 12

    @property
    def record(self) -> AdcParams:
        """The parameters; 6 bits if the settings name no other resolution."""
        given = {"bits": 6, "calibrated_range": [self.low, self.high], **self.settings}
        return AdcParams(**{"model": self.model, **given})

    def build(self, seed: int = 0) -> Any:
        """The converters of one chip."""
        noise = Stream.of(seed).child("chip").source()
        return self._factory()(self.record, AdcSite(self.low, self.high, self.lines, noise))

    def responses(self) -> list[Response]:
        """Conversion along the last axis."""
        return [self._response("convert", self._convert)]

    def inputs(self, leading: Sequence[int] = ()) -> np.ndarray[Any, Any]:
        """Currents over the whole range."""
        shape = (*leading, self.lines)
        # An irrational stride, so that currents keep off thresholds.
        share = (np.arange(int(np.prod(shape))) * 0.6180339887498949 + 0.1234) % 1.0
        return (self.low + (self.high - self.low) * share).reshape(shape)

    def extremes(self) -> np.ndarray[Any, Any]:
        """Zero, both ends, and currents beyond them, near and far."""
        low, high, span = self.low, self.high, self.high - self.low
        points = np.array([low - 9e3, low - span, low, 0.0, high, high + span, high + 9e3])
        return np.repeat(points[:, None], self.lines, axis=1)

    def _convert(self, model: Any, x: Array, seed: int) -> Array:
        return self.convert(model, x, -1, seed)

    def convert(self, model: Any, x: Array, axis: int, seed: int = SEED) -> Array:
        """What ``model`` makes of the currents ``x`` with lines along ``axis``."""
        single = Stream.of(seed).child("read").source()
        noise = single if self.record.stochastic_rounding else None
        return model.convert(x, axis=axis, noise=noise)


def check_lines(subject: AdcSubject, /) -> None:
    """Errors belong to lines, wherever they lie, and a batch is converted vector by vector."""
    if subject.record.stochastic_rounding:
        return
    model, x = subject.build(SEED), subject.inputs((4, 3))
    want = subject.convert(model, x, -1)
    for axis in (0, 1, 2):
        moved = np.ascontiguousarray(np.moveaxis(x, -1, axis))
        got = np.moveaxis(subject.convert(model, moved, axis), axis, -1)
        require(
            got.shape == want.shape and np.array_equal(got, want),
            f"convert gives other values where lines lie along axis {axis} of 3",
        )
    alone = np.stack([subject.convert(model, vector, -1) for vector in x.reshape(12, -1)])
    require(
        np.array_equal(alone.reshape(want.shape), want),
        "convert gives other values for a batch than for its vectors one by one",
    )


def check_chips(subject: AdcSubject, /) -> None:
    """What is built once stays: conversions do not change the converter."""
    model, x = subject.build(SEED), subject.inputs((50,))
    first = subject.convert(model, x, -1)
    subject.convert(model, subject.extremes(), -1)
    require(
        np.array_equal(first, subject.convert(model, x, -1)),
        "convert gives other values the second time: errors are drawn while the model is built",
    )


def check_output_range(subject: AdcSubject, /) -> None:
    """Values stay within a step of the range, and saturate beyond it."""
    record = subject.record
    if not record.converts:
        return
    model = subject.build(SEED)
    x = np.concatenate([subject.inputs((200,)), subject.extremes()])
    y = subject.convert(model, x, -1)
    reach = max(abs(subject.low), abs(subject.high)) * (1 + 2.0 ** (1 - record.bits))
    require(
        np.abs(y).max() <= reach,
        f"convert gives {np.abs(y).max():g} on a range from {subject.low:g} to {subject.high:g}",
    )
    far = subject.convert(model, subject.extremes(), -1)
    require(
        np.array_equal(far[0], far[1]) and np.array_equal(far[-1], far[-2]),
        "convert gives different values far beyond the ends of the range",
    )


def check_levels(subject: AdcSubject, /) -> None:
    """There are no more values than codes, and declared levels are those that are used."""
    record = subject.record
    if not record.converts:
        return
    model, x = subject.build(SEED), subject.inputs((20 * 2 ** min(record.bits, 10),))
    y = subject.convert(model, x, -1)
    most = max(np.unique(line).size for line in y.T)
    require(
        most <= 2**record.bits, f"convert gives {most} different values with {record.bits} bits"
    )
    if model.uniform is not None:
        low, high, number = model.uniform
        want = quantize_uniform(x, low=low, high=high, levels=number)
        require(
            np.allclose(y, want, rtol=0, atol=1e-9 * max(abs(low), abs(high))),
            "convert does not round to the levels that uniform declares",
        )


def check_kept_errors(subject: AdcSubject, /) -> None:
    """Errors that are handed over make the same converter of that of any other chip."""
    one, other, x = subject.build(SEED), subject.build(SEED + 1), subject.inputs((50,))
    offered = [name for name in ("errors", "with_errors") if hasattr(one, name)]
    require(len(offered) != 1, f"the model offers {''.join(offered)}, which needs its counterpart")
    if not offered:
        return
    for name, values in one.errors().items():
        plain = isinstance(values, np.ndarray) and values.dtype.kind in "biuf"
        require(plain and name.isidentifier(), f"errors gives {name!r}, no name of real numbers")
    want, before = subject.convert(one, x, -1), subject.convert(other, x, -1)
    twin = given_errors(other, errors_of(one))
    require(
        np.array_equal(subject.convert(twin, x, -1), want),
        "with_errors makes a converter that gives other values than the one that errors is of",
    )
    require(
        np.array_equal(subject.convert(other, x, -1), before),
        "with_errors changes the converter that it is called on",
    )


def check_lines_alone(subject: AdcSubject, /) -> None:
    """Lines that are picked out are converted as they were among the others."""
    model, x = subject.build(SEED), subject.inputs((50,))
    some = list(range(1, subject.lines, 3))
    few = of_lines(model, some)
    if few is None or few is model or subject.record.stochastic_rounding:
        return
    want = subject.convert(model, x, -1)[..., some]
    require(
        np.array_equal(subject.convert(few, x[..., some], -1), want),
        "of_lines makes a converter that gives other values than its lines did",
    )


ADC_CHECKS: tuple[Check, ...] = (
    *COMMON_CHECKS,
    check_lines,
    check_chips,
    check_output_range,
    check_levels,
    check_kept_errors,
    check_lines_alone,
)
"""Every check of an ADC model."""
