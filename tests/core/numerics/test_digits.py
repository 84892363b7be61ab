"""Inputs cut into digits."""

import numpy as np
import pytest

from crosssim_core._array import as_host
from crosssim_core.numerics.digits import digit, digit_count, digit_weight


@pytest.mark.parametrize(
    ("code", "bits", "want"),
    [
        (76, 8, (4, 1, 1)),
        (255, 8, (7, 7, 3)),
        (200, 8, (0, 1, 3)),
        (-102, 7, (-6, -4, -1)),
        (38, 7, (6, 4, 0)),
        (0, 7, (0, 0, 0)),
    ],
)
def test_digits_of_three_bits_are_those_of_the_examples(xp, code, bits, want):
    """The last digit is over the largest one of three bits, even if it has fewer itself."""
    z = xp.asarray([code / (2**bits - 1)], dtype=xp.float64)
    assert digit_count(bits, 3) == 3
    got = [float(digit(z, k, bits=bits, size=3)[0]) for k in range(3)]
    np.testing.assert_allclose(got, np.divide(want, 7), rtol=0, atol=1e-12)


@pytest.mark.parametrize("bits", range(1, 13))
def test_weighted_digits_of_any_size_make_up_the_number(xp, bits):
    codes = np.arange(-(2**bits) + 1, 2**bits)
    z = xp.asarray(codes / (2**bits - 1))
    for size in range(1, bits + 1):
        places = range(digit_count(bits, size))
        parts = [as_host(digit(z, k, bits=bits, size=size)) for k in places]
        weights = [digit_weight(k, bits=bits, size=size) for k in places]
        total = sum(w * part for w, part in zip(weights, parts, strict=True))
        np.testing.assert_allclose(total, as_host(z), rtol=0, atol=1e-15)
        assert max(np.abs(part).max() for part in parts) <= 1


@pytest.mark.parametrize(
    ("z", "bits", "size", "want"),
    [
        ((1, -1 / 3, 2 / 3), 2, 1, [(1, -1, 0), (1, 0, 1)]),
        ((1, -15 / 31, 23 / 31), 5, 2, [(1, -1, 1), (1, -1, 1 / 3), (1 / 3, 0, 1 / 3)]),
        ((1, -15 / 31, 23 / 31), 5, 3, [(1, -1, 1), (3 / 7, -1 / 7, 2 / 7)]),
        ((1, -3 / 7, 5 / 7), 3, 2, [(1, -1, 1 / 3), (1 / 3, 0, 1 / 3)]),
        ((1, -1 / 3), 2, 5, [(3 / 31, -1 / 31)]),
    ],
)
def test_digits_of_a_vector_are_those_of_the_examples(xp, z, bits, size, want):
    x = xp.asarray(np.array(z, dtype=np.float64))
    got = [as_host(digit(x, k, bits=bits, size=size)) for k in range(digit_count(bits, size))]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


def test_a_digit_of_what_is_not_a_number_is_none(xp):
    assert np.isnan(as_host(digit(xp.asarray([np.nan]), 0, bits=4, size=2))).all()
