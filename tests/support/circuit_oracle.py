"""Circuit ADCs as they work, step by step and for one current after another: the oracle."""

import numpy as np


def ramp_codes(levels, y, offset):
    """Code of the level nearest to ``y + offset``; of equally near ones the smallest."""
    return np.argmin(np.abs(levels[:, None] - y - offset), axis=0)


def sar_codes(levels, y, offset, bits):
    """Binary search of ``y`` among the levels."""
    register = np.zeros(y.shape, dtype=np.int64)
    for i in range(bits):
        trial = register + 2 ** (bits - 1 - i)
        register = np.where(y > levels[trial] - offset, trial, register)
    return register


def stage_codes(y, offsets, ratio, gain_error, reference):
    """The stages of a pipeline, one after another."""
    stages = len(ratio)
    v, code = y.astype(np.float64), np.zeros(y.shape, dtype=np.int64)
    for n in range(stages):
        above = v > reference / 4 + offsets[2 * n]
        below = v <= -reference / 4 + offsets[2 * n + 1]
        weight = 2 ** (stages - 1 - n)
        code = code + weight * (2 * above + (~above & ~below))
        jump = (below.astype(int) - above.astype(int)) * ratio[n] * reference
        v = ((1 + ratio[n]) * v + jump) / gain_error[n]
    return code + (v > offsets[2 * stages])
