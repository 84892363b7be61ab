"""Derivatives that stop where a converter is driven out of its range.

Beyond the ends of its range the output of a converter does not follow its input, so that a
derivative passes there in vain, and likewise where a line carries the largest current that it can.
What arrives at an output is dropped if any such thing goes into it; `crosssim_torch.clipping` has
the inputs that a DAC clips.

Source: Y. Bengio, N. Léonard, A. Courville 2013, arXiv:1308.3432.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from crosssim_core.chain.adcs import SliceAdc
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.chain.ranges import adc_range
from crosssim_core.converters import AdcModel, UniformLevels
from crosssim_core.converters.lines import of_lines
from crosssim_core.cores import ArrayPlan
from crosssim_core.cores.converters import exchanged
from crosssim_core.cores.plan import ArrayPart
from crosssim_core.random import NoiseSource
from crosssim_torch.outputs import same_memory
from crosssim_torch.outside import Place, current

ROUNDING = 2.0**10
"""What rounding makes of a current at most, in units of the last digit of a range: a range that was
calibrated to the largest current holds it in whatever order its terms are added."""


def _slack(end: float, current: Tensor) -> float:
    return ROUNDING * torch.finfo(current.dtype).eps * end


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
        record = current()
        if record is not None:
            slack = _slack(max(abs(self.low), abs(self.high)), x)
            outside = (x < self.low - slack) | (x > self.high + slack)
            record.note(self.place, _with_unit_line(outside, axis) if self.unit_line else outside)
        return self.model.convert(x, axis=axis, noise=noise)

    def of_lines(self, lines: Sequence[int], /) -> "WatchedAdc | None":
        """The same for some of the lines.

        None where lines without data are out of range, which nobody sees who leaves them out.
        """
        model = of_lines(self.model, lines)
        if model is None or not self.low <= 0.0 <= self.high:
            return None
        return replace(self, model=model, place=self.place._replace(lines=tuple(lines)))


@dataclass(frozen=True, slots=True)
class WatchedLines:
    """Takes note of lines that saturate."""

    limit: float
    place: Place
    unit_line: bool

    def __call__(self, index: int, lines: Sequence[Tensor], /, *, axis: int) -> None:
        record = current()
        if record is not None:
            limit = self.limit + _slack(self.limit, lines[0])
            outside = torch.stack([abs(line) > limit for line in lines]).any(0)
            if self.unit_line:
                outside = _with_unit_line(outside, axis)
            record.note(self.place._replace(slice=index), outside)

    def of_lines(self, lines: Sequence[int], /) -> "WatchedLines":
        return replace(self, place=self.place._replace(lines=tuple(lines)))


def _with_unit_line(outside: Tensor, axis: int) -> Tensor:
    """Outputs whose own line is out of range, or the first one, which is subtracted from all."""
    count = outside.shape[axis]
    unit, lines = outside.narrow(axis, 0, 1), outside.narrow(axis, 1, count - 1)
    return unit | lines


def watched(plan: ArrayPlan) -> ArrayPlan:
    """The same arrays with converters and lines that tell when they leave their range."""
    trees, cols = plan.params, len(plan.parts[0])

    def watched_adc(number: int, part: ArrayPart, index: int, adc: SliceAdc) -> SliceAdc:
        tree, read = trees[number % len(trees)], part.reads["mvm"]
        limits = adc_range(
            tree,
            tree.xbar.adc.mvm,
            tree.xbar.dac.mvm,
            mapping=read.mapping,
            path=read.path,
            inputs=part.inputs.stop - part.inputs.start,
            index=index,
        )
        low, high = limits.low - limits.trim, limits.high - limits.trim
        place = Place(*divmod(number, cols), index, "adc")
        return replace(adc, model=WatchedAdc(adc.model, low, high, place, read.mapping.unit_line))

    plan = exchanged(plan, "mvm", watched_adc)
    parts = tuple(
        tuple(_with_watched_lines(part, r, c) for c, part in enumerate(row))
        for r, row in enumerate(plan.parts)
    )
    return replace(plan, parts=parts)


def _with_watched_lines(part: ArrayPart, row: int, col: int) -> ArrayPart:
    read: ReadPlan = part.reads["mvm"]
    place = Place(row, col, 0, "lines")
    watch = WatchedLines(read.saturation, place, read.mapping.unit_line)
    return replace(part, reads={**part.reads, "mvm": replace(read, watch=watch)})


class MaskGradient(Function):
    """The identity, whose derivative is 0 where ``outside`` is true."""

    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor, outside: Tensor) -> Tensor:
        # PyTorch would return the input itself as a view.
        return same_memory(y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.save_for_forward(inputs[1])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        return MaskGradient.jvp(ctx, *grads), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        (outside,) = ctx.saved_tensors
        masked: Tensor = tangents[0].masked_fill(outside, 0.0)
        return masked


class ReadFor(Function):
    """``read(x)``, with the derivatives of ``stand_in``."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, stand_in: Tensor, read: Callable[[Tensor], Tensor]) -> Tensor:
        return read(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.dtype, ctx.output_dtype = inputs[1].dtype, output.dtype

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, Tensor, None]:
        return None, grads[0].to(ctx.dtype), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        tangent: Tensor = tangents[1].to(ctx.output_dtype)
        return tangent
