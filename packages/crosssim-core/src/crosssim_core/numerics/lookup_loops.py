"""The look-up of `lookup` as a loop that Numba compiles: one pass instead of a dozen.

Without Numba this function runs as well, a thousand times slower.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

Numbers = np.ndarray[Any, np.dtype[Any]]


def look_up_loops(
    x: Float[Numbers, "before lines behind"],
    thresholds: Float[Numbers, " entries"],
    values: Float[Numbers, " entries"],
    ends: Float[Numbers, "3"],
    cells: int,
    width: int,
    lines_per_row: int,
    found: Float[Numbers, "before lines behind"],
) -> None:
    """Value that belongs to the number of thresholds strictly below each element of ``x``.

    Args:
        x: Arguments, in the data type of the thresholds.
        thresholds: As `Lookup` has them.
        values: Likewise.
        ends: Of the grid, the lower and the upper one, and places per unit of the argument, in the
            data type of the thresholds.
        cells: Cells of one row, a power of two.
        width: Places of one cell, a power of two.
        lines_per_row: Neighbouring lines that share a row; 0 if all lines do.
        found: Where the values go; NaN where the argument is.
    """
    low, high, per_unit = ends[0], ends[1], ends[2]
    row, start_of_cell = cells * width, np.int32((cells - 1) * width)
    for before in range(x.shape[0]):
        for line in range(x.shape[1]):
            start = line // lines_per_row * row if lines_per_row else 0
            bounds, results = thresholds[start : start + row], values[start : start + row]
            if width == 2:
                # The same without an inner loop, which processors do for many elements at once.
                for behind in range(x.shape[2]):
                    one = x[before, line, behind]
                    inside = low if one < low else high if one > high else one
                    place = np.uint32(np.int32((inside - low) * per_unit) & start_of_cell)
                    place += np.uint32(bounds[place] < one)
                    found[before, line, behind] = results[place] + (inside - inside)
                continue
            for behind in range(x.shape[2]):
                one = x[before, line, behind]
                inside = low if one < low else high if one > high else one
                # Places without a sign are not asked whether they count from the end.
                place = np.uint32(np.int32((inside - low) * per_unit) & start_of_cell)
                step = np.uint32(width // 2)
                while step:
                    # No branch, which no processor could foresee.
                    above = np.uint32(bounds[np.uint32(place + step - 1)] < one)
                    place = np.uint32(place + step * above)
                    step = np.uint32(step >> 1)
                # Zero, or NaN where the argument is.
                found[before, line, behind] = results[place] + (inside - inside)
