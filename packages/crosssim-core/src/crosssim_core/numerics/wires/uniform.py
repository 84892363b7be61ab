"""The array whose cells all have one conductance, which a change of basis solves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from crosssim_core._array import array_namespace, from_host
from crosssim_core.numerics.wires.lines import Matrix, Wires, feed_drops, output_drops
from crosssim_core.typing import Array

Cells = Float[Array, "vectors signs outputs inputs"]
"""Something of each cell, for each vector."""


@dataclass(frozen=True, slots=True)
class UniformNetwork:
    """The wires of an array with input sources, and the circuit with equal cells.

    Depends on the geometry alone.
    """

    wires: Wires
    feed: Float[Array, "outputs outputs"]
    """Drop along an input line for a unit current at each output [1]."""
    output: Float[Array, "inputs inputs"]
    """Drop along an output line for a unit current at each input [1]."""
    feed_modes: Float[Array, "outputs outputs"]
    """Eigenvectors of ``feed``, one in each column."""
    output_modes: Float[Array, "inputs inputs"]
    """Eigenvectors of ``output``, one in each column."""
    feed_values: Float[Array, "outputs 1"]
    """Eigenvalues [1]."""
    output_values: Float[Array, "inputs"]
    """Eigenvalues [1]."""

    @classmethod
    def of(cls, wires: Wires, /, *, outputs: int, inputs: int, like: Array) -> "UniformNetwork":
        """The network in float64, in the library and on the device of ``like``."""
        xp = array_namespace(like)
        feed, feed_values, feed_modes = _decomposed(feed_drops, wires, outputs)
        output, output_values, output_modes = _decomposed(output_drops, wires, inputs)
        parts = (feed, output, feed_modes, output_modes, feed_values[:, None], output_values)
        return cls(wires, *(from_host(part, like=like, dtype=xp.float64) for part in parts))

    def drops(self, currents: Cells) -> Cells:
        """Voltage drops between the sources and the cells for currents of the cells (R · I)."""
        xp = array_namespace(currents)
        shared = xp.sum(currents, axis=1, keepdims=True)
        return self.feed @ currents + shared @ self.output

    def drops_of_injected(self, currents: Cells, conductance: float) -> Cells:
        """Drops where beside the cells, all of one conductance, so much current flows.

        That is ``(R⁻¹ + conductance)⁻¹ · currents``, which exists for singular R as well.

        Source: the eigenvectors of a sum of Kronecker products are products of eigenvectors.
            The sum and the difference of a pair of cells decouple.
        """
        if currents.shape[1] == 1:
            return self._common(currents, conductance, lines=1)
        positive, negative = currents[:, :1, ...], currents[:, 1:, ...]
        common = self._common(positive + negative, conductance, lines=2)
        apart = self.feed_modes.T @ (positive - negative)
        apart *= self.feed_values / (1 + conductance * self.feed_values)
        apart = self.feed_modes @ apart
        xp = array_namespace(currents)
        return xp.concat((common + apart, common - apart), axis=1) / 2

    def _common(self, currents: Cells, conductance: float, *, lines: int) -> Cells:
        values = self.feed_values + lines * self.output_values
        modes = self.feed_modes.T @ (currents @ self.output_modes)
        modes *= values / (1 + conductance * values)
        return self.feed_modes @ modes @ self.output_modes.T


@lru_cache(maxsize=32)
def _decomposed(
    drops_of: Callable[[Wires, int], Matrix], wires: Wires, cells: int
) -> tuple[Matrix, Matrix, Matrix]:
    """Drops along a line, their eigenvalues and eigenvectors; kept, since arrays are alike."""
    drops = drops_of(wires, cells)
    values, vectors = np.linalg.eigh(drops)
    return drops, np.maximum(values, 0.0), vectors
