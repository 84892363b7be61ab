"""The ladders of `ladder` as loops that Numba compiles; its docstring has the equations.

Output lines lie side by side in memory and are passed in groups, whose state stays in the
processor's nearest cache. Without Numba these functions run as well, a thousand times slower.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

LANES = 32
"""Output lines in a group."""

SMALLEST = 1e-20
"""Conductance of the first rung at least [1], so that Q can be inverted where all are off."""

Doubles = np.ndarray[Any, np.dtype[np.float64]]


def single_currents(
    g: Float[Doubles, "rungs 1 #vectors lines"],
    on: Float[Doubles, "rungs 1 vectors 1"],
    emf: Float[Doubles, "rungs 1 vectors 1"] | None,
    a: float,
    first: float,
    b: float,
    last: float,
    currents: Float[Doubles, "vectors lines"],
) -> None:
    """Currents of output lines with a single supply line each.

    Args:
        g: Conductances of the rungs over the largest one [1].
        on: Which of them conduct, as 0 and 1.
        emf: Sources in series with the rungs; None for 1 in each.
        a: Segments of the supply line between two rungs, over ``Rmin`` [1].
        first: That before the first rung.
        b: Segments of the output line between two rungs.
        last: That behind the last rung.
        currents: Where the currents into ground go [1].
    """
    rungs, _, own, outputs = g.shape
    state = np.empty((6, LANES))
    p, n, s, x, beta, y = state[0], state[1], state[2], state[3], state[4], state[5]
    for vector in range(currents.shape[0]):
        which = vector if own > 1 else 0
        for start in range(0, outputs, LANES):
            width = min(LANES, outputs - start)
            for k in range(width):
                p[k] = g[0, 0, which, start + k] * on[0, 0, vector, 0]
                if abs(p[k]) < SMALLEST:
                    p[k] = SMALLEST
                n[k], s[k], x[k], beta[k], y[k] = 1.0, 0.0, first, 0.0, 0.0
            for rung in range(1, rungs):
                gate = on[rung, 0, vector, 0]
                beyond = g[rung, 0, which]
                if emf is not None:
                    delta = emf[rung, 0, vector, 0] - emf[rung - 1, 0, vector, 0]
                for k in range(width):
                    scale = 1 / (1 + (a + b) * p[k])
                    ahead = (n[k] + b * p[k]) * scale
                    leaked = (s[k] + a * p[k]) * scale
                    x[k] += a * n[k] * ahead + b * s[k] * leaked
                    if emf is not None:
                        change = (beta[k] - p[k] * delta) * scale
                        y[k] += delta - n[k] * (a * change + delta) + b * s[k] * change
                        beta[k] = change
                    n[k], s[k] = ahead, leaked
                    p[k] = p[k] * scale + beyond[start + k] * gate
            for k in range(width):
                end = 1.0
                if emf is not None:
                    end = n[k] / p[k] * beta[k] + emf[rungs - 1, 0, vector, 0] - y[k]
                currents[vector, start + k] = end / (x[k] + last + n[k] * n[k] / p[k])


def pair_currents(
    g: Float[Doubles, "rungs 2 #vectors lines"],
    on: Float[Doubles, "rungs 1 vectors 1"],
    emf: Float[Doubles, "rungs 2 vectors 1"] | None,
    a: float,
    first: float,
    b: float,
    last: float,
    currents: Float[Doubles, "vectors lines"],
) -> None:
    """Currents of output lines with a pair of supply lines each.

    Arguments are those of `single_currents`; without ``emf`` the sources are 1 and −1.
    """
    rungs, _, own, outputs = g.shape
    state = np.empty((16, LANES))
    p0, p1, c, s0, s1 = state[0], state[1], state[2], state[3], state[4]
    n00, n01, n10, n11 = state[5], state[6], state[7], state[8]
    x00, x01, x11 = state[9], state[10], state[11]
    beta0, beta1, y0, y1 = state[12], state[13], state[14], state[15]
    for vector in range(currents.shape[0]):
        which = vector if own > 1 else 0
        for start in range(0, outputs, LANES):
            width = min(LANES, outputs - start)
            for k in range(width):
                p0[k] = g[0, 0, which, start + k] * on[0, 0, vector, 0]
                p1[k] = g[0, 1, which, start + k] * on[0, 0, vector, 0]
                if abs(p0[k]) < SMALLEST:
                    p0[k] = SMALLEST
                if abs(p1[k]) < SMALLEST:
                    p1[k] = SMALLEST
                c[k], s0[k], s1[k] = 0.0, 0.0, 0.0
                n00[k], n01[k], n10[k], n11[k] = 1.0, 0.0, 0.0, 1.0
                x00[k], x01[k], x11[k] = first, 0.0, first
                beta0[k], beta1[k], y0[k], y1[k] = 0.0, 0.0, 0.0, 0.0
            for rung in range(1, rungs):
                gate = on[rung, 0, vector, 0]
                beyond0, beyond1 = g[rung, 0, which], g[rung, 1, which]
                if emf is not None:
                    delta0 = emf[rung, 0, vector, 0] - emf[rung - 1, 0, vector, 0]
                    delta1 = emf[rung, 1, vector, 0] - emf[rung - 1, 1, vector, 0]
                for k in range(width):
                    total = p0[k] + p1[k]
                    determinant = p0[k] * p1[k] + c[k] * total
                    alone = 1 + a * (total + 2 * c[k])
                    scale = 1 / (alone + b * total + a * (a + 2 * b) * determinant)
                    own0 = 1 + a * (p1[k] + c[k]) + b * total
                    own1 = 1 + a * (p0[k] + c[k]) + b * total
                    across, through = a * c[k], a * b * determinant
                    m00 = (own0 * n00[k] + across * n10[k] + b * p0[k] * s0[k] + through) * scale
                    m01 = (own0 * n01[k] + across * n11[k] + b * p0[k] * s1[k] + through) * scale
                    m10 = (own1 * n10[k] + across * n00[k] + b * p1[k] * s0[k] + through) * scale
                    m11 = (own1 * n11[k] + across * n01[k] + b * p1[k] * s1[k] + through) * scale
                    through = a * a * determinant
                    t0 = (alone * s0[k] + a * (p0[k] * n00[k] + p1[k] * n10[k]) + through) * scale
                    t1 = (alone * s1[k] + a * (p0[k] * n01[k] + p1[k] * n11[k]) + through) * scale
                    x00[k] += a * (n00[k] * m00 + n10[k] * m10) + b * s0[k] * t0
                    x01[k] += a * (n00[k] * m01 + n10[k] * m11) + b * s0[k] * t1
                    x11[k] += a * (n01[k] * m01 + n11[k] * m11) + b * s1[k] * t1
                    if emf is not None:
                        change0 = beta0[k] - p0[k] * delta0 - c[k] * (delta0 - delta1)
                        change1 = beta1[k] - p1[k] * delta1 - c[k] * (delta1 - delta0)
                        both = c[k] * (change0 + change1)
                        apart = b * (p1[k] * change0 - p0[k] * change1)
                        after0 = (change0 + a * (p1[k] * change0 + both) + apart) * scale
                        after1 = (change1 + a * (p0[k] * change1 + both) - apart) * scale
                        u0, u1 = a * after0 + delta0, a * after1 + delta1
                        y0[k] += delta0 - n00[k] * u0 - n10[k] * u1 + b * s0[k] * (after0 + after1)
                        y1[k] += delta1 - n01[k] * u0 - n11[k] * u1 + b * s1[k] * (after0 + after1)
                        beta0[k], beta1[k] = after0, after1
                    n00[k], n01[k], n10[k], n11[k] = m00, m01, m10, m11
                    s0[k], s1[k] = t0, t1
                    p0[k] = (p0[k] + a * determinant) * scale + beyond0[start + k] * gate
                    p1[k] = (p1[k] + a * determinant) * scale + beyond1[start + k] * gate
                    c[k] = (c[k] + b * determinant) * scale
            for k in range(width):
                determinant = p0[k] * p1[k] + c[k] * (p0[k] + p1[k])
                q00, q11 = (p1[k] + c[k]) / determinant, (p0[k] + c[k]) / determinant
                q01 = c[k] / determinant
                w00, w01 = n00[k] * q00 + n10[k] * q01, n00[k] * q01 + n10[k] * q11
                w10, w11 = n01[k] * q00 + n11[k] * q01, n01[k] * q01 + n11[k] * q11
                r00 = x00[k] + last + w00 * n00[k] + w01 * n10[k]
                r01 = x01[k] + last + w00 * n01[k] + w01 * n11[k]
                r11 = x11[k] + last + w10 * n01[k] + w11 * n11[k]
                end0, end1 = 1.0, -1.0
                if emf is not None:
                    end0 = w00 * beta0[k] + w01 * beta1[k] + emf[rungs - 1, 0, vector, 0] - y0[k]
                    end1 = w10 * beta0[k] + w11 * beta1[k] + emf[rungs - 1, 1, vector, 0] - y1[k]
                sum_of_both = (r11 - r01) * end0 + (r00 - r01) * end1
                currents[vector, start + k] = sum_of_both / (r00 * r11 - r01 * r01)
