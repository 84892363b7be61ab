"""The wires of an array: how much resistance lies where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosssim_core.errors import ParameterError

Matrix = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Line:
    """A wire that passes one cell after another, one segment for each cell.

    Resistances are over that of a cell at full conductance, ``Rmin``.

    Raises:
        ParameterError: A resistance is negative.
    """

    segment: float = 0.0
    """Resistance of one segment [1]."""
    terminal: float = 0.0
    """Further resistance where the wire leaves the array, towards its driver or ground [1]."""

    def __post_init__(self) -> None:
        if not (self.segment >= 0 and self.terminal >= 0):
            raise ParameterError(
                f"a wire cannot have the resistances {self.segment:g} (segment) and "
                f"{self.terminal:g} (terminal): at least 0 is needed"
            )

    @property
    def resistive(self) -> bool:
        """Whether there is any resistance."""
        return self.segment > 0 or self.terminal > 0

    def segments(self, cells: int) -> list[float]:
        """Resistances of a line of so many cells, beginning at its driver or ground [1]."""
        return [self.segment + self.terminal, *[self.segment] * (cells - 1)]


@dataclass(frozen=True, slots=True)
class Wires:
    """The two families of lines that cross at the cells, seen from the side that drives them.

    An *output line* carries the currents of the cells of one row of the conductance matrix to
    a virtual ground behind its last input. What feeds the cells is, for input sources, an
    *input line* along each column, driven before its first output; for separate sources a
    *supply line* beside each output line, driven before its first input.
    """

    feed: Line
    """Input lines or supply lines."""
    output: Line
    """Output lines."""

    @property
    def resistive(self) -> bool:
        """Whether there is any resistance."""
        return self.feed.resistive or self.output.resistive

    @property
    def swapped(self) -> "Wires":
        """The same wires for products the other way round, with the transposed matrix."""
        return Wires(self.output, self.feed)


def shared_drops(segments: Sequence[float], /) -> Matrix:
    """Voltage drop at each cell of a line for a unit current through each of them.

    Args:
        segments: Resistance before each cell, seen from the driver or ground [1].

    Returns:
        Symmetric, shape (cells, cells): the sum of the segments that two cells share.
    """
    reach: Matrix = np.cumsum(np.asarray(segments, dtype=np.float64))
    shared: Matrix = np.minimum(reach[:, None], reach[None, :])
    return shared


def feed_drops(wires: Wires, outputs: int) -> Matrix:
    """Drop along an input line for a unit current at each output, shape (outputs, outputs)."""
    return shared_drops(wires.feed.segments(outputs))


def output_drops(wires: Wires, inputs: int) -> Matrix:
    """Drop along an output line for a unit current at each input, shape (inputs, inputs)."""
    mirrored = shared_drops(wires.output.segments(inputs))[::-1, ::-1]
    # A copy, because some libraries take no arrays that run backwards.
    return mirrored.copy()
