"""Digits are made one at a time, in whatever order they are asked for."""

import pytest

from crosssim_core._array import as_host
from crosssim_core.chain.arithmetic import Arithmetic
from crosssim_core.chain.steps import Steps

COUNT = 3


class Counting(Arithmetic):
    """Arithmetic that notes how often a digit is made."""

    def __init__(self):
        self.made = 0

    def digit(self, codes, size, /, *, spare):
        self.made += 1
        return super().digit(codes, size, spare=spare)


def steps(xp, size, work):
    """All signed codes of three digits, and what cuts them."""
    top = 2 ** (COUNT * size)
    codes = xp.asarray([float(n) for n in range(1 - top, top)])
    return codes, Steps(codes, count=COUNT, size=size, work=work)


def digits_of(codes, size):
    """Digits of integers by the arithmetic of Python, least significant first."""
    found = [[], [], []]
    for code in map(int, as_host(codes)):
        sign, rest = -1 if code < 0 else 1, abs(code)
        for digit in found:
            rest, own = divmod(rest, 2**size)
            digit.append(sign * own)
    return found


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 0, 1, 2, 2, 0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_every_digit_comes_whatever_the_order_and_codes_stay(xp, size, order):
    codes, found = steps(xp, size, Arithmetic())
    before = as_host(codes)
    want = digits_of(codes, size)
    for index in order:
        assert as_host(found[index]).tolist() == want[index]
    assert (as_host(codes) == before).all()


def test_digits_that_are_kept_are_all_right(xp):
    codes, found = steps(xp, 2, Arithmetic())
    assert [as_host(step).tolist() for step in tuple(found)] == digits_of(codes, 2)
    assert len(found) == COUNT


def test_who_goes_through_them_once_has_each_made_once_and_not_ahead(xp):
    work = Counting()
    _, found = steps(xp, 1, work)
    assert work.made == 0
    for index in range(COUNT):
        found[index], found[index]
        # The last digit is what the others leave.
        assert work.made == min(index + 1, COUNT - 1)


@pytest.mark.parametrize("index", [-1, COUNT])
def test_there_are_no_other_digits(xp, index):
    _, found = steps(xp, 1, Arithmetic())
    with pytest.raises(IndexError):
        found[index]
