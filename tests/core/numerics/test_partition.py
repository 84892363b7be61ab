import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosssim_core.errors import ParameterError
from crosssim_core.numerics.partition import part_sizes, part_slices


@pytest.mark.parametrize(
    ("length", "limit", "options", "sizes"),
    [
        (6, 0, {}, (6,)),
        (6, 3, {}, (3, 3)),
        (5, 2, {}, (2, 2, 1)),
        (7, 3, {}, (3, 2, 2)),
        (7, 4, {}, (4, 3)),
        (7, 6, {}, (4, 3)),
        (7, 6, {"fill": True}, (6, 1)),
        (9, 6, {"priority": [2]}, (6, 3)),
        (9, 6, {"priority": [4]}, (6, 3)),
        (9, 6, {}, (5, 4)),
        (11, 6, {"priority": [4, 2]}, (6, 5)),
        (11, 4, {}, (4, 4, 3)),
        (10, 3, {}, (3, 3, 2, 2)),
        (104, 11, {}, (11,) * 4 + (10,) * 6),
    ],
)
def test_sizes_follow_divisors_then_the_strategy(length, limit, options, sizes):
    assert part_sizes(length, limit, **options) == sizes


@given(
    length=st.integers(1, 500),
    limit=st.integers(1, 100),
    priority=st.lists(st.integers(1, 9), max_size=3),
    fill=st.booleans(),
)
def test_b14_no_part_exceeds_the_limit_and_together_they_hold_everything(
    length, limit, priority, fill
):
    sizes = part_sizes(length, limit, priority=priority, fill=fill)
    assert sum(sizes) == length
    assert all(0 < size <= limit for size in sizes)
    assert len(sizes) == -(-length // limit)


def test_slices_cover_the_parts_one_after_the_other():
    assert part_slices((3, 2)) == (slice(0, 3), slice(3, 5))


def test_a_divisor_of_zero_is_refused():
    with pytest.raises(ParameterError, match="positive"):
        part_sizes(9, 6, priority=[0])
