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
from typing import ClassVar

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


@dataclass(frozen=True, slots=True)
class GenericError:
    """An error of independent cells: magnitude, times size at a conductance, times deviate."""

    params: DeviceErrorParams
    cell: Cell

    size: ClassVar[Callable[[Array], Array]]
    deviates: ClassVar[Callable[[Array, NoiseSource], Array]]
    deviation: ClassVar[float]
    """Standard deviation of the deviates [1]."""

    def program(
        self, g: Float[Array, "*cells"], /, *, noise: NoiseSource
    ) -> Float[Array, "*cells"]:
        """Conductance reached when ``g`` is aimed at, before clipping [1].

        Args:
            g: Target conductance over the largest one [1]; left unchanged.
            noise: Drawn from once.
        """
        return g + self.params.magnitude * self.size(g) * self.deviates(g, noise)

    def read(self, g: Float[Array, "*cells"], /, *, noise: NoiseSource) -> Float[Array, "*cells"]:
        """Conductance seen by one read of cells that hold ``g``, before clipping [1]."""
        return self.program(g, noise=noise)

    def read_moments(
        self, g: Float[Array, "*cells"], /
    ) -> tuple[Float[Array, "*cells"], Float[Array, "*cells"]]:
        """Mean and standard deviation of `read` [1]."""
        return g, self.params.magnitude * self.deviation * abs(self.size(g))


class NormalError(GenericError):
    """An error with normal deviates."""

    __slots__ = ()
    deviates = staticmethod(normal)
    deviation = 1.0
    read_is_normal = True


class UniformError(GenericError):
    """An error with uniform deviates."""

    __slots__ = ()
    deviates = staticmethod(centred)
    deviation = 12**-0.5
    read_is_normal = False


class NormalIndependentDevice(NormalError):
    """``g + m z``: standard deviation ``m`` at every conductance."""

    __slots__ = ()
    size = staticmethod(constant)


class NormalProportionalDevice(NormalError):
    """``g (1 + m z)``: standard deviation ``m g``."""

    __slots__ = ()
    size = staticmethod(proportional)


class NormalInverseProportionalDevice(NormalError):
    """``g + m z / g``: standard deviation ``m / g``, no error at 0."""

    __slots__ = ()
    size = staticmethod(inverse)


class UniformIndependentDevice(UniformError):
    """``g + m w``: width ``m`` at every conductance."""

    __slots__ = ()
    size = staticmethod(constant)


class UniformProportionalDevice(UniformError):
    """``g (1 + m w)``: width ``m g``."""

    __slots__ = ()
    size = staticmethod(proportional)


class UniformInverseProportionalDevice(UniformError):
    """``g + m w / g``: width ``m / g``, no error at 0."""

    __slots__ = ()
    size = staticmethod(inverse)
