"""How a long dimension is cut into parts that fit one array."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from crosssim_core.errors import ParameterError


def part_sizes(
    length: int, limit: int, *, priority: Sequence[int] = (), fill: bool = False
) -> tuple[int, ...]:
    """Sizes of the parts that ``length`` lines are cut into; none exceeds ``limit``.

    Args:
        length: Number of lines to place [1].
        limit: Lines of one array [1]; 0 is unlimited.
        priority: Divisors of ``limit``. If ``length`` is a multiple of ``limit / divisor``
            for any of them, all parts but the last are full.
        fill: Whether parts are filled one by one where nothing else decides. If not, their
            sizes differ by at most one, larger parts first.

    Raises:
        ParameterError: A divisor is not positive.
    """
    if any(divisor <= 0 for divisor in priority):
        raise ParameterError(f"partition priorities must be positive, got {list(priority)}")
    parts = -(-length // limit) if limit > 0 else 1
    if parts <= 1:
        return (length,)
    even, rest = divmod(length, parts)
    if rest == 0:
        return (even,) * parts
    if fill or any(length % (limit / divisor) == 0 for divisor in priority):
        return (limit,) * (parts - 1) + (length - limit * (parts - 1),)
    return (even + 1,) * rest + (even,) * (parts - rest)


def part_slices(sizes: Sequence[int]) -> tuple[slice, ...]:
    """The slices that consecutive parts of these sizes cover."""
    return tuple(slice(a, b) for a, b in pairwise(accumulate(sizes, initial=0)))
