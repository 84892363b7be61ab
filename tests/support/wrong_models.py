"""Models that are right, and models that are wrong in one way, for tests of the conformance kit."""

import copy
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import array_api_compat
import numpy as np

from crosssim_core.converters import UniformLevels
from crosssim_core.errors import ParameterError, UnsupportedError
from crosssim_core.numerics.quantize import quantize_uniform
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins import ModelEntry, hookimpl, register, unregister

CALLS = count(1)
PATTERN = np.random.default_rng(1).standard_normal(10_000)
GLOBAL = np.random.default_rng(2)


class SpreadParams(DeviceErrorParams):
    model: str = "wrong.RightDevice"
    spread: float = 0.05


class ForgetfulParams(DeviceErrorParams):
    model: str = "wrong.Forgetful"
    spread: float = 0.05

    def to_dict(self) -> dict[str, Any]:
        return {k: v for k, v in super().to_dict().items() if k != "spread"}


@dataclass
class RightDevice:
    """Programs, drifts, reads and conducts without fault."""

    params: Any
    cell: Any

    read_is_normal = True

    def program(self, g, /, *, noise):
        return g + 0.05 * noise.normal_like(g)

    def drift(self, g, /, *, noise):
        return self.program(0.9 * g, noise=noise)

    def read(self, g, /, *, noise):
        return g + 0.01 * noise.normal_like(g)

    def read_moments(self, g, /):
        return g, 0.01 + 0.0 * g

    def current(self, g, v, /):
        return g * v


class Forgetful(RightDevice):
    """Its parameters do not survive JSON."""


class OtherShape(RightDevice):
    def program(self, g, /, *, noise):
        return super().program(g, noise=noise)[0, ...]


class AlwaysDouble(RightDevice):
    def program(self, g, /, *, noise):
        xp = array_api_compat.array_namespace(g)
        return xp.astype(super().program(g, noise=noise), xp.float64)


class Imprecise(RightDevice):
    def program(self, g, /, *, noise):
        return (super().program(g, noise=noise) + 1e4) - 1e4


class AlwaysNumpy(RightDevice):
    def program(self, g, /, *, noise):
        return np.asarray(super().program(g, noise=noise))


class NumpyMethods(RightDevice):
    def program(self, g, /, *, noise):
        return super().program(g, noise=noise).clip(0.0, 1.0).astype(g.dtype)


class InPlace(RightDevice):
    def drift(self, g, /, *, noise):
        g *= 0.9
        return self.program(g, noise=noise)


class OwnGenerator(RightDevice):
    def program(self, g, /, *, noise):
        return g + 0.05 * GLOBAL.standard_normal()


class FixedPattern(RightDevice):
    def program(self, g, /, *, noise):
        xp = array_api_compat.array_namespace(g)
        size = int(np.prod(g.shape))
        pattern = xp.reshape(xp.asarray(PATTERN[:size].copy(), dtype=g.dtype), g.shape)
        return g + 0.05 * pattern


class Infinite(RightDevice):
    def read(self, g, /, *, noise):
        xp = array_api_compat.array_namespace(g)
        with np.errstate(all="ignore"):
            return g + 0.01 * noise.normal_like(g) / xp.where(g < 0.01, 0.0 * g, g)


class Microsiemens(RightDevice):
    def program(self, g, /, *, noise):
        return super().program(1e6 / self.cell.Rmin * g, noise=noise)


class Siemens(RightDevice):
    def program(self, g, /, *, noise):
        return super().program(g, noise=noise) / self.cell.Rmin


class OneScale(RightDevice):
    def program(self, g, /, *, noise):
        mean = array_api_compat.array_namespace(g).mean
        return super().program(g * (0.5 + 0.0 * g) / mean(g), noise=noise)


class OneDeviate(RightDevice):
    def program(self, g, /, *, noise):
        return g + 0.05 * noise.normal_like(g[..., :1, :1])


class OneDeviatePerColumn(RightDevice):
    def program(self, g, /, *, noise):
        return g + 0.05 * noise.normal_like(g[..., :1])


class SameReads(RightDevice):
    """Draws from the noise that it is handed in, at its first read only."""

    drawn: Any = None

    def read(self, g, /, *, noise):
        if self.drawn is None or self.drawn.shape != g.shape:
            self.drawn = noise.normal_like(g)
        return g + 0.01 * self.drawn


