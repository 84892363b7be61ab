"""The matrices of a layer: which variables each holds, and how it sits in arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from crosssim_core.chain.mapping import Side
from crosssim_core.converters import ConverterErrors
from crosssim_core.cores import ArrayPlan, ArrayState, Profile, ProgrammedArrays
from crosssim_core.cores.converters import kept_errors, with_errors
from crosssim_core.layers import Layout
from crosssim_core.random import NoiseSource, Occasions, Stream
from crosssim_torch.chip import ChipIdentity, buffer_names, state_of
from crosssim_torch.groups import plan_without_zeros, with_zeros, without_zeros, zeros_matter
from crosssim_torch.noise import TorchNoise
from crosssim_torch.options import LayerOptions
from crosssim_torch.params import OwnParams
from crosssim_torch.saturation import watched
from crosssim_torch.trace import Trace, apart, plain, version

READ: tuple[Side, ...] = ("mvm",)
"""The directions in which layers are read."""


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

    def held(self, module: nn.Module, first: Mapping[str, Tensor] | None = None) -> tuple[Any, ...]:
        """The whole parameters that the matrix depends on; None for the others.

        Args:
            module: The layer.
            first: Where to look for a parameter before the layer is asked.
        """
        # A layout may provide for a bias that the layer never has.
        analog = zip(self.biases, self.layout.rows, strict=False)
        names = (*self.weights, *(name if rows else None for name, rows in analog))
        known = first or {}
        return tuple(
            None if n is None else plain(known[n] if n in known else getattr(module, n, None))
            for n in names
        )

    def plain_values(self, module: nn.Module) -> tuple[Tensor | None, ...]:
        """The present weights, then biases, without derivatives."""
        with apart():
            values = map(plain, self.values(module))
            return tuple(None if value is None else value.detach() for value in values)

    def matrix(self, module: nn.Module) -> Tensor:
        """The ideal matrix, without derivatives."""
        matrix: Tensor = self.layout.matrix(*self.plain_values(module))
        return matrix


@dataclass(frozen=True, slots=True)
class Reading:
    """Arrays, and the layout that says what their lines are."""

    layout: Layout
    arrays: ProgrammedArrays


@dataclass(slots=True)
class Tile:
    """One matrix in arrays; their conductances are buffers of the layer."""

    plan: ArrayPlan
    """The arrays as they are stored: as they are, or without zeros between groups."""
    whole: ArrayPlan
    """The arrays as they are."""
    identity: ChipIdentity
    options: LayerOptions
    errors: ConverterErrors
    """What converters have drawn, as far as their models hand it over."""
    written: tuple[Trace, ...] | None = None
    """The parameters as they were programmed; None if the arrays hold other ones."""
    seen: tuple[tuple[str, Tensor, int], ...] = ()
    """The buffers that everything below is derived from: names, tensors, versions."""
    stored: ProgrammedArrays | None = None
    """Derived from the buffers, as are the next ones; None until they are needed."""
    complete: ProgrammedArrays | None = None
    """The arrays as they are, zeros included."""
    alone: bool | None = None
    """Whether products can be formed with the cells that are stored."""
    weights: tuple[Tensor, ...] | None = None
    """The weights that the arrays multiply by, in stock shapes."""
    profile: Profile | None = None
    """What reads have seen since the plan was made; None where nothing is recorded."""

    @classmethod
    def of(
        cls,
        holding: Holding,
        params: OwnParams,
        options: LayerOptions,
        identity: ChipIdentity,
        errors: ConverterErrors | None = None,
        *,
        same_converters: bool = True,
    ) -> "Tile":
        """Arrays for a matrix, not programmed yet.

        Args:
            holding: What it holds.
            params: Of its arrays.
            options: Of the layer.
            identity: The chip.
            errors: What its converters have drawn; they draw it from the chip's seed if None.
            same_converters: Whether errors that do not fit are refused rather than drawn anew.

        Raises:
            CrossSimError: The parameters contradict each other or ask for what is not simulated.
        """
        layout, stream = holding.layout, identity.errors()
        whole = ArrayPlan.of(layout.shape, params, stream, stack=layout.stack)
        if errors:
            whole = with_errors(whole, READ, errors, others_too=same_converters)
        kept = kept_errors(whole, READ)
        small = None if options.structural_errors else without_zeros(layout)
        plan = None if small is None else plan_without_zeros(whole, small, params, stream)
        if options.gradient == "masked":
            plan, whole = plan and watched(plan), watched(whole)
        if small is None or plan is None:
            plan = whole
        profile = Profile.of(whole, images=layout.images)
        return cls(plan, whole, identity, options, kept, profile=profile)

    def layout(self, holding: Holding) -> Layout:
        """What the lines of ``plan`` are, with the present geometry of the layer."""
        small = None if self.whole is self.plan else without_zeros(holding.layout)
        return small or holding.layout

    def write(
        self, holding: Holding, module: nn.Module, identity: ChipIdentity | None = None
    ) -> ArrayState:
        """Program the present weights; ``identity`` says which programming this is."""
        occasion = (identity or self.identity).writes
        with apart():
            layout, values = self.layout(holding), holding.plain_values(module)
            assert values[0] is not None
            # The share of a bias that each of its rows holds is no number of half precision.
            matrix = layout.matrix(*(None if v is None else _exact(v) for v in values))
            wired = None if self.options.structural_errors else layout.wired(like=matrix)
            return self.plan.program(
                matrix,
                dtype=torch.promote_types(values[0].dtype, torch.float32),
                occasion=occasion,
                wired=wired,
            )

    def load(self, key: str, buffers: Mapping[str, Any], reads: Occasions) -> ProgrammedArrays:
        """The arrays as they are stored in ``buffers``."""
        if self.stored is None:
            state = state_of(key, buffers)
            self.stored = self._arrays(self.plan, state, reads)
        return self.stored

    def completed(self, holding: Holding, stored: ProgrammedArrays, reads: Occasions) -> Reading:
        """The arrays as they are, zeros included."""
        if self.whole is self.plan:
            return Reading(holding.layout, stored)
        if self.complete is None:
            with apart():
                state = with_zeros(stored.state, self.whole, holding.layout)
            self.complete = self._arrays(self.whole, state, reads)
        return Reading(holding.layout, self.complete)

    def readable(self, holding: Holding, stored: ProgrammedArrays, reads: Occasions) -> Reading:
        """What products are formed with: zeros are left out where they cannot matter."""
        if self.alone is None:
            with apart():
                watched = self.profile is not None and self.profile.currents is not None
                self.alone = self.whole is self.plan or not (watched or zeros_matter(stored))
        if self.alone:
            return Reading(self.layout(holding), stored)
        return self.completed(holding, stored, reads)

    def _arrays(self, plan: ArrayPlan, state: ArrayState, reads: Occasions) -> ProgrammedArrays:
        return ProgrammedArrays(plan, state, reads, self._sources, self.profile)

    @property
    def _sources(self) -> Callable[[Stream], NoiseSource]:
        return Stream.source if self.options.noise == "host" else TorchNoise

    def in_step(self, holding: Holding, module: nn.Module, *, edited: bool = False) -> bool:
        """Whether the arrays hold the present weights, or those before edits in place."""
        if self.written is None:
            return False
        pairs = zip(self.written, holding.held(module), strict=True)
        return all(trace.fits(now, edited=edited) for trace, now in pairs)

    def mark_written(self, holding: Holding, module: nn.Module) -> None:
        """Take note that the arrays hold the present weights."""
        with apart():
            self.written = tuple(map(Trace.of, holding.held(module)))

    def look_at(self, key: str, buffers: Mapping[str, Any]) -> None:
        """Derive everything from these buffers from now on."""
        names = buffer_names(key, buffers)
        self.seen = tuple((n, buffers[n], version(buffers[n])) for n in names)
        self.forget()

    def record(self, profile: Profile | None) -> None:
        """Let reads be recorded by ``profile`` from now on."""
        self.profile = profile
        self.forget()

    def forget(self) -> None:
        """Drop what was derived from the buffers."""
        self.stored = self.complete = self.alone = self.weights = None

    def sees_other(self, buffers: Mapping[str, Any]) -> bool:
        """Whether other buffers, or other values, have taken the place of those it looked at."""
        return any(buffers[n] is not old or version(old) != number for n, old, number in self.seen)


def _exact(value: Tensor) -> Tensor:
    """``value`` in double precision; complex numbers stay complex, and the arrays refuse them."""
    return value.to(torch.promote_types(value.dtype, torch.float64))
