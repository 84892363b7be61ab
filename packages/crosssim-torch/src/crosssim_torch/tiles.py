"""The matrices of a layer: which variables each holds, and how it sits in arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from crosssim_core.chain.mapping import Side
from crosssim_core.converters import ConverterErrors
from crosssim_core.cores import ArrayPlan, ArrayState, Compact, Profile, ProgrammedArrays
from crosssim_core.cores.converters import kept_errors, with_errors
from crosssim_core.layers import ConvTransposeLayout, Layout, PackedConvLayout, wired
from crosssim_core.random import NoiseSource, Occasions, Stream
from crosssim_torch.chip import ChipIdentity, buffer_names, state_of
from crosssim_torch.noise import TorchNoise, host_noise
from crosssim_torch.options import LayerOptions
from crosssim_torch.params import OwnParams
from crosssim_torch.saturation import watched
from crosssim_torch.trace import Trace, apart, plain, version

ROUNDING = 16.0
"""What rounding makes of zeros at most, in units of the last digit of the largest weight."""

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
        known = first or {}
        return tuple(
            None if n is None else plain(known[n] if n in known else getattr(module, n, None))
            for n in self._held_names
        )

    @property
    def _held_names(self) -> tuple[str | None, ...]:
        # A layout may provide for a bias that the layer never has.
        analog = zip(self.biases, self.layout.rows, strict=False)
        return (*self.weights, *(name if rows else None for name, rows in analog))

    def is_told(self, module: nn.Module, saved: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint has all parameters that the matrix depends on."""
        own = [
            n for n in self._held_names if n is not None and getattr(module, n, None) is not None
        ]
        return all(name in saved for name in own)

    def plain_values(self, module: nn.Module) -> tuple[Tensor | None, ...]:
        """The present weights, then biases, without derivatives."""
        with apart():
            values = map(plain, self.values(module))
            return tuple(None if value is None else value.detach() for value in values)

    def matrix(self, module: nn.Module) -> Tensor:
        """The ideal matrix, without derivatives."""
        matrix: Tensor = self.layout.matrix(*self.plain_values(module))
        return matrix


class LinearMap(NamedTuple):
    """What derivatives by the inputs are taken along: what the arrays multiply by."""

    weights: tuple[Tensor, ...]
    """In stock shapes."""
    matrix: Tensor | None
    """All of it, bias rows aside, where inputs pass through structural zeros; None elsewhere."""


