"""The matrices of a layer: which variables each holds, and how it sits in arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from crosssim_core.cores import ArrayPlan, ArrayState, ProgrammedArrays
from crosssim_core.layers import Layout
from crosssim_torch.chip import ChipIdentity
from crosssim_torch.trace import Trace


@dataclass(frozen=True, slots=True)
class Holding:
    """What one matrix of a layer holds."""

    layout: Layout
    weights: tuple[str, ...]
    """Parameters of the layer, in the order of the layout."""
    biases: tuple[str, ...]
    """Likewise; those that the layer lacks are left out of the matrix."""
    parts: Mapping[str, slice] = field(default_factory=dict)
    """Which part of a parameter along its first axis, where it is not the whole."""

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters."""
        return self.weights + self.biases

    def values(self, module: nn.Module) -> tuple[Any, ...]:
        """The present weights, then biases; None for those that are absent."""
        whole = {name: getattr(module, name, None) for name in self.names}
        return tuple(
            value if value is None or name not in self.parts else value[self.parts[name]]
            for name, value in whole.items()
        )

    def held(self, module: nn.Module) -> tuple[Any, ...]:
        """The whole parameters that the matrix depends on; None for the others."""
        # A layout may provide for a bias that the layer never has.
        analog = zip(self.biases, self.layout.rows, strict=False)
        names = (*self.weights, *(name if rows else None for name, rows in analog))
        return tuple(None if name is None else getattr(module, name, None) for name in names)

    def matrix(self, module: nn.Module) -> Tensor:
        """The ideal matrix, without derivatives."""
        values = (None if v is None else v.detach() for v in self.values(module))
        matrix: Tensor = self.layout.matrix(*values)
        return matrix

    def write(self, module: nn.Module, plan: ArrayPlan, identity: ChipIdentity) -> ArrayState:
        """Program the present weights."""
        # Tensors made in inference mode could never be trained with afterwards.
        with torch.inference_mode(False), torch.no_grad():
            values = self.values(module)
            # The share of a bias that each of its rows holds is no number of half precision.
            exact = (None if value is None else value.detach().double() for value in values)
            matrix = self.layout.matrix(*exact)
            return plan.program(
                matrix,
                dtype=torch.promote_types(values[0].dtype, torch.float32),
                occasion=identity.writes,
                wired=self.layout.wired(like=matrix),
            )


@dataclass(slots=True)
class Tile:
    """One matrix in arrays; their conductances are buffers of the layer."""

    plan: ArrayPlan
    identity: ChipIdentity
    written: tuple[Trace, ...] | None = None
    """The parameters as they were programmed; None if the arrays hold other ones."""
    arrays: ProgrammedArrays | None = None
    """Derived from the buffers, as are the next ones; None until they are needed."""
    weights: tuple[Tensor, ...] | None = None
    """The weights that the arrays hold, in stock shapes."""

    def in_step(self, holding: Holding, module: nn.Module) -> bool:
        """Whether the arrays hold the present weights."""
        if self.written is None:
            return False
        held = holding.held(module)
        return all(trace.fits(now) for trace, now in zip(self.written, held, strict=True))

    def mark_written(self, holding: Holding, module: nn.Module) -> None:
        """Take note that the arrays hold the present weights."""
        self.written = tuple(map(Trace.of, holding.held(module)))

    def forget(self) -> None:
        """Drop what was derived from the buffers."""
        self.arrays = self.weights = None
