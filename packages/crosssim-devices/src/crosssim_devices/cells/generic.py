"""Errors without a technology: normal or uniform, of three dependences on conductance.

| | independent | proportional | inverse proportional |
|---|---|---|---|
| normal | ``g + m z`` | ``g (1 + m z)`` | ``g + m z / g`` |
| uniform | ``g + m w`` | ``g (1 + m w)`` | ``g + m w / g`` |

``g`` is the conductance over the largest one [1], ``m`` the ``magnitude`` of the record, ``z`` a
standard normal deviate, ``w`` a uniform deviate of [−½, ½): the magnitude of a uniform model is
its full width. A cell of conductance 0 has no inverse-proportional error.

Source: CrossSim device models of these names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from array_api_compat import array_namespace
from jaxtyping import Float

from crosssim_core.devices import Cell
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import NoiseSource
from crosssim_core.typing import Array


def constant(g: Float[Array, "*cells"], /) -> Float[Array, "*cells"]:
    """1 at every conductance."""
    return array_namespace(g).ones_like(g)


def proportional(g: Float[Array, "*cells"], /) -> Float[Array, "*cells"]:
    """The conductance itself."""
    return g


def inverse(g: Float[Array, "*cells"], /) -> Float[Array, "*cells"]:
    """``1 / g``, and 0 where ``g`` is 0."""
    zero = array_namespace(g).astype(g == 0, g.dtype)
    return (1.0 - zero) / (g + zero)


def normal(g: Float[Array, "*cells"], /, noise: NoiseSource) -> Float[Array, "*cells"]:
    """Standard normal deviates, one for each cell."""
    return noise.normal_like(g)


def centred(g: Float[Array, "*cells"], /, noise: NoiseSource) -> Float[Array, "*cells"]:
    """Uniform deviates of [−½, ½), one for each cell."""
    return noise.uniform_like(g) - 0.5


class Law(NamedTuple):
    """How an error is distributed, and how its size depends on conductance."""

    size: Callable[[Array], Array]
    """Size of the error at a conductance, for magnitude 1 [1]."""
    draw: Callable[[Array, NoiseSource], Array]
    """Deviates of mean 0, one for each cell [1]."""
    deviation: float
    """Standard deviation of the deviates [1]."""


@dataclass(frozen=True, slots=True)
class GenericDevice:
    """Cells with independent errors: magnitude, times size at a conductance, times deviate."""

    params: DeviceErrorParams
    cell: Cell

    law: ClassVar[Law]

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: NoiseSource
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before clipping [1].

        Args:
            g: Target conductance over the largest one [1]; left unchanged.
            noise: Drawn from once.
        """
        return g + self.params.magnitude * self.law.size(g) * self.law.draw(g, noise)

    def read(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance seen by one read of cells that hold ``g``, before clipping [1]."""
        return self.program(g, noise=noise)

    def read_moments(
        self, g: Float[Array, "*cells"], /
    ) -> tuple[Float[Array, "*cells"], Float[Array, "*cells"]]:
        """Mean and standard deviation of `read` [1]."""
        return g, self.params.magnitude * self.law.deviation * abs(self.law.size(g))

    @property
    def read_is_normal(self) -> bool:
        """Whether the distribution of `read` is normal."""
        return self.law.draw is normal


class NormalIndependentDevice(GenericDevice):
    """``g + m z``: standard deviation ``m`` at every conductance."""

    __slots__ = ()
    law = Law(constant, normal, 1.0)


class NormalProportionalDevice(GenericDevice):
    """``g (1 + m z)``: standard deviation ``m g``."""

    __slots__ = ()
    law = Law(proportional, normal, 1.0)


class NormalInverseProportionalDevice(GenericDevice):
    """``g + m z / g``: standard deviation ``m / g``, no error at 0."""

    __slots__ = ()
    law = Law(inverse, normal, 1.0)


class UniformIndependentDevice(GenericDevice):
    """``g + m w``: width ``m`` at every conductance."""

    __slots__ = ()
    law = Law(constant, centred, 12**-0.5)


class UniformProportionalDevice(GenericDevice):
    """``g (1 + m w)``: width ``m g``."""

    __slots__ = ()
    law = Law(proportional, centred, 12**-0.5)


class UniformInverseProportionalDevice(GenericDevice):
    """``g + m w / g``: width ``m / g``, no error at 0."""

    __slots__ = ()
    law = Law(inverse, centred, 12**-0.5)
