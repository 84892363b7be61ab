"""What is applied to the lines one after the other: digits of their inputs."""

from collections.abc import Sequence
from typing import Any

from crosssim_core.chain.arithmetic import Arithmetic

HELD = 4
"""Arrays of the size of the inputs that `Steps` takes at most: the codes, what is left of them, and
the digit and the rest that this is cut into."""


class Steps(Sequence[Any]):
    """Digits of integers, least significant first, each made when it is asked for.

    Whoever goes through them once in this order has one of them made at a time, and never twice.

    Args:
        codes: Integers below ``2**(count * size)``; left unchanged.
        count: Number of digits.
        size: Bits of one digit [bit].
        work: How they are made.
    """

    def __init__(self, codes: Any, *, count: int, size: int, work: Arithmetic) -> None:
        self._codes, self._count, self._size, self._work = codes, count, size, work
        self._made = 0
        self._digit, self._rest = None, codes

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any, /) -> Any:
        if not 0 <= index < self._count:
            raise IndexError(index)
        if index < self._made - 1:
            self._made, self._rest = 0, self._codes
        while self._made <= index:
            self._next()
        return self._digit

    def _next(self) -> None:
        """Make the digit that follows on the last one."""
        rest, self._digit, self._rest = self._rest, None, None
        self._made += 1
        if self._made == self._count:
            self._digit = rest
        else:
            spare = rest is not self._codes
            self._digit, self._rest = self._work.digit(rest, self._size, spare=spare)
