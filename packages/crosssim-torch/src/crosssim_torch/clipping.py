"""Derivatives of the inputs as DACs clip them, where converters are to be masked.

An input takes part in derivatives by what is left of it within the range of its DAC. The ends of
ranges that follow from the data are taken for constants.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from crosssim_core.chain.inputs import InputPath
from crosssim_core.chain.lines import flat
from crosssim_core.cores import ArrayPlan
from crosssim_core.layers import CellLayout, Layout
from crosssim_core.parameters import CrossSimParameters


class DacRange(NamedTuple):
    """Digital inputs that one DAC takes without clipping; None for ends that follow from data."""

    low: float | None
    high: float | None
    signed: bool
    path: InputPath

    @classmethod
    def of(cls, tree: CrossSimParameters, path: InputPath) -> "DacRange | None":
        """The range of an array; None if it takes all inputs."""
        limits, dac = tree.core.mapping.inputs.mvm, tree.xbar.dac.mvm
        if path.dac is None or (limits.percentile == 1.0 and dac.signed):
            return None
        if path.scale.factor is None:
            return cls(None, None, dac.signed, path)
        return cls(limits.min, limits.max, dac.signed, path)

    def clip(self, x: Tensor, vectors: Tensor) -> Tensor:
        """What is left of the inputs ``x``, which are some of those in ``vectors``."""
        if self.path.scale.factor is not None:
            return x.clamp(self.low, self.high)
        scale = self.path.scale
        high = torch.as_tensor(scale.limit(vectors), dtype=x.dtype, device=x.device)
        return x.clamp(-high if self.signed else torch.zeros_like(high), high)


@dataclass(frozen=True, slots=True)
class InputRanges:
    """The DACs of the arrays of a matrix, row by row; one for all that are alike."""

    plan: ArrayPlan
    ranges: tuple[tuple[DacRange | None, ...], ...]

    @classmethod
    def of(cls, plan: ArrayPlan) -> "InputRanges":
        trees, cols = plan.params, len(plan.parts[0])
        return cls(
            plan,
            tuple(
                tuple(
                    DacRange.of(trees[(r * cols + c) % len(trees)], part.reads["mvm"].path)
                    for c, part in enumerate(row)
                )
                for r, row in enumerate(plan.parts)
            ),
        )

    @property
    def alike(self) -> bool:
        """Whether all arrays clip inputs at the same fixed ends, or none does."""
        return len(self._ends) == 1 and None not in next(iter(self._ends))

    @property
    def common(self) -> tuple[Any, ...]:
        """The ends that all have where they are `alike`; none where nothing is clipped."""
        (ends,) = self._ends
        return ends

    @property
    def _ends(self) -> set[tuple[float | None, ...]]:
        return {() if one is None else (one.low, one.high) for row in self.ranges for one in row}

    def products(self, x: Tensor, weight: Tensor, layout: Layout) -> Tensor:
        """Products of a matrix, bias rows aside, with what DACs leave of the vectors of ``x``.

        Shapes are those of the layer's output. Vectors are explicit, as of the literal chain.

        Args:
            x: As the layout takes it.
            weight: The matrix without bias rows, shape (outputs, inputs).
            layout: How data become vectors.
        """
        vectors: Tensor = layout.vectors(x)
        data, constant = vectors[..., : weight.shape[1]], vectors.detach()
        stacked = self.plan.stack > 1
        weight = weight.unflatten(0, (self.plan.stack, -1)) if stacked else weight
        rows = []
        for row, ranges in zip(self.plan.parts, self.ranges, strict=True):
            pieces = []
            for part, of in zip(row, ranges, strict=True):
                piece = data[..., part.inputs]
                pieces.append(piece if of is None else of.clip(piece, constant))
            outputs = row[0].outputs if len(self.plan.parts) > 1 else slice(None)
            driving, own = torch.cat(pieces, dim=-1), weight[..., outputs, :]
            # In a stack each matrix is driven by inputs of its own.
            each = torch.einsum("...sn,smn->...sm", driving, own) if stacked else driving @ own.mT
            rows.append(each)
        lines = torch.cat(rows, dim=-1)
        product: Any = layout.outputs(flat(lines, -1) if stacked else lines, x)
        stand_in: Tensor = product
        return stand_in


def stand_in(
    ranges: InputRanges,
    layout: Layout,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    programmed: Tensor,
) -> Tensor:
    """What has the derivatives of a product whose inputs are clipped, whatever its value.

    Args:
        ranges: Of the DACs.
        layout: How data become vectors.
        x: As the layout takes it.
        weight: The ideal weights, as a matrix, as a kernel, or as those of both halves of a cell;
            they get the derivatives.
        bias: What array rows hold, which are driven by a constant.
        programmed: The weights that the arrays hold, like ``weight``.
    """
    held = programmed + (weight - weight.detach()).to(programmed.dtype)
    if held.dim() > 2:
        bare: Any = replace(layout, bias_rows=0)  # type: ignore[type-var]
        held = bare.matrix(held)
    elif isinstance(layout, CellLayout) and len(held) < layout.shape[0]:
        held = layout.placed(held)
    y = ranges.products(x.to(held.dtype), held, layout)
    return y if bias is None else layout.add_bias(y, bias.to(y.dtype))