class Remembers(RightDevice):
    """Errs at every programming as it did at the first one of arrays of that shape."""

    drawn: Any = None

    def program(self, g, /, *, noise):
        if self.drawn is None or self.drawn.shape != g.shape:
            self.drawn = noise.normal_like(g)
        return g + 0.05 * self.drawn


class WrongMean(RightDevice):
    def read_moments(self, g, /):
        return 1.01 * g, 0.01 + 0.0 * g


class WrongDeviation(RightDevice):
    def read_moments(self, g, /):
        return g, 0.011 + 0.0 * g


class ReadsOnly:
    """Has read noise of unknown moments."""

    def __init__(self, params, cell):
        pass

    def read(self, g, /, *, noise):
        return g + 0.01 * noise.normal_like(g)


class NotNormal(RightDevice):
    def read(self, g, /, *, noise):
        return g + 0.01 * 12**0.5 * (noise.uniform_like(g) - 0.5)


class Leaks(RightDevice):
    def current(self, g, v, /):
        return g * (v + 0.01)


class SharesVoltages(RightDevice):
    def current(self, g, v, /):
        return g * v * (1.0 + array_api_compat.array_namespace(v).max(v))


class Threshold(RightDevice):
    """A straight line, but for voltages below a threshold."""

    current_degree = 3

    def current(self, g, v, /):
        xp = array_api_compat.array_namespace(v)
        return g * v * xp.astype(xp.abs(v) >= 0.3, g.dtype)


class DegreeTooLow(RightDevice):
    current_degree = 2

    def current(self, g, v, /):
        return g * (v - 0.1 * v**3)


class NoDegree(RightDevice):
    current_degree = 0


class OffersNothing:
    def __init__(self, params, cell):
        pass


class RefusesSlots(RightDevice):
    def check_slot(self, slot):
        raise UnsupportedError(slot)


class RefusesCell(RightDevice):
    def __init__(self, params, cell):
        raise ParameterError("the cell is too large")


class NotPicklable(RightDevice):
    def __getstate__(self):
        raise pickle.PicklingError("holds an open file")


class OtherCopy(RightDevice):
    def __deepcopy__(self, memo):
        return Microsiemens(self.params, self.cell)


def no_device(params, cell):
    """A factory that forgets to return its model."""


@dataclass
class RightAdc:
    """Offsets of each line, then rounding within the range."""

    params: Any
    site: Any

    uniform = None

    def __post_init__(self):
        self.offsets = 0.01 * self.site.noise.normal_like(np.zeros(self.site.lines))

    def convert(self, x, /, *, axis, noise):
        xp = array_api_compat.array_namespace(x)
        shape = [1] * x.ndim
        shape[axis] = self.site.lines
        offsets = xp.reshape(xp.asarray(self.offsets.copy(), dtype=x.dtype), tuple(shape))
        return self.rounded(x + offsets, 2**self.params.bits)

    def rounded(self, x, levels):
        return quantize_uniform(x, low=self.site.low, high=self.site.high, levels=levels)


class KeepingAdc(RightAdc):
    """Hands its offsets over."""

    def errors(self):
        return {"offsets": self.offsets}

    def with_errors(self, errors, /):
        twin = copy.copy(self)
        twin.offsets = errors["offsets"]
        return twin


class PickingAdc(RightAdc):
    """Tells its lines apart."""

    def of_lines(self, lines, /):
        few = copy.copy(self)
        few.site = replace(self.site, lines=len(lines))
        few.offsets = self.offsets[list(lines)]
        return few


class FirstLines(PickingAdc):
    def of_lines(self, lines, /):
        return super().of_lines(range(len(lines)))


class OnlyTells(RightAdc):
    def errors(self):
        return {"offsets": self.offsets}


class ForgetsErrors(KeepingAdc):
    def with_errors(self, errors, /):
        return copy.copy(self)


class GivesAway(KeepingAdc):
    def with_errors(self, errors, /):
        self.offsets = errors["offsets"]
        return self


class OddName(KeepingAdc):
    def errors(self):
        return {"offsets of lines": self.offsets}


