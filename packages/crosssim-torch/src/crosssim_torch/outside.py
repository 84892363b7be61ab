"""Where conversions of a read are out of range, and where lines saturate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class Place(NamedTuple):
    """Where something is out of range."""

    row: int
    col: int
    """Of an array."""
    slice: int
    """Of its weights."""
    kind: str
    """What happens there."""
    lines: tuple[int, ...] = ()
    """Which outputs of the row are seen there; empty for all of them."""


@dataclass(slots=True)
class Record:
    """Where conversions of one read were out of range, and where lines saturated, in that order."""

    seen: dict[Place, list[Tensor]] = field(default_factory=dict)

    def note(self, place: Place, outside: Tensor) -> None:
        self.seen.setdefault(place, []).append(outside)

    def outside(self, axis: int, batch: int, outputs: Sequence[int]) -> Tensor | None:
        """Outputs along ``axis`` that any of them goes into; None if nothing was noted.

        Args:
            axis: Axis of the outputs.
            batch: Elements of the first axis of all that was read.
            outputs: How many belong to each row of arrays.
        """
        rows: dict[int, Tensor] = {}
        for place, seen in sorted(self.seen.items(), key=lambda item: item[0]):
            row, outside = place.row, _together(seen, batch)
            if place.lines:
                outside = _among(outside, axis, place.lines, outputs[row])
            rows[row] = rows[row] | outside if row in rows else outside
        if not rows:
            return None
        like = next(iter(rows.values()))
        for row, count in enumerate(outputs):
            if row not in rows:
                index = torch.zeros(count, dtype=torch.long, device=like.device)
                rows[row] = torch.zeros_like(like.index_select(axis, index))
        return torch.cat([rows[row] for row in range(len(outputs))], dim=axis)


def _together(seen: list[Tensor], batch: int) -> Tensor:
    """Whether any conversion of an output was out of range.

    A read may cut its batch into chunks, each of which is converted equally often.
    """
    if seen[0].dim() == 1:
        chunks = [seen]
    else:
        times = max(1, sum(map(len, seen)) // max(1, batch))
        chunks = [seen[i : i + times] for i in range(0, len(seen), times)]
    return torch.cat([torch.stack(chunk).any(0) for chunk in chunks])


def _among(outside: Tensor, axis: int, lines: tuple[int, ...], count: int) -> Tensor:
    """What was seen of some of ``count`` lines; nothing of the others."""
    shape = list(outside.shape)
    shape[axis] = count
    none = torch.zeros(shape, dtype=torch.bool, device=outside.device)
    return none.index_copy(axis, _index(lines, outside.device), outside)


@lru_cache(maxsize=1024)
def _index(lines: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(lines, device=device)


_current: ContextVar[Record | None] = ContextVar("record", default=None)


@contextmanager
def recording() -> Iterator[Record]:
    """Take note of conversions out of range, in this thread."""
    record = Record()
    token = _current.set(record)
    try:
        yield record
    finally:
        _current.reset(token)


def current() -> Record | None:
    """The record of this thread; None if nothing is noted."""
    return _current.get()
