"""Blocks of an array, known only by what happens at their edges, and how to join them.

A block stands between the ends of its feed lines and of its output lines. Whatever is inside,
its edges obey ``out = matrix · in`` with

====================  =============================================  ==========================
quantity              in                                             out
====================  =============================================  ==========================
``FEED_VOLTAGE``      voltages of the feed lines, towards driver     … at their far ends
``FEED_CURRENT``      currents drawn at the far ends                 … from the driver
``LINE_CURRENT``      currents that enter the output lines on top    … that leave towards ground
``LINE_VOLTAGE``      voltages of their ends towards ground          … at their tops
====================  =============================================  ==========================

Joining two blocks eliminates what they share. The matrix to be solved is the identity plus the
product of an impedance and an admittance, both positive semidefinite: its eigenvalues are at
least 1 whatever the resistances, zero included, so that nothing can be singular.

Source: R. Redheffer, "On a certain linear fractional transformation", J. Math. Phys. 39 (1960)
269-286, whose star product this is; the hybrid choice of variables admits zero resistances.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.typing import Array


class Port(IntEnum):
    """Kinds of quantities at the edges of a block, in the order of its matrix."""

    FEED_VOLTAGE = 0
    FEED_CURRENT = 1
    LINE_CURRENT = 2
    LINE_VOLTAGE = 3


FEEDS = (Port.FEED_VOLTAGE, Port.FEED_CURRENT)
"""Along feed lines: what is handed away from the driver, and what comes back."""

LINES = (Port.LINE_CURRENT, Port.LINE_VOLTAGE)
"""Along output lines: what is handed towards ground, and what comes back."""

Family = tuple[Port, Port]


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of cells, or a batch of rectangles, as seen from its edges."""

    matrix: Float[Array, "*batch out in"]
    out_sizes: tuple[int, ...]
    """Number of quantities of each kind that come out; 0 where nobody asks."""
    in_sizes: tuple[int, ...]
    """Number of quantities of each kind that go in; 0 where they are zero."""

    def __getitem__(self, which: tuple[int | slice, ...]) -> "Block":
        """Some blocks of the batch."""
        matrix = self.matrix[(*which, ..., slice(None), slice(None))]
        return Block(matrix, self.out_sizes, self.in_sizes)

    def part(self, out: Sequence[Port], into: Sequence[Port]) -> Array:
        """The rows of the kinds ``out`` and the columns of the kinds ``into``."""
        rows = _select(self.matrix, out, self.out_sizes, axis=-2)
        return _select(rows, into, self.in_sizes, axis=-1)

    def without(self, *, out: Port, into: Port) -> "Block":
        """The block where quantity ``out`` is not asked for, and ``into`` is zero."""
        outs = [port for port in Port if port != out]
        ins = [port for port in Port if port != into]
        return Block(
            self.part(outs, ins),
            tuple(0 if port == out else n for port, n in enumerate(self.out_sizes)),
            tuple(0 if port == into else n for port, n in enumerate(self.in_sizes)),
        )


def _select(matrix: Array, ports: Sequence[Port], sizes: Sequence[int], *, axis: int) -> Array:
    """Slices of one axis, joined where they are not one slice already."""
    starts = list(accumulate(sizes, initial=0))
    spans: list[list[int]] = []
    for port in ports:
        if spans and spans[-1][1] == starts[port]:
            spans[-1][1] = starts[port + 1]
        elif sizes[port]:
            spans.append([starts[port], starts[port + 1]])
    return _gather(matrix, spans or [[0, 0]], axis=axis)


def _gather(matrix: Array, spans: Iterable[Sequence[int]], *, axis: int) -> Array:
    parts = [
        matrix[..., start:stop] if axis == -1 else matrix[..., start:stop, :]
        for start, stop in spans
    ]
    return parts[0] if len(parts) == 1 else array_namespace(matrix).concat(parts, axis=axis)


def join(first: Block, second: Block, along: Family) -> Block:
    """The block that two neighbours form together.

    Args:
        first: The one nearer to the drivers (along `FEEDS`) or to the tops (along `LINES`).
        second: The other; of the same batch.
        along: The lines that run through both. The other family is of both, ``first`` first.
    """
    xp = array_namespace(first.matrix)
    forth, back = along
    across = LINES if along == FEEDS else FEEDS
    first_out, first_in = (back, *across), (forth, *across)
    second_out, second_in = (forth, *across), (back, *across)
    columns = sum(first.in_sizes[port] for port in first_in)

    impedance = first.part((forth,), (back,))
    admittance = second.part((back,), (forth,))
    returned = second.part((back,), second_in)
    loop = xp.eye(impedance.shape[-2], dtype=impedance.dtype, device=device_of(impedance))
    drive = xp.concat((first.part((forth,), first_in), impedance @ returned), axis=-1)
    passed = xp.linalg.solve(loop - impedance @ admittance, drive)

    lower = second.part(second_out, (forth,)) @ passed
    lower[..., columns:] += second.part(second_out, second_in)
    matrix = lower
    if any(first.out_sizes[port] for port in first_out):
        reflected = admittance @ passed
        reflected[..., columns:] += returned
        upper = first.part(first_out, (back,)) @ reflected
        upper[..., :columns] += first.part(first_out, first_in)
        matrix = xp.concat((upper, lower), axis=-2)

    rows, out_sizes = _together(first_out, second_out, first.out_sizes, second.out_sizes)
    cols, in_sizes = _together(first_in, second_in, first.in_sizes, second.in_sizes)
    return Block(_gather(_gather(matrix, rows, axis=-2), cols, axis=-1), out_sizes, in_sizes)


def _together(
    first: Sequence[Port],
    second: Sequence[Port],
    first_sizes: Sequence[int],
    second_sizes: Sequence[int],
) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """Where the kept ports of two blocks lie while they stand side by side, and their sizes."""
    kept = [(port, first_sizes[port]) for port in first]
    kept += [(port, second_sizes[port]) for port in second]
    ends = list(accumulate(size for _, size in kept))
    spans = [(port, end - size, end) for (port, size), end in zip(kept, ends, strict=True)]
    ordered = [(start, end) for port in Port for p, start, end in spans if p == port]
    sizes = tuple(sum(size for p, size in kept if p == port) for port in Port)
    return ordered, sizes
