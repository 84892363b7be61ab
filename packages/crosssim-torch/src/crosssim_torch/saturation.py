"""Derivatives that stop where a converter is driven out of its range.

Beyond the ends of its range the output of a converter does not follow its input, so that a
derivative passes there in vain. Inputs are clipped where the DAC clips them, and what arrives at
an output is dropped if any conversion that goes into it was out of range.

Source: Y. Bengio, N. Léonard, A. Courville 2013, arXiv:1308.3432.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from crosssim_core.chain.plan import ReadPlan, SliceAdc
from crosssim_core.chain.ranges import adc_range
from crosssim_core.converters import AdcModel, UniformLevels
from crosssim_core.cores import ArrayPlan
from crosssim_core.cores.plan import ArrayPart
from crosssim_core.errors import UnsupportedError
from crosssim_core.parameters import CrossSimParameters
from crosssim_core.random import NoiseSource

Place = tuple[int, int, int]
"""Row and column of an array, and a slice of its weights."""

InputRange = tuple[float, float] | None
"""Digital inputs that the DAC takes without clipping; None if it takes all."""


@dataclass(slots=True)
class Record:
    """Where conversions of one read were out of range, in the order in which they were made."""

    converters: dict[Place, list[Tensor]] = field(default_factory=dict)

    def note(self, place: Place, outside: Tensor) -> None:
        self.converters.setdefault(place, []).append(outside)

    def outside(self, axis: int, batch: int) -> Tensor | None:
        """Outputs along ``axis`` that any such conversion goes into; None without ADCs.

        Args:
            axis: Axis of the outputs.
            batch: Elements of the first axis of all that was read.
        """
        rows: dict[int, Tensor] = {}
        for (row, *_), seen in sorted(self.converters.items(), key=lambda item: item[0]):
            outside = _together(seen, batch)
            rows[row] = rows[row] | outside if row in rows else outside
        return torch.cat(list(rows.values()), dim=axis) if rows else None


def _together(seen: list[Tensor], batch: int) -> Tensor:
    """Whether any conversion of an output was out of range.

    A read may cut its batch into chunks, each of which is converted equally often.
    """
    if seen[0].dim() == 1:
        chunks = [seen]
    else:
        times = max(1, sum(map(len, seen)) // max(1, batch))
        chunks = [seen[i : i + times] for i in range(0, len(seen), times)]
    return torch.cat([torch.stack(chunk).any(0) for chunk in chunks])


_current: ContextVar[Record | None] = ContextVar("record", default=None)


@contextmanager
def recording() -> Iterator[Record]:
    """Take note of conversions out of range, in this thread."""
    record = Record()
    token = _current.set(record)
    try:
        yield record
    finally:
        _current.reset(token)


@dataclass(frozen=True, slots=True)
class WatchedAdc:
    """A converter that tells when it is driven out of its range, and else is the one it holds."""

    model: AdcModel
    low: float
    high: float
    place: Place
    """Where it stands."""
    unit_line: bool
    """Whether a line that is subtracted from all others comes first."""
    uniform: UniformLevels | None = field(default=None, init=False)

    def convert(self, x: Tensor, /, *, axis: int, noise: NoiseSource | None) -> Any:
        record = _current.get()
        if record is not None:
            outside = (x < self.low) | (x > self.high)
            if self.unit_line:
                unit, lines = outside.split([1, outside.shape[axis] - 1], dim=axis)
                outside = unit | lines
            record.note(self.place, outside)
        return self.model.convert(x, axis=axis, noise=noise)


def watched(plan: ArrayPlan) -> ArrayPlan:
    """The same arrays with converters that tell when they are driven out of their range.

    Raises:
        UnsupportedError: Lines saturate before they reach a converter, inputs have limits of their
            own in each call, or arrays of one matrix take different inputs.
    """
    trees = plan.params
    if any(tree.xbar.array.Icol_max > 0 for tree in trees):
        raise UnsupportedError("gradient = 'masked' is not built for xbar.array.Icol_max.")
    input_range(plan)
    parts = tuple(
        tuple(
            _watched(part, trees[(r * len(row) + c) % len(trees)], r, c)
            for c, part in enumerate(row)
        )
        for r, row in enumerate(plan.parts)
    )
    return replace(plan, parts=parts)


def _watched(part: ArrayPart, tree: CrossSimParameters, row: int, col: int) -> ArrayPart:
    read: ReadPlan = part.reads["mvm"]
    inputs = part.inputs.stop - part.inputs.start
    adcs: list[SliceAdc | None] = []
    for index, adc in enumerate(read.adcs):
        if adc is None:
            adcs.append(None)
            continue
        limits = adc_range(
            tree,
            tree.xbar.adc.mvm,
            tree.xbar.dac.mvm,
            mapping=read.mapping,
            path=read.path,
            inputs=inputs,
            index=index,
        )
        low, high = limits.low - limits.trim, limits.high - limits.trim
        model = WatchedAdc(adc.model, low, high, (row, col, index), read.mapping.unit_line)
        adcs.append(replace(adc, model=model))
    return replace(part, reads={**part.reads, "mvm": replace(read, adcs=tuple(adcs))})


def input_range(plan: ArrayPlan) -> InputRange:
    """Digital inputs that the DACs of all arrays take without clipping.

    Raises:
        UnsupportedError: They follow from the inputs of each call, or differ between arrays.
    """
    ranges = {_own_range(tree) for tree in plan.params}
    if len(ranges) > 1:
        raise UnsupportedError(
            "gradient = 'masked' is not built for arrays of one matrix with different input ranges."
        )
    return ranges.pop()


def _own_range(tree: CrossSimParameters) -> InputRange:
    limits, dac = tree.core.mapping.inputs.mvm, tree.xbar.dac.mvm
    if not dac.converts:
        return None
    if limits.percentile is not None or limits.min is None or limits.max is None:
        raise UnsupportedError(
            "gradient = 'masked' is not built for input limits that follow from the data "
            "(core.mapping.inputs.mvm.percentile)."
        )
    return limits.min, limits.max


class MaskGradient(Function):
    """The identity, whose derivative is 0 where ``outside`` is true."""

    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor, outside: Tensor) -> Tensor:
        return y.view_as(y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        (outside,) = ctx.saved_tensors
        return grads[0].masked_fill(outside, 0.0), None
