"""How arrays that hold pieces of a matrix are read piece by piece."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from crosssim_core.chain.block import Held
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.cores.plan import ArrayPart, ArrayPlan


class Pick(NamedTuple):
    """What is read together: the same part of some of the pieces."""

    pieces: tuple[int, ...]
    outputs: slice
    inputs: slice


class _Share(NamedTuple):
    """What one array holds of some outputs: ``start`` to ``stop`` of the inputs of their piece."""

    start: int
    stop: int
    kind: int
    """The array, or the first one that is read in the same way."""


class _Pattern(NamedTuple):
    """What pieces have in common that can be read together."""

    start: int
    stop: int
    """Outputs inside of a piece."""
    shares: tuple[_Share, ...]
    piece: int | None
    """The only one that has it, where pieces are no stack."""


def piece_rows(
    whole: ArrayPlan, pieces: tuple[Held, ...], stack: int
) -> list[tuple[tuple[ArrayPart, ...], tuple[Pick, ...]]] | None:
    """The rows of `Compact.reading`, with what each part holds; None if there are none.

    So it is where a converter cannot tell its lines apart. One of a single array serves all lines
    of a stack in their order, whatever it does.
    """
    found: dict[_Pattern, list[int]] = {}
    kinds = _kinds([part.reads["mvm"] for part in whole.arrays])
    for k, piece in enumerate(pieces):
        for r, row in enumerate(whole.parts):
            outputs = _overlap(piece.outputs, row[0].outputs)
            if outputs is not None:
                own = kinds[r * len(row) : (r + 1) * len(row)]
                alone = None if stack > 1 else k
                pattern = _Pattern(*outputs, _shares(piece, row, own), alone)
                found.setdefault(pattern, []).append(k)
    rows = []
    for pattern, members in found.items():
        lines, held = slice(pattern.start, pattern.stop), tuple(pieces[k] for k in members)
        parts, picks = [], []
        for start, stop, kind in pattern.shares:
            picks.append(Pick(tuple(members), lines, slice(start, stop)))
            part = _part(whole.arrays[kind], picks[-1], held, stacked=stack > 1)
            if part is None:
                return None
            parts.append(part)
        rows.append((tuple(parts), tuple(picks)))
    return rows


def _shares(piece: Held, row: Sequence[ArrayPart], kinds: Sequence[int]) -> tuple[_Share, ...]:
    """What each array of a row holds of a piece; without converters only where it is something."""
    driven, idle = [], []
    for part, kind in zip(row, kinds, strict=True):
        inputs = _own(piece.inputs, part.inputs)
        if inputs is not None:
            driven.append(_Share(*inputs, kind))
        elif part.reads["mvm"].converts:
            idle.append(_Share(0, 0, kind))
    return (*driven, *sorted(idle))


def _part(
    array: ArrayPart, pick: Pick, held: tuple[Held, ...], *, stacked: bool
) -> ArrayPart | None:
    """What ``array`` has of these pieces, with the converters of their lines."""
    own, (outputs, inputs), read = array.outputs, pick[1:], array.reads["mvm"]
    starts = (piece.outputs.start - own.start for piece in held)
    lines = [start + line for start in starts for line in range(outputs.start, outputs.stop)]
    all_driven = inputs.start < inputs.stop and lines == list(range(own.stop - own.start))
    few = read if all_driven else read.of_lines(lines)
    if few is None:
        return None
    few = few.stacked() if stacked else few
    return replace(
        array, outputs=outputs, inputs=inputs, reads={**array.reads, "mvm": few}, held=held
    )


def _kinds(reads: Sequence[ReadPlan]) -> list[int]:
    """For each array the first one that is read in the same way."""
    firsts: list[int] = []
    kinds = []
    for i, read in enumerate(reads):
        same = [k for k in firsts if _alike(reads[k], read)]
        firsts += [] if same else [i]
        kinds.append(same[0] if same else i)
    return kinds


def _alike(a: ReadPlan, b: ReadPlan) -> bool:
    def converters(read: ReadPlan) -> list[object]:
        return [
            adc and (adc.model.uniform or id(adc.model), adc.background, adc.meets_ties)
            for adc in read.adcs
        ]

    return converters(a) == converters(b) and replace(a, adcs=()) == replace(b, adcs=())


def _overlap(piece: slice, array: slice) -> tuple[int, int] | None:
    """Lines of ``piece`` that lie in ``array``, counted from its first; None if none do."""
    start, stop = max(piece.start, array.start), min(piece.stop, array.stop)
    return (start - piece.start, stop - piece.start) if start < stop else None


def _own(piece: tuple[slice, ...], array: slice) -> tuple[int, int] | None:
    """`_overlap` of lines that are counted through all slices: one range, as slices ascend."""
    ends, before = [], 0
    for own in piece:
        if found := _overlap(own, array):
            ends += [before + end for end in found]
        before += own.stop - own.start
    return (ends[0], ends[-1]) if ends else None
