"""An array of nonlinear cells with input sources, and how wrong a guess of its voltages is."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.numerics.wires.inputs import drives
from crosssim_core.numerics.wires.law import Current, cell_currents, cell_slopes
from crosssim_core.numerics.wires.solution import Solution, relative
from crosssim_core.numerics.wires.uniform import Cells, UniformNetwork
from crosssim_core.typing import Array

SAMPLES = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Voltages, over the largest input, at which the slope of the law is looked at."""


@dataclass(frozen=True, slots=True)
class NonlinearCircuit:
    """Unknown are the drops w, of which the cells see ``e − w``."""

    network: UniformNetwork
    current: Current
    g: Float[Array, "#vectors signs outputs inputs"]
    e: Float[Array, "vectors signs 1 inputs"]
    """Voltages of the sources."""
    scale: Float[Array, "vectors"]
    """The largest of them."""

    @classmethod
    def of(
        cls, network: UniformNetwork, current: Current, g: Cells, v: Float[Array, "vectors inputs"]
    ) -> "NonlinearCircuit":
        xp = array_namespace(g)
        return cls(network, current, g, drives(v, g.shape[1]), xp.max(xp.abs(v), axis=-1))

    @property
    def peak(self) -> float:
        """Largest voltage of all."""
        return float(array_namespace(self.scale).max(self.scale))

    def no_drops(self) -> Cells:
        """The guess that wires have no resistance."""
        return array_namespace(self.g).zeros_like(self.g * self.e)

    def currents(self, w: Cells) -> Cells:
        """Of the cells."""
        return cell_currents(self.current, self.g, self.e - w)

    def slopes(self, w: Cells) -> Cells:
        """Of the cells' laws."""
        return cell_slopes(self.current, self.g, self.e - w)

    def mean_slope(self) -> float:
        """Over the voltages that inputs reach."""
        xp, peak = array_namespace(self.g), self.peak
        means = [
            float(xp.mean(cell_slopes(self.current, self.g, xp.full_like(self.g, x * peak))))
            for x in SAMPLES
        ]
        return max(0.0, sum(means) / len(means))

    def residual(self, w: Cells, currents: Cells) -> float:
        """Largest failure of Kirchhoff's voltage law, over the largest input of the vector."""
        return relative(w - self.network.drops(currents), self.scale)

    def solution(
        self, currents: Cells, residual: float, steps: int, *, nearing: bool = True
    ) -> Solution:
        """What the currents of the cells amount to."""
        xp = array_namespace(currents)
        return Solution(xp.sum(currents, axis=(1, 3)), residual, steps, nearing)
