"""Work cut into pieces, so that memory stays bounded."""

from collections.abc import Iterator


def chunks(length: int, *, at_once: int) -> Iterator[slice]:
    """Slices that cover ``length``, of ``at_once`` elements or, if that is less, one."""
    step = max(1, at_once)
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))
