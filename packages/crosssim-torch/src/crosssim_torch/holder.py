"""Matrices of a layer in arrays, kept in step with the weights."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

import crosssim_torch.steps  # noqa: F401
from crosssim_core.converters import ConverterErrors
from crosssim_core.converters.errors import same
from crosssim_core.cores import ArrayState, ProgrammedArrays
from crosssim_core.errors import DeviceUnavailableError, ParameterError
from crosssim_core.layers import AnalogLayer, Layout
from crosssim_core.random import Occasions
from crosssim_torch.chip import (
    ChipIdentity,
    buffer_names,
    buffer_prefix,
    buffers_of,
    error_buffers,
    errors_in,
)
from crosssim_torch.forward import Operands, check_output_dtype
from crosssim_torch.options import LayerOptions
from crosssim_torch.params import OwnParams, trees_of
from crosssim_torch.ready import Ready
from crosssim_torch.tiles import Holding, LinearMap, Tile
from crosssim_torch.trace import apart, fingerprint, plain, shards


class ArrayHolder(nn.Module):
    """A module whose weights are held by arrays; their conductances are its buffers."""

    _params: OwnParams
    _options: LayerOptions
    _rows: dict[str, int]
    _tiles: dict[str, Tile]
    _reads: Occasions
    _ready: dict[str, Ready | None]

    @abstractmethod
    def _holdings(self, rows: Mapping[str, int], options: LayerOptions) -> dict[str, Holding]:
        """What each matrix holds, with the present geometry and so many rows for each bias."""

    def _plan(
        self,
        params: OwnParams,
        rows: Mapping[str, int],
        options: LayerOptions,
        identities: Mapping[str, ChipIdentity],
        errors: Mapping[str, ConverterErrors] | None = None,
        *,
        same_converters: bool = True,
    ) -> dict[str, Tile]:
        """Arrays for each matrix, not programmed yet; arguments as of `Tile.of`.

        Raises:
            CrossSimError: The parameters contradict each other or ask for what is not simulated.
        """
        holdings, known = self._holdings(rows, options), errors or {}
        self._check_device(params, holdings)
        return {
            key: Tile.of(
                holding,
                params,
                options,
                identities[key],
                known.get(key),
                same_converters=same_converters,
            )
            for key, holding in holdings.items()
        }

    def _rebuild(
        self,
        params: OwnParams,
        rows: dict[str, int],
        options: LayerOptions,
        identities: Mapping[str, ChipIdentity],
    ) -> None:
        """Plan and program anew; if anything fails the layer stays as it was."""
        self._check_memory()
        tiles, holdings = (
            self._plan(params, rows, options, identities),
            self._holdings(rows, options),
        )
        states = {key: tile.write(holdings[key], self) for key, tile in tiles.items()}
        self._take_up(params, rows, options, tiles)
        for key, state in states.items():
            self._hold(key, holdings[key], state, identities[key])

    def _take_up(
        self,
        params: OwnParams,
        rows: dict[str, int],
        options: LayerOptions,
        tiles: dict[str, Tile],
    ) -> None:
        self._params, self._rows, self._options, self._tiles = params, rows, options, tiles
        self._ready = {}

    def _exchange_converters(self, params: OwnParams) -> None:
        """Take up parameters that differ in the converters alone; the chip stays as it is.

        Raises:
            CrossSimError: They are not valid; the layer is unchanged.
        """
        self._keep_arranged()
        identities = {key: tile.identity for key, tile in self._tiles.items()}
        errors = {key: tile.errors for key, tile in self._tiles.items()}
        tiles = self._plan(
            params, self._rows, self._options, identities, errors, same_converters=False
        )
        for key, tile in tiles.items():
            old = self._tiles[key]
            if old.compact is None:
                tile.compact = None
            tile.written = old.written
            self._keep_errors(key, tile)
            tile.look_at(key, self._buffers)
        self._take_up(params, self._rows, self._options, tiles)

    def _keep_errors(self, key: str, tile: Tile) -> None:
        """Let the buffers tell what the converters of ``tile`` have drawn."""
        device = self.get_buffer(f"{buffer_prefix(key)}identity").device
        for name in [n for n in self._buffers if n.startswith(f"{buffer_prefix(key)}adc_")]:
            del self._buffers[name]
        for name, buffer in error_buffers(key, tile.errors, device).items():
            self.register_buffer(name, buffer)

    # Reading

    def _operands(self, key: str = "") -> Operands:
        """A matrix that holds one weight and one bias, ready to be read."""
        ready = self._ready.get(key)
        if ready is not None and ready.holds(self):
            return ready.operands
        holding = self._holdings(self._rows, self._options)[key]
        weight, bias = (*holding.values(self), None)[:2]
        with apart():
            stored = self._programmed(key, holding)
            tile = self._tiles[key]
            along = tile.linear_map(holding, stored, self._reads)
            arrays = tile.readable(stored, self._reads)
            layer = self._with_biases(holding, holding.layout, arrays)
        operands = Operands(
            layer,
            tile.whole,
            weight,
            bias,
            along.weights[0],
            self._options.gradient,
            holding.layout.digital_bias(bias),
            along.matrix,
        )
        self._ready[key] = Ready.of(self, holding, tile, operands)
        return operands

    def _layer(self, key: str, holding: Holding) -> AnalogLayer:
        """A matrix with its arrays, holding the present weights, ready to be read."""
        stored = self._programmed(key, holding)
        arrays = self._tiles[key].readable(stored, self._reads)
        return self._with_biases(holding, holding.layout, arrays)

    def _whole_layer(self, key: str, holding: Holding) -> AnalogLayer:
        """The same with all cells that its arrays have."""
        stored = self._programmed(key, holding)
        arrays = self._tiles[key].completed(stored, self._reads)
        return self._with_biases(holding, holding.layout, arrays)

    def _with_biases(
        self, holding: Holding, layout: Layout, arrays: ProgrammedArrays
    ) -> AnalogLayer:
        biases = holding.plain_values(self)[len(holding.weights) :]
        dtype = getattr(self, holding.weights[0]).dtype
        return AnalogLayer(layout, arrays, *biases, dtype=dtype)

    def _programmed(self, key: str, holding: Holding) -> ProgrammedArrays:
        """The arrays of a matrix as they are stored, holding the present weights."""
        self._check_memory()
        self._keep_in_step(key, holding)
        return self._tiles[key].load(key, self._buffers, self._reads)

    def _linear_map(self, key: str, holding: Holding) -> LinearMap:
        """What derivatives by the input are taken along: what the arrays hold.

        As their wires make it act.
        """
        stored = self._programmed(key, holding)
        return self._tiles[key].linear_map(holding, stored, self._reads)

    def _core_values(self) -> dict[str, Tensor | None]:
        """What the arrays hold of each parameter; digital biases as they are."""
        parts: dict[str, list[Any]] = {}
        for key, holding in self._holdings(self._rows, self._options).items():
            stored = self._programmed(key, holding)
            layout = self._tiles[key].layout(holding)
            held = self._with_biases(holding, layout, stored).get_core_weights()
            for name, value in zip(holding.names, held, strict=False):
                parts.setdefault(name, []).append(value)
        return {n: None if v[0] is None else torch.cat(v) for n, v in parts.items()}

    # Keeping step

    def _keep_arranged(self) -> bool:
        """Plan and program anew if attributes, such as groups, now tell of other matrices.

        Returns:
            Whether they do.

        Raises:
            ShapeError: The weights have not the shapes that the attributes tell; the arrays are
                left as they were.
        """
        holdings = self._holdings(self._rows, self._options)
        if all(self._tiles[key].suits(holding) for key, holding in holdings.items()):
            return False
        self._rebuild(self._params, self._rows, self._options, self._next_chips())
        return True

    def _in_step(self, key: str, holding: Holding) -> bool:
        manual, tile = self._options.synchronization == "manual", self._tiles[key]
        with apart():
            if shards() and not manual:
                # Gathered parameters live in memory that comes and goes.
                return tile.written is not None and tile.identity.holds(holding.held(self))
            return tile.in_step(holding, self, edited=manual)

    def _edited(self, key: str, holding: Holding) -> bool:
        """Whether weights were edited in place that are to be programmed by hand."""
        by_hand = self._options.synchronization == "manual"
        with apart():
            return by_hand and not self._tiles[key].identity.holds(holding.held(self))

    def _keep_in_step(self, key: str, holding: Holding) -> None:
        """Program a matrix if the weights have changed, and heed buffers that were replaced."""
        if not self._tiles[key].suits(holding):
            self._keep_arranged()
        if self._tiles[key].sees_other(self._buffers):
            self._heed_buffers(key, holding)
        if not self._in_step(key, holding):
            tile = self._tiles[key]
            with apart():
                content = fingerprint(holding.held(self))
            if content == tile.identity.content:
                tile.mark_written(holding, self)
            else:
                self._program(key, holding, content)

    def _heed_buffers(self, key: str, holding: Holding) -> None:
        """Go on with the chip in the buffers: another process of a distributed network sent it."""
        tile = self._tiles[key]
        told: Any = plain(self.get_buffer(f"{buffer_prefix(key)}identity"))
        identity = ChipIdentity.from_tensor(told)
        errors = errors_in(key, self._buffers)
        if identity != tile.identity or not same(errors, tile.errors):
            tile = Tile.of(holding, self._params, self._options, identity, errors)
            self._tiles[key] = tile
            if identity.holds(holding.held(self)):
                tile.mark_written(holding, self)
        tile.look_at(key, self._buffers)

    def _program(self, key: str, holding: Holding, content: int | None = None) -> None:
        self._check_memory()
        tile = self._tiles[key]
        again = tile.identity.next_write(fresh=self._options.errors == "fresh")
        self._hold(key, holding, tile.write(holding, self, again), again, content)

    def _hold(
        self,
        key: str,
        holding: Holding,
        state: ArrayState,
        identity: ChipIdentity,
        content: int | None = None,
    ) -> None:
        """Take a programmed matrix over into the buffers.

        Args:
            key: Which matrix.
            holding: What it holds.
            state: What programming left behind.
            identity: The chip.
            content: Fingerprint of the weights, if it is known.
        """
        for name in buffer_names(key, self._buffers):
            del self._buffers[name]
        tile = self._tiles[key]
        with apart():
            if content is None:
                content = fingerprint(holding.held(self))
            tile.identity = replace(identity, content=content)
            for name, buffer in buffers_of(key, state, tile.identity, tile.errors).items():
                self.register_buffer(name, buffer)
        tile.look_at(key, self._buffers)
        if tile.profile is not None:
            tile.profile.forget_currents()
        tile.mark_written(holding, self)

    def _hold_as_they_are(self, key: str, holding: Holding) -> None:
        """Let the arrays count as those of the present weights, whose type alone has changed."""
        tile = self._tiles[key]
        with apart():
            content = fingerprint(holding.held(self))
            if content != tile.identity.content:
                tile.identity = replace(tile.identity, content=content)
                name = f"{buffer_prefix(key)}identity"
                device = self.get_buffer(name).device
                self.register_buffer(name, tile.identity.to_tensor().to(device))
                tile.look_at(key, self._buffers)

    def _next_chips(self) -> dict[str, ChipIdentity]:
        return {key: tile.identity.next_chip() for key, tile in self._tiles.items()}

    def _check_device(self, params: OwnParams, holdings: Mapping[str, Holding]) -> None:
        first = next(iter(holdings.values()))
        weight: Tensor = getattr(self, first.weights[0])
        check_output_dtype(trees_of(params)[0].core.output_dtype)
        if trees_of(params)[0].simulation.useGPU and weight.device.type != "cuda":
            raise ParameterError(
                f"the layer lives on {weight.device}, so useGPU cannot be True: move the layer to "
                "a GPU, or leave useGPU at False and the arrays follow the layer.",
                "simulation.useGPU",
            )

    def _check_memory(self) -> None:
        """Raise DeviceUnavailableError if there are no weights that arrays could hold."""
        if any(parameter.is_meta for parameter in self.parameters()):
            raise DeviceUnavailableError(
                "The layer lives on the device 'meta', where weights have no values that arrays "
                "could hold: give it weights first, with to_empty(device=...) and a checkpoint, or "
                "load one with assign=True."
            )
