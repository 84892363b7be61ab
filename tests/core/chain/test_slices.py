"""The worked numbers of the OFFSET and BITSLICED styles: conductances of each array."""

import numpy as np
import pytest

from crosssim_core.chain.bitsliced import BitSlicedMapping
from crosssim_core.chain.offset import OffsetMapping

W = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
RANGE = 0.9
LOW = 0.1


def digits(bits, slices, *, pairs, unit_line=False):
    """Cells of each slice in units of one level."""
    mapping = BitSlicedMapping(LOW, 0, bits, slices, pairs, unit_line)
    g = mapping.conductances(W)
    return (g - LOW) / RANGE * (2**mapping.slice_bits - 1)


@pytest.mark.parametrize(
    ("bits", "want"),
    [
        (0, [[1, 0.325, 0.6625], [0.685, 0.91, 0.1]]),
        (3, [[1, 0.357142857, 0.742857143], [0.742857143, 0.871428571, 0.228571429]]),
    ],
)
@pytest.mark.parametrize("unit", [None, 0.55])
def test_offset_cells_hold_the_conductances_of_the_examples(xp, bits, want, unit):
    g = OffsetMapping(LOW, bits, unit is not None).conductances(xp.asarray(W.copy()))
    g = np.asarray(g)[0, 0]
    if unit is not None:
        unit = 0.614285714 if bits else unit
        np.testing.assert_allclose(g[0], [unit] * 4, rtol=0, atol=1e-9)
        np.testing.assert_allclose(g[:, 0], [unit] * 3, rtol=0, atol=1e-9)
        g = g[1:, 1:]
    np.testing.assert_allclose(g, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("bits", "slices", "pairs", "size"),
    [
        (4, 2, True, 2),
        (7, 2, True, 3),
        (8, 2, True, 4),
        (8, 3, True, 3),
        (4, 2, False, 2),
        (7, 2, False, 4),
        (8, 3, False, 3),
        (3, 5, True, 1),
        (3, 5, False, 1),
        (5, 1, True, 5),
    ],
)
def test_slices_hold_so_many_bits(bits, slices, pairs, size):
    assert BitSlicedMapping(LOW, 0, bits, slices, pairs, False).slice_bits == size


def test_slices_of_pairs_hold_the_conductances_of_the_example(xp):
    g = BitSlicedMapping(LOW, 0, 4, 2, True, False).conductances(xp.asarray(W.copy()))
    want = [
        [[[1, 0.1, 0.7], [0.7, 0.7, 0.1]], [[0.1, 0.1, 0.1], [0.1, 0.1, 1]]],
        [[[0.4, 0.1, 0.1], [0.1, 0.4, 0.1]], [[0.1, 0.4, 0.1], [0.1, 0.1, 0.4]]],
    ]
    np.testing.assert_allclose(np.asarray(g), want, rtol=0, atol=1e-12)
    positive = BitSlicedMapping(LOW, 0, 7, 2, True, False).conductances(W)[0, 0]
    np.testing.assert_allclose(
        positive, [[1, 0.1, 0.1], [0.485714286, 0.357142857, 0.1]], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize(
    ("bits", "low", "high"),
    [
        (4, [[1, 0.1, 0.7], [0.7, 0.7, 0.4]], [[1, 0.4, 0.7], [0.7, 1, 0.1]]),
        (7, [[1, 0.1, 0.1], [0.28, 0.22, 0.16]], [[0.52, 0.22, 0.4], [0.4, 0.52, 0.1]]),
    ],
)
def test_slices_with_offset_hold_the_conductances_of_the_examples(bits, low, high):
    g = BitSlicedMapping(LOW, 0, bits, 2, False, False).conductances(W)
    np.testing.assert_allclose(g, [[low], [high]], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("bits", "slices", "units"),
    [(4, 2, (0, 2)), (7, 2, (0, 4)), (8, 2, (0, 8)), (8, 3, (0, 0, 2)), (3, 5, (0, 0, 1, 0, 0))],
)
def test_b06_unit_lines_hold_the_digits_of_zero(bits, slices, units):
    """With 7 bits in 2 slices CrossSim put the digits of another number there."""
    for digit, g in zip(units, digits(bits, slices, pairs=False, unit_line=True), strict=True):
        np.testing.assert_allclose(g[0, 0], [digit] * 4, rtol=0, atol=1e-12)
        np.testing.assert_allclose(g[0, :, 0], [digit] * 3, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pairs", [True, False])
@pytest.mark.parametrize("bits", range(2, 12))
@pytest.mark.parametrize("slices", [1, 2, 3, 5, 14])
def test_digits_of_all_slices_make_up_the_rounded_weights(pairs, bits, slices):
    held = digits(bits, slices, pairs=pairs)
    size = BitSlicedMapping(LOW, 0, bits, slices, pairs, False).slice_bits
    np.testing.assert_allclose(held, np.round(held), rtol=0, atol=1e-9)
    assert held.min() > -1e-9
    assert held.max() < 2**size - 1 + 1e-9
    single = held[:, 0] - held[:, 1] if pairs else held[:, 0]
    integers = sum(2 ** (size * i) * slice for i, slice in enumerate(single))
    offset = 0 if pairs else 2 ** (bits - 1)
    want = np.round(W * (2 ** (bits - 1) - 1)) + offset
    np.testing.assert_allclose(integers, want, rtol=0, atol=1e-6)
