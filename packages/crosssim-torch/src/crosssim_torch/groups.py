"""Grouped convolutions without the zeros between their groups, where nothing depends on them."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from crosssim_core.chain.arithmetic import Arithmetic
from crosssim_core.chain.block import WeightRange
from crosssim_core.chain.plan import ReadPlan
from crosssim_core.chain.product import Operator
from crosssim_core.cores import ArrayPlan, ArrayState, ProgrammedArrays
from crosssim_core.layers import (
    ConvLayout,
    ConvTransposeLayout,
    Layout,
    PackedConvLayout,
)
from crosssim_core.random import Stream
from crosssim_torch.arithmetic import TORCH_ARITHMETIC
from crosssim_torch.params import OwnParams
from crosssim_torch.products import ConvProduct


def without_zeros(layout: Layout) -> Layout | None:
    """The layout that holds the same variables and no zeros between groups; None if there are
    none.
    """
    if layout.stack > 1:
        return None
    if isinstance(layout, ConvTransposeLayout):
        return replace(layout, packed=True) if layout.groups > 1 else None
    if not isinstance(layout, ConvLayout) or layout.groups == 1:
        return None
    names = layout.__dataclass_fields__
    return PackedConvLayout(**{name: getattr(layout, name) for name in names})


def plan_without_zeros(
    whole: ArrayPlan, layout: Layout, params: OwnParams, stream: Stream
) -> ArrayPlan | None:
    """Arrays for ``layout`` that are read as the single array of ``whole`` is; None if there is
    more than one, or if its lines are more than cells side by side.
    """
    part, tree = whole.arrays[0], whole.params[0]
    if len(whole.arrays) > 1 or part.mapping.unit_line or tree.xbar.array.parasitics.enable:
        return None
    plan = ArrayPlan.of(layout.shape, params, stream, stack=layout.stack)
    return replace(plan, parts=((replace(plan.arrays[0], reads=part.reads),),))


def zeros_matter(arrays: ProgrammedArrays) -> bool:
    """Whether a read depends on cells that hold the weight 0.

    They cancel where the line carries the difference of a pair, or where nothing nonlinear
    happens before it is taken, as long as they are ohmic and carry neither read noise nor an
    offset.
    """
    plan: ReadPlan = arrays.plan.arrays[0].reads["mvm"]
    untouched = plan.saturation == 0 and (plan.analog_subtraction or not plan.converts)
    cancel = plan.mapping.signs == 2 and (plan.interleaved or untouched)
    offsets = arrays.state.weights.middle or any(adc and adc.background for adc in plan.adcs)
    vectors = arrays.plan.literal or plan.path.scale.factor is None
    return not (cancel and plan.ohmic) or plan.reader is not None or bool(offsets) or vectors


def with_zeros(state: ArrayState, whole: ArrayPlan, layout: Layout) -> ArrayState:
    """The single array of ``whole`` with the cells of ``state`` at their places in ``layout``."""
    dense = layout.convolution if isinstance(layout, ConvTransposeLayout) else layout
    assert isinstance(dense, ConvLayout)
    (held,) = state.conductance
    zero = torch.full(whole.shape, _zero(state.weights), dtype=torch.float64, device=held.device)
    zeros = whole.arrays[0].mapping.conductances(zero).to(held.dtype)
    return ArrayState(state.weights, (dense.spread(held, zeros),))


def _zero(weights: WeightRange) -> float:
    """The matrix value 0 as a weight in [-1, 1]."""
    return -weights.middle / weights.half


@lru_cache(maxsize=256)
def conv_product(
    layout: ConvLayout, stride: tuple[int, ...], dilation: tuple[int, ...]
) -> "ConvProduct | GroupedConvProduct":
    """How line currents of a convolution are formed from images."""
    channels = layout.in_channels // layout.stack
    one = ConvProduct(channels, layout.kernel_size, stride, dilation, layout.padding)
    return one if layout.stack == 1 else GroupedConvProduct(one, layout.stack)


@dataclass(frozen=True, slots=True)
class GroupedConvProduct:
    """A native grouped convolution over images, padding and bias rows left implicit.

    Shapes: data ``(N, groups * channels, *image)``, result ``(N, groups, lines, *positions)``.
    """

    one: ConvProduct
    """That of each group."""
    groups: int
    arithmetic: ClassVar[Arithmetic] = TORCH_ARITHMETIC

    @property
    def axis(self) -> int:
        return -1 - len(self.one.kernel_size)

    def operator(
        self,
        g: Tensor,
        inputs: slice,
        /,
        *,
        constant: Tensor | None,
        one: float,
        rest: float,
    ) -> Operator:
        own = None if constant is None else constant.flatten()
        kernel, channels, bias = self.one.kernel(g.flatten(0, 1), inputs, one=one)
        if bias is not None:
            own = bias if own is None else own + bias
        convolve = self.one.convolution(kernel, own, rest, groups=self.groups)
        whole = channels == slice(0, self.one.in_channels)

        def currents(x: Tensor, further: Tensor | None) -> Tensor:
            if not whole:
                x = x.unflatten(1, (self.groups, -1))[:, :, channels].flatten(1, 2)
            y: Any = convolve(x, None if further is None else further.flatten())
            lines: Tensor = y.unflatten(1, (self.groups, -1))
            return lines

        return currents

    def positions(self, x: Tensor, /) -> int:
        return self.groups * self.one.positions(x)

    def total(self, like: Tensor, inputs: slice, gain: float, /, *, one: float) -> Operator:
        g = like.new_full((self.groups, 1, inputs.stop - inputs.start), gain)
        return self.operator(g, inputs, constant=None, one=one, rest=0.0)
