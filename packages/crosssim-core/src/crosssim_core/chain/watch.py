"""Seeing the currents of lines before they saturate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from crosssim_core.chain.lines import flat
from crosssim_core.typing import Array


class LineWatch(Protocol):
    """Is shown the currents of one weight slice for each step in time of a read."""

    def __call__(self, index: int, lines: Sequence[Array], /, *, axis: int) -> None:
        """Take note of the currents of one step.

        Args:
            index: Weight slice.
            lines: Currents of each sign, or of the pair [1]; to be left unchanged.
            axis: Axis of the output lines.
        """

    def of_lines(self, lines: Sequence[int], /) -> "LineWatch":
        """What is shown these lines alone."""


@dataclass(frozen=True, slots=True)
class StackedWatch:
    """Shows the lines of a stack of matrices as those of one."""

    watch: LineWatch

    def __call__(self, index: int, lines: Sequence[Array], /, *, axis: int) -> None:
        self.watch(index, [flat(line, axis) for line in lines], axis=axis)

    def of_lines(self, lines: Sequence[int], /) -> "StackedWatch":
        return StackedWatch(self.watch.of_lines(lines))
