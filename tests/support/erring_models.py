"""Small models that err, for tests of core that have no other package to take them from."""

from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crosssim_core import CrossSimParameters
from crosssim_core._array import array_namespace, from_host
from crosssim_core.converters import AdcSite
from crosssim_core.devices import Cell
from crosssim_core.parameters import AdcParams, DeviceErrorParams
from crosssim_core.plugins import ModelEntry, hookimpl, register, unregister


@dataclass(frozen=True)
class ErringCell:
    """Programming and reading err by ``magnitude``, independently in each cell."""

    params: DeviceErrorParams
    cell: Cell

    def program(self, g, /, *, noise):
        return g * (1.0 + self.params.magnitude * noise.normal_like(g))

    def read(self, g, /, *, noise):
        return g + self.params.magnitude * noise.normal_like(g)


@dataclass(frozen=True)
class ToldCell:
    """Says what reads give, by ``magnitude`` in proportion, and must not be asked to read."""

    params: DeviceErrorParams
    cell: Cell
    read_is_normal = True

    def read(self, g, /, *, noise):
        raise AssertionError("cells are read one by one")

    def read_moments(self, g, /):
        return g, self.params.magnitude * g


@dataclass(frozen=True)
class StuckCell:
    """Some cells of a chip hold the largest conductance for ever, the others hold their target."""

    params: DeviceErrorParams
    cell: Cell

    def program(self, g, /, *, noise):
        stuck = noise.of_chip("stuck").uniform_like(g) < 0.3
        return array_namespace(g).where(stuck, 1.0 + 0.0 * g, g)


@dataclass(frozen=True)
class LopsidedCell:
    """A current with a quadratic term, so that it is not odd: ``g (v + magnitude v²)``."""

    params: DeviceErrorParams
    cell: Cell
    current_degree = 2

    def current(self, g, v, /):
        return g * (v + self.params.magnitude * v**2)


@dataclass(frozen=True)
class GrowingCell:
    """Like a pair of diodes, which no polynomial describes everywhere."""

    params: DeviceErrorParams
    cell: Cell

    def current(self, g, v, /):
        xp, rate = array_namespace(g), 3.0
        return g * (xp.exp(rate * v) - xp.exp(-rate * v)) / (2 * rate)


@dataclass(frozen=True)
class ThresholdCell:
    """No current up to the voltage ``magnitude``: a line through the origin at many voltages."""

    params: DeviceErrorParams
    cell: Cell

    def current(self, g, v, /):
        xp = array_namespace(g)
        return g * v * xp.astype(xp.abs(v) >= self.params.magnitude, g.dtype)


@dataclass(frozen=True)
class MeteredCell:
    """A bent law that keeps the voltages and currents it was asked for last, by conductances."""

    params: DeviceErrorParams
    cell: Cell
    asked: ClassVar[dict[bytes, tuple[Any, Any]]] = {}

    def current(self, g, v, /):
        current = g * (v + self.params.magnitude * v**3)
        self.asked[g.tobytes()] = (v, current)
        return current


@dataclass(frozen=True)
class SkewedAdc:
    """An ADC whose lines have offsets of their own, drawn once."""

    params: AdcParams
    site: AdcSite
    uniform = None

    def __post_init__(self) -> None:
        offsets = self.site.noise.normal_like(np.zeros(self.site.lines))
        object.__setattr__(self, "offsets", offsets)

    def convert(self, x, /, *, axis, noise):
        offsets = from_host(self.offsets, like=x)
        shape = [1] * x.ndim
        shape[axis] = -1
        return x + 0.1 * array_namespace(x).reshape(offsets, tuple(shape))


@dataclass(frozen=True)
class KeptAdc(SkewedAdc):
    """The same, and hands its offsets over."""

    def errors(self):
        return {"offsets": self.offsets}

    def with_errors(self, errors, /):
        twin = copy(self)
        object.__setattr__(twin, "offsets", errors["offsets"])
        return twin


class Bench:
    @hookimpl
    def crosssim_device_models(self):
        return [
            ModelEntry("bench.erring", "erring_models:ErringCell"),
            ModelEntry("bench.told", "erring_models:ToldCell"),
            ModelEntry("bench.stuck", "erring_models:StuckCell"),
            ModelEntry("bench.lopsided", "erring_models:LopsidedCell"),
            ModelEntry("bench.growing", "erring_models:GrowingCell"),
            ModelEntry("bench.threshold", "erring_models:ThresholdCell"),
            ModelEntry("bench.metered", "erring_models:MeteredCell"),
        ]

    @hookimpl
    def crosssim_adc_models(self):
        return [
            ModelEntry("bench.skewed", "erring_models:SkewedAdc"),
            ModelEntry("bench.kept", "erring_models:KeptAdc"),
        ]


@contextmanager
def bench_installed():
    """While this lasts, models ``bench.*`` can be selected."""
    register(Bench(), "bench")
    try:
        yield
    finally:
        unregister("bench")


def slot(name: str, model: str = "bench.erring", magnitude: float = 0.1) -> dict[str, Any]:
    """Settings that fill the slot ``name`` of a device."""
    record = f"xbar.device.{name}"
    return {
        f"{record}.enable": True,
        f"{record}.model": model,
        f"{record}.magnitude": magnitude,
    }


SKEWED = {
    "xbar.adc.mvm.model": "bench.skewed",
    "xbar.adc.mvm.bits": 8,
    "xbar.adc.mvm.adc_range_option": "MAX",
}

KEPT = SKEWED | {"xbar.adc.mvm.model": "bench.kept"}

STYLES: dict[str, dict[str, Any]] = {
    "one-sided": {},
    "two-sided": {"core.balanced.style": "TWO_SIDED"},
    "levels": {"xbar.device.cell_bits": 3},
    "offset": {"core.style": "OFFSET"},
    "unit line": {"core.style": "OFFSET", "core.offset.style": "UNIT_COLUMN_SUBTRACTION"},
    "slices": {"core.style": "BITSLICED", "core.weight_bits": 8},
    "slices, unit line": {
        "core.style": "BITSLICED",
        "core.weight_bits": 8,
        "core.bit_sliced.style": "OFFSET",
        "core.offset.style": "UNIT_COLUMN_SUBTRACTION",
    },
    "parts": {"core.rows_max": 2, "core.cols_max": 3},
}
"""Ways to hold a matrix, by name."""


def tree(*settings: dict[str, Any], **further: Any) -> CrossSimParameters:
    """Default parameters with ``settings``, by dotted path; ``a__b`` is a path too."""
    params = CrossSimParameters()
    for group in (*settings, {k.replace("__", "."): v for k, v in further.items()}):
        params.update(group)
    return params