class InPlaceAdc(RightAdc):
    def convert(self, x, /, *, axis, noise):
        x += 0.01
        return super().convert(x, axis=axis, noise=noise)


class DoubleAdc(RightAdc):
    def convert(self, x, /, *, axis, noise):
        xp = array_api_compat.array_namespace(x)
        return xp.astype(super().convert(x, axis=axis, noise=noise), xp.float64)


class OwnOffsets(RightAdc):
    def __post_init__(self):
        self.offsets = 0.1 * GLOBAL.standard_normal(self.site.lines)


class LastAxis(RightAdc):
    """Looks for its lines along the last axis, wherever they are."""

    def convert(self, x, /, *, axis, noise):
        missing = self.site.lines - x.shape[-1]
        self.offsets = self.offsets[: -missing or None]
        axis = axis if missing else -1
        return super().convert(x, axis=axis, noise=noise) if not missing else 2.0 * x


class WholeBatch(RightAdc):
    """Converts relative to the largest current of a batch."""

    def convert(self, x, /, *, axis, noise):
        peak = array_api_compat.array_namespace(x).max(x)
        return super().convert(x - 0.1 * peak, axis=axis, noise=noise)


class Restless(RightAdc):
    def convert(self, x, /, *, axis, noise):
        return self.rounded(x + 0.1 * next(CALLS) % 0.7, 2**self.params.bits)


class Unlimited(RightAdc):
    def convert(self, x, /, *, axis, noise):
        step = (self.site.high - self.site.low) / (2**self.params.bits - 1)
        return step * array_api_compat.array_namespace(x).round(x / step)


class TooManyLevels(RightAdc):
    def convert(self, x, /, *, axis, noise):
        return self.rounded(x, 2 ** (self.params.bits + 1))


class WrongLevels(RightAdc):
    @property
    def uniform(self):
        return UniformLevels(self.site.low, self.site.high, 2**self.params.bits - 1)


@dataclass
class RightDac:
    """Rounds to the levels of a sign and a magnitude."""

    params: Any
    site: Any

    @property
    def uniform(self):
        return UniformLevels(-1.0, 1.0, 2**self.params.bits - 1)

    @property
    def magnitude_bits(self):
        return self.params.bits - 1

    def convert(self, x, /):
        return quantize_uniform(x, low=-1.0, high=1.0, levels=2**self.params.bits - 1)


class NumpyDac(RightDac):
    def convert(self, x, /):
        return np.asarray(super().convert(x))


class FlatDac(RightDac):
    def convert(self, x, /):
        return array_api_compat.array_namespace(x).reshape(super().convert(x), (-1,))


class UnlimitedDac(RightDac):
    uniform = None
    magnitude_bits = 0

    def convert(self, x, /):
        return x


class ContinuousDac(UnlimitedDac):
    def convert(self, x, /):
        return array_api_compat.array_namespace(x).clip(x, -1.0, 1.0)


class WrongDacLevels(RightDac):
    @property
    def uniform(self):
        return UniformLevels(-1.0, 1.0, 2**self.params.bits)


class WrongDigits(RightDac):
    @property
    def magnitude_bits(self):
        return self.params.bits


class HalfDigits(RightDac):
    magnitude_bits = 2.5


RECORDS = {"RightDevice": "SpreadParams", "Forgetful": "ForgetfulParams"}


def entry(name: str) -> ModelEntry:
    """The class or function ``name`` of this file as the model ``wrong.NAME``."""
    record = RECORDS.get(name)
    place = f"{__name__}:{record}" if record else ""
    return ModelEntry(f"wrong.{name}", f"{__name__}:{name}", place)


@contextmanager
def registered(*, devices: Any = (), adcs: Any = (), dacs: Any = ()) -> Iterator[None]:
    """While this lasts, the objects of this file that are named can be selected as models."""

    class Plugin:
        @hookimpl
        def crosssim_device_models(self) -> list[ModelEntry]:
            return [entry(name) for name in devices]

        @hookimpl
        def crosssim_adc_models(self) -> list[ModelEntry]:
            return [entry(name) for name in adcs]

        @hookimpl
        def crosssim_dac_models(self) -> list[ModelEntry]:
            return [entry(name) for name in dacs]

    register(Plugin(), "wrong")
    try:
        yield
    finally:
        unregister("wrong")