@dataclass(slots=True)
class Tile:
    """One matrix in arrays; their conductances are buffers of the layer."""

    planned: Layout
    """How the matrix lay when the arrays were planned, or lies since, which is alike to them."""
    whole: ArrayPlan
    """The arrays as they are."""
    compact: Compact | None
    """The same without structural zeros, which is how they are stored; None where all cells are."""
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
    read: ProgrammedArrays | None = None
    """What products are formed with."""
    along: LinearMap | None = None
    """What the arrays multiply by, as their wires make them act."""
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
        if options.gradient == "masked":
            whole = watched(whole)
        compact = None if options.structural_errors else Compact.of(whole, layout.pieces)
        profile = Profile.of(whole, images=layout.images)
        return cls(layout, whole, compact, identity, options, kept, profile=profile)

    @property
    def plan(self) -> ArrayPlan:
        """The arrays as they are stored."""
        return self.whole if self.compact is None else self.compact.stored

    def suits(self, holding: Holding) -> bool:
        """Whether the arrays were planned for a matrix like the present one of the layer."""
        if holding.layout == self.planned:
            return True
        suits = _arrangement(holding.layout) == _arrangement(self.planned)
        if suits:
            self.planned = holding.layout
        return suits

    def layout(self, holding: Holding) -> Layout:
        """What the lines of ``plan`` are, with the present geometry of the layer."""
        layout = holding.layout
        if self.plan.stack == layout.stack:
            return layout
        if isinstance(layout, ConvTransposeLayout):
            return replace(layout, packed=True)
        names = layout.__dataclass_fields__  # type: ignore[attr-defined]
        return PackedConvLayout(**{name: getattr(layout, name) for name in names})

    def write(
        self, holding: Holding, module: nn.Module, identity: ChipIdentity | None = None
    ) -> ArrayState:
        """Program the present weights; ``identity`` says which programming this is."""
        occasion, compact = (identity or self.identity).writes, self.compact
        with apart():
            values = holding.plain_values(module)
            assert values[0] is not None
            dtype = torch.promote_types(values[0].dtype, torch.float32)
            # The share of a bias that each of its rows holds is no number of half precision.
            exact = [None if v is None else _exact(v) for v in values]
            if compact is not None and compact.programmed_apart:
                matrix = self.layout(holding).matrix(*exact)
                return compact.program(matrix, dtype=dtype, occasion=occasion)
            layout = holding.layout
            matrix = layout.matrix(*exact)
            cells = None if self.options.structural_errors else wired(layout, like=matrix)
            state = self.whole.program(matrix, dtype=dtype, occasion=occasion, wired=cells)
            return state if compact is None else compact.stripped(state)

    def load(self, key: str, buffers: Mapping[str, Any], reads: Occasions) -> ProgrammedArrays:
        """The arrays as they are stored in ``buffers``."""
        if self.stored is None:
            state = state_of(key, buffers)
            self.stored = self._arrays(self.plan, state, reads)
        return self.stored

    def completed(self, stored: ProgrammedArrays, reads: Occasions) -> ProgrammedArrays:
        """The arrays as they are, zeros included."""
        if self.compact is None:
            return stored
        if self.complete is None:
            with apart():
                state = self.compact.completed(stored.state)
            self.complete = self._arrays(self.whole, state, reads)
        return self.complete

    def readable(self, stored: ProgrammedArrays, reads: Occasions) -> ProgrammedArrays:
        """What products are formed with: zeros are left out where they cannot matter."""
        if self.read is None:
            compact, profile = self.compact, self.profile
            shown = profile is not None and profile.currents is not None
            if shown or compact is None or not compact.suffices(stored.state.weights):
                self.read = self.completed(stored, reads)
            else:
                assert compact.reading is not None
                with apart():
                    state = compact.picked(stored.state)
                self.read = self._arrays(compact.reading, state, reads)
        return self.read

    def linear_map(self, holding: Holding, stored: ProgrammedArrays, reads: Occasions) -> LinearMap:
        """Along what derivatives are taken; made once for each programming."""
        if self.along is None:
            with apart():
                self.along = self._linear_map(holding, stored, reads)
        return self.along

    def _linear_map(
        self, holding: Holding, stored: ProgrammedArrays, reads: Occasions
    ) -> LinearMap:
        layout, arrays, compact = self.layout(holding), stored, self.compact
        zeros = bool(holding.layout.pieces)
        if zeros and (compact is None or not compact.suffices(stored.state.weights)):
            layout, arrays = holding.layout, self.completed(stored, reads)
        matrix = arrays.linear_map("mvm")
        held: Any = layout.variables(matrix)
        weights = tuple(w.contiguous() for w in held[: len(holding.weights)])
        if arrays.plan is not self.whole or not zeros or not _passes_zeros(matrix, layout):
            return LinearMap(weights, None)
        data = matrix.shape[1] - sum(layout.rows)
        return LinearMap(weights, matrix[:, :data].contiguous())

    def _arrays(self, plan: ArrayPlan, state: ArrayState, reads: Occasions) -> ProgrammedArrays:
        return ProgrammedArrays(plan, state, reads, self._sources, self.profile, apart)

    @property
    def _sources(self) -> Callable[[Stream], NoiseSource]:
        return host_noise if self.options.noise == "host" else TorchNoise

    def in_step(self, holding: Holding, module: nn.Module, *, edited: bool = False) -> bool:
        """Whether the arrays hold the present weights, or those before edits in place."""
        if self.written is None or not self.suits(holding):
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
        self.stored = self.complete = self.read = self.along = None

    def sees_other(self, buffers: Mapping[str, Any]) -> bool:
        """Whether other buffers, or other values, have taken the place of those it looked at."""
        return any(buffers[n] is not old or version(old) != number for n, old, number in self.seen)


FREE = {"stride", "padding", "padding_mode", "output_padding", "dilation", "bias"}
"""What of a layout has no part in how variables lie in its matrix."""


def _arrangement(layout: Layout) -> tuple[Any, ...]:
    """All that tells how variables lie in the matrix."""
    names = [n for n in layout.__dataclass_fields__ if n not in FREE]  # type: ignore[attr-defined]
    return type(layout), *(getattr(layout, name) for name in names)


def _passes_zeros(matrix: Tensor, layout: Layout) -> bool:
    """Whether more than rounding lies at the structural zeros of a layout that has some."""
    cells: Any = wired(layout, like=matrix)
    outside = matrix.abs().masked_fill(cells, 0.0)
    if outside.numel() == 0:
        return False
    return bool(outside.max() > ROUNDING * torch.finfo(matrix.dtype).eps * matrix.abs().max())


def _exact(value: Tensor) -> Tensor:
    """``value`` in double precision; complex numbers stay complex, and the arrays refuse them."""
    return value.to(torch.promote_types(value.dtype, torch.float64))
