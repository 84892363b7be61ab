"""Conjugate gradients for single vectors, as loops that Numba compiles."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from crosssim_core.numerics.wires.solution import ROUNDING

LINES = 8
"""Output lines that are passed together, each waiting for its sum while others are added to."""

Doubles = np.ndarray[Any, np.dtype[np.float64]]


def conjugate_currents(
    g: Float[Doubles, "#vectors signs outputs inputs"],
    v: Float[Doubles, "vectors inputs"],
    feed: Float[Doubles, "outputs"],
    output: Float[Doubles, "inputs"],
    tolerance: float,
    max_steps: int,
    currents: Float[Doubles, "vectors outputs"],
    residuals: Float[Doubles, "vectors"],
    steps: Int[np.ndarray[Any, Any], "vectors"],
) -> None:
    """Line currents of arrays of linear cells, fed by input lines.

    The drops w obey ``(R⁻¹ + g) w = g e``. The preconditioner is R itself, two running sums
    along each of the two families of lines; so a step costs little, and R is never inverted.
    After the first vector that is not solved the rest is left alone, at an infinite residual.

    Args:
        g: Conductances over the largest one [1].
        v: Voltages of the input lines [1]; the second sign has their negatives.
        feed: Segments of an input line, each before its output, over ``Rmin`` [1].
        output: Segments of an output line, each behind its input.
        tolerance: Error of a voltage that is enough, over the largest of its vector [1].
        max_steps: Steps allowed.
        currents: Where the currents into ground go [1].
        residuals: Where the largest errors of voltages go, over the largest input [1].
        steps: Where the number of steps goes.

    Source: M. R. Hestenes, E. Stiefel, J. Res. Natl. Bur. Stand. 49 (1952) 409-436.
    """
    own, signs, outputs, inputs = g.shape
    shape = (signs, outputs, inputs)
    w, r, z = np.empty(shape), np.empty(shape), np.empty(shape)
    p, q, cells = np.empty(shape), np.empty(shape), np.empty(shape)
    shared, sums = np.empty((inputs, LINES)), np.empty(LINES)
    partial = np.empty(inputs)
    residuals[:], steps[:] = np.inf, 0
    for vector in range(v.shape[0]):
        seen = g[vector if own > 1 else 0]
        scale = 0.0
        for j in range(inputs):
            scale = max(scale, abs(v[vector, j]))
        for sign in range(signs):
            for i in range(outputs):
                for j in range(inputs):
                    r[sign, i, j] = seen[sign, i, j] * (1 - 2 * sign) * v[vector, j]
                    w[sign, i, j], p[sign, i, j], q[sign, i, j] = 0.0, 0.0, 0.0
        start, before, target = 0.0, 1.0, tolerance
        step, checking = 0, False
        while True:
            # Drops z = R · flow: along the input lines, then along the output lines.
            flow = cells if checking else r
            for sign in range(signs):
                for j in range(inputs):
                    z[sign, outputs - 1, j] = flow[sign, outputs - 1, j]
                for i in range(outputs - 2, -1, -1):
                    for j in range(inputs):
                        z[sign, i, j] = z[sign, i + 1, j] + flow[sign, i, j]
                for j in range(inputs):
                    z[sign, 0, j] *= feed[0]
                for i in range(1, outputs):
                    for j in range(inputs):
                        z[sign, i, j] = feed[i] * z[sign, i, j] + z[sign, i - 1, j]
            for first in range(0, outputs, LINES):
                lines = min(LINES, outputs - first)
                sums.fill(0.0)
                for j in range(inputs):
                    for k in range(lines):
                        for sign in range(signs):
                            sums[k] += flow[sign, first + k, j]
                        shared[j, k] = sums[k]
                sums.fill(0.0)
                for j in range(inputs - 1, -1, -1):
                    for k in range(lines):
                        sums[k] += output[j] * shared[j, k]
                        for sign in range(signs):
                            z[sign, first + k, j] += sums[k]
            if checking:
                # Kirchhoff's voltage law, for the currents of the cells at the drops w.
                worst = 0.0
                for sign in range(signs):
                    for i in range(outputs):
                        for j in range(inputs):
                            error = abs(w[sign, i, j] - z[sign, i, j])
                            # Once it is not a number it stays so.
                            worst = worst if error <= worst or worst != worst else error
                worst = worst / scale if scale > 0 else worst
                if worst <= tolerance or step == max_steps or target < ROUNDING:
                    residuals[vector], steps[vector] = worst, step
                    break
                target /= 10
                checking = False
                continue
            partial.fill(0.0)
            for sign in range(signs):
                for i in range(outputs):
                    for j in range(inputs):
                        partial[j] += r[sign, i, j] * z[sign, i, j]
            product = np.sum(partial)
            if step == 0:
                start = product
            # Written so that what is not a number ends the steps, too.
            if step == max_steps or not product > target * target * start:
                for i in range(outputs):
                    partial.fill(0.0)
                    for sign in range(signs):
                        for j in range(inputs):
                            drive = (1 - 2 * sign) * v[vector, j]
                            cells[sign, i, j] = seen[sign, i, j] * (drive - w[sign, i, j])
                            partial[j] += cells[sign, i, j]
                    currents[vector, i] = np.sum(partial)
                checking = True
                continue
            ratio = product / before if step > 0 else 0.0
            partial.fill(0.0)
            for sign in range(signs):
                for i in range(outputs):
                    for j in range(inputs):
                        p[sign, i, j] = z[sign, i, j] + ratio * p[sign, i, j]
                        q[sign, i, j] = r[sign, i, j] + ratio * q[sign, i, j]
                        image = q[sign, i, j] + seen[sign, i, j] * p[sign, i, j]
                        partial[j] += p[sign, i, j] * image
            length = product / np.sum(partial)
            for sign in range(signs):
                for i in range(outputs):
                    for j in range(inputs):
                        image = q[sign, i, j] + seen[sign, i, j] * p[sign, i, j]
                        w[sign, i, j] += length * p[sign, i, j]
                        r[sign, i, j] -= length * image
            before = product
            step += 1
        if not residuals[vector] <= tolerance:
            return
