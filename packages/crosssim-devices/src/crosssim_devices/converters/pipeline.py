"""Pipeline and cyclic ADCs of 1.5-bit stages.

A stage compares its input ``v`` with ``V / 4`` and ``-V / 4``, adds 2, 1 or 0 times its weight to
the code, and hands on the residue ``((1 + γ) v + a γ V) / D`` with ``a`` = −1, 0 or 1,
``γ = C2 / C1``, the gain error ``D = 1 + (C1 + C2 + Cpar) / (A C1)`` and the reference voltage
``V``. A last comparator adds the last bit.

Source: as in `crosssim_devices.converters.capacitors`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosssim_core.converters import ConverterErrors
from crosssim_devices.converters.params import PipelineAdcParams
from crosssim_devices.converters.table import Real, Steps
from crosssim_devices.converters.tabulated import TabulatedAdc, drawn


@dataclass(frozen=True, slots=True)
class PipelineAdc(TabulatedAdc):
    """Static errors of pipeline ADCs: each stage has its own capacitors and comparators."""

    params: PipelineAdcParams

    @property
    def group_size(self) -> int:
        """Neighbouring lines that share a converter."""
        return self.params.group_size

    @property
    def stages(self) -> int:
        """Number of stages that exist in one converter."""
        return self.params.bits - 1

    def draw(self) -> dict[str, Real]:
        """``offsets`` of comparators over the reference voltage; what ``C1``, ``C2`` and ``Cpar``
        of each stage deviate by, over the nominal ``C1`` [1].
        """
        params, noise, shape = self.params, self.site.noise, (self.groups, self.stages)
        comparators = (self.groups, 2 * self.stages + 1)
        return {
            "offsets": drawn(noise, comparators, params.sigma_comparator),
            "C1": drawn(noise, shape, params.sigma_C1),
            "C2": drawn(noise, shape, params.sigma_C2),
            "Cpar": drawn(noise, shape, params.sigma_Cpar),
        }

    def tabulate(self, errors: ConverterErrors, /) -> list[Steps]:
        """Codes of each group, or of all if they agree."""
        offsets, parasitic = errors["offsets"] * self.reference, errors["Cpar"]
        c1, c2 = 1 + errors["C1"], 1 + errors["C2"]
        return [
            stage_steps(
                offsets=self.in_order(offsets[group]),
                ratio=self.in_time(c2[group] / c1[group]),
                gain_error=self.in_time(
                    1 + (c1[group] + c2[group] + parasitic[group]) / c1[group] / self.gain
                ),
                reference=self.reference,
                limits=self.limits,
            )
            for group in range(self.groups if any(e.any() for e in errors.values()) else 1)
        ]

    def in_time(self, stages: Real) -> Real:
        """Values of the stages in the order in which a signal passes them."""
        return stages

    def in_order(self, offsets: Real) -> Real:
        """Offsets of upper and lower comparator of each stage passed, then of the last one."""
        return offsets


@dataclass(frozen=True, slots=True)
class CyclicAdc(PipelineAdc):
    """Static errors of cyclic ADCs: one stage is passed again and again."""

    @property
    def stages(self) -> int:
        """Number of stages that exist in one converter."""
        return 1

    def in_time(self, stages: Real) -> Real:
        """Values of the stages in the order in which a signal passes them."""
        return np.repeat(stages, self.params.bits - 1)

    def in_order(self, offsets: Real) -> Real:
        """Offsets of upper and lower comparator of each stage passed, then of the last one."""
        return np.concatenate([np.tile(offsets[:2], self.params.bits - 1), offsets[2:]])


def stage_steps(
    *,
    offsets: Real,
    ratio: Real,
    gain_error: Real,
    reference: float,
    limits: tuple[float, float],
) -> Steps:
    """Codes of one converter: its stages, followed through the whole range at once.

    The range is kept as pieces on which the code so far is constant and the residue is a straight
    line of the input; every stage cuts them further. A current equal to a threshold belongs to
    the piece below it. Codes need be neither in order nor complete.

    Args:
        offsets: Offsets of the upper and lower comparator of each stage, then of the last
            comparator, shape ``(2 stages + 1,)``.
        ratio: Capacitor ratio ``γ`` of each stage, shape ``(stages,)`` [1].
        gain_error: Divisor ``D`` of each stage, likewise [1].
        reference: Reference voltage ``V``.
        limits: Ends of the range.
    """
    low, high = limits
    # From below the range, so that a threshold at its lower end is seen.
    edges = np.array([low - reference, high])
    slope, shift = np.ones(1), np.zeros(1)
    code = np.zeros(1, dtype=np.int64)
    for stage in range(ratio.size):
        upper = reference / 4 + offsets[2 * stage]
        lower = -reference / 4 + offsets[2 * stage + 1]
        edges, piece = _cut(edges, slope, shift, (lower, upper))
        slope, shift, code = slope[piece], shift[piece], code[piece]
        residue = slope * (edges[:-1] + edges[1:]) / 2 + shift
        above, below = residue > upper, residue <= lower
        weight = 2 ** (ratio.size - 1 - stage)
        code = code + weight * (2 * above + (~above & ~below))
        jump = (below.astype(float) - above) * ratio[stage] * reference
        slope = (1 + ratio[stage]) * slope / gain_error[stage]
        shift = ((1 + ratio[stage]) * shift + jump) / gain_error[stage]
    edges, piece = _cut(edges, slope, shift, (offsets[-1],))
    residue = slope[piece] * (edges[:-1] + edges[1:]) / 2 + shift[piece]
    code = code[piece] + (residue > offsets[-1])
    changes = np.flatnonzero(np.diff(code))
    return Steps(edges[1:-1][changes], code[np.append(changes, code.size - 1)])


def _cut(
    edges: Real, slope: Real, shift: Real, levels: tuple[float, ...]
) -> tuple[Real, NDArray[np.intp]]:
    """Cut pieces where their residue crosses ``levels``; edges and the parent of each piece."""
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = [(level - shift) / slope for level in levels]
    inside = [c[(c > edges[:-1]) & (c < edges[1:])] for c in crossings]
    cut = np.unique(np.concatenate([edges, *inside]))
    return cut, np.searchsorted(edges, cut[:-1], side="right") - 1
