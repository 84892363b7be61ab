"""What all analog modules share: parameters, the chip, and keeping it in step with the weights."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_core.cores import ArrayPlan, ArrayState, ProgrammedArrays
from crosssim_core.errors import (
    ConversionError,
    DeviceUnavailableError,
    ParameterError,
    ShapeError,
)
from crosssim_core.layers import AnalogLayer
from crosssim_core.random import Occasions, Stream
from crosssim_torch.chip import (
    PREFIX,
    ChipIdentity,
    buffer_names,
    buffer_prefix,
    buffers_of,
    seed_stream,
    state_of,
)
from crosssim_torch.forward import Operands, check_output_dtype
from crosssim_torch.noise import TorchNoise
from crosssim_torch.tiles import Holding, Tile

Params = CrossSimParameters | Sequence[CrossSimParameters]
"""One tree of parameters, or one for each array of the layer, row by row."""

OwnParams = CrossSimParameters | list[CrossSimParameters]

OWN_ATTRIBUTES = ("_params", "_rows", "_tiles", "_reads")
"""What an analog module has beyond its stock layer, buffers aside."""


def own_copy(params: object) -> OwnParams:
    """A copy of one tree, or of a sequence of them.

    Raises:
        ParameterError: ``params`` is neither.
    """
    if isinstance(params, CrossSimParameters):
        return params.copy()
    trees = list(params) if isinstance(params, Sequence) else []
    if not trees or not all(isinstance(tree, CrossSimParameters) for tree in trees):
        kinds = ", ".join(sorted({type(tree).__name__ for tree in trees})) or "nothing"
        raise ParameterError(
            "CrossSimParameters are needed, or a list with one for each array of the layer; got "
            + (f"a sequence of {kinds}." if isinstance(params, Sequence) else f"{params!r}.")
        )
    return [tree.copy() for tree in trees]


def keep_fused_paths_away(module: nn.Module, args: Any) -> None:
    """Do nothing, as a hook of every analog module.

    ``nn.TransformerEncoderLayer`` has a fused path that would read the ideal weights of its
    layers; it takes the other path where a module within it has a hook.
    """


class AnalogModule(nn.Module):
    """A stock layer whose products are formed by simulated arrays.

    The ideal weights stay ordinary parameters under their stock names. The arrays that hold
    them are buffers named ``chip_…``, so they move, copy and save with the layer. Whenever the
    weights have changed, the arrays are programmed again before they are next needed; unchanged
    weights are never programmed again. In-place edits through ``.data`` leave no trace: call
    `synchronize` after them.

    A subclass is also a subclass of the stock layer and gives its `_holdings` and `forward`: which
    of its parameters each of its matrices holds. A layer with one matrix calls it ``""``.
    """

    stock_class: ClassVar[type[nn.Module]]
    """The class whose twin this is."""

    _biases: ClassVar[tuple[str, ...]] = ("bias",)
    """Biases whose array rows can be chosen."""

    _params: OwnParams
    _rows: dict[str, int]
    _tiles: dict[str, Tile]
    _reads: Occasions

    @abstractmethod
    def _holdings(self, rows: Mapping[str, int]) -> dict[str, Holding]:
        """What each matrix holds, with the present geometry and so many rows for each bias."""

    # Construction

    def _become_analog(
        self, params: Params, rows: int | Mapping[str, Any], seed: int | Stream | None
    ) -> None:
        """Take up arrays, once all parameters of the stock layer are in place."""
        stream, named = seed_stream(seed), self._named_rows(rows)
        self._reads = Occasions()
        streams = {key: stream.child(key) if key else stream for key in self._holdings(named)}
        identities = {key: ChipIdentity(own) for key, own in streams.items()}
        self._rebuild(own_copy(params), named, identities)
        self.register_forward_pre_hook(keep_fused_paths_away)

    def _rebuild(
        self, own: OwnParams, rows: dict[str, int], identities: Mapping[str, ChipIdentity]
    ) -> None:
        """Plan and program anew; if anything fails the layer stays as it was."""
        holdings = self._holdings(rows)
        self._check_device(own if isinstance(own, CrossSimParameters) else own[0], holdings)
        tiles = {
            key: Tile(
                ArrayPlan.of(holding.layout.shape, own, identities[key].errors()), identities[key]
            )
            for key, holding in holdings.items()
        }
        states = {
            key: holdings[key].write(self, tile.plan, tile.identity) for key, tile in tiles.items()
        }
        self._params, self._rows, self._tiles = own, rows, tiles
        for key, state in states.items():
            self._hold(key, holdings[key], state, identities[key])

    @classmethod
    def _adopt(
        cls,
        layer: nn.Module,
        params: Params,
        rows: int | Mapping[str, Any],
        seed: int | Stream | None,
    ) -> Self:
        """An analog module with the very parameters, hooks and attributes of ``layer``."""
        if not isinstance(layer, cls.stock_class) or isinstance(layer, AnalogModule):
            raise ConversionError(
                f"{cls.__name__} is made of a {cls.stock_class.__name__}, got {type(layer)}."
            )
        module = cls.__new__(cls)
        containers = {k: v.copy() for k, v in vars(layer).items() if isinstance(v, dict)}
        module.__dict__.update(vars(layer) | containers)
        module._become_analog(params, rows, seed)
        return module

    @classmethod
    def to_torch(
        cls,
        layer: "AnalogModule",
        physical_weights: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> nn.Module:
        """The stock twin of ``layer``, which is left unchanged and shares nothing with it.

        Args:
            layer: An analog layer.
            physical_weights: Take the weights that the arrays hold, errors included.
            device: Where the stock layer shall live; with ``layer`` if None.
            dtype: Type of its parameters; that of ``layer`` if None.
        """
        return copy.deepcopy(layer)._stock(physical_weights=physical_weights).to(device, dtype)

    def _stock(self, *, physical_weights: bool) -> nn.Module:
        """A stock layer with the very parameters, hooks and attributes of this one."""
        values = self._core_values() if physical_weights else {}
        state = {k: v for k, v in vars(self).items() if k not in OWN_ATTRIBUTES}
        stock = self.stock_class.__new__(self.stock_class)
        stock.__dict__.update({k: v.copy() if isinstance(v, dict) else v for k, v in state.items()})
        for name in [n for n in stock._buffers if n.startswith(PREFIX)]:
            del stock._buffers[name]
        hooks = stock._forward_pre_hooks
        for number in [n for n, hook in hooks.items() if hook is keep_fused_paths_away]:
            del hooks[number]
        for name, value in values.items():
            old = getattr(self, name, None)
            if value is not None and old is not None:
                fresh = nn.Parameter(value.to(old.dtype), requires_grad=old.requires_grad)
                stock._parameters[name] = fresh
        return stock

    # What users see

    @property
    def params(self) -> OwnParams:
        """This layer's own parameters. Edits act at the next `reinitialize`; assigning a tree, or
        a list with one for each array, acts at once.
        """
        return self._params

    @params.setter
    def params(self, params: Params) -> None:
        self._rebuild(own_copy(params), self._rows, self._next_chips())

    @property
    def core(self) -> Any:
        """The layer without PyTorch, an `AnalogLayer`: its layout and its programmed arrays.

        Of a layer with several matrices, a list.
        """
        return _alone([self._layer(*item) for item in self._holdings(self._rows).items()])

    def synchronize(self) -> None:
        """Program the present weights into the arrays, with fresh programming errors."""
        for key, holding in self._holdings(self._rows).items():
            self._program(key, holding)

    def reinitialize(self) -> None:
        """Build the arrays anew from `params`: another chip, with fresh errors of every kind."""
        self._rebuild(self._params, self._rows, self._next_chips())

    def form_matrix(self) -> Any:
        """The ideal matrix that is programmed, shape (outputs, inputs + bias rows).

        Of a layer with several matrices, a list.
        """
        return _alone([holding.matrix(self) for holding in self._holdings(self._rows).values()])

    def get_matrix(self) -> Any:
        """The matrix that the arrays hold, errors included; shapes as of `form_matrix`."""
        items = self._holdings(self._rows).items()
        return _alone([self._programmed(*item).matrix() for item in items])

    def get_core_weights(self) -> tuple[Tensor | None, ...]:
        """Programmed weights, then biases, in stock shapes and without derivatives.

        An analog bias is the sum over its bias rows, a digital one a copy of the parameter, and
        one that is absent is None.
        """
        values, holdings = self._core_values(), self._holdings(self._rows).values()
        weights = {name: values[name] for holding in holdings for name in holding.weights}
        return tuple((weights | values).values())

    # Keeping step

    def _operands(self, key: str = "") -> Operands:
        """A matrix that holds one weight and one bias, ready to be read."""
        holding = self._holdings(self._rows)[key]
        layer = self._layer(key, holding)
        weight, bias = (*holding.values(self), None)[:2]
        return Operands(layer, weight, bias, self._programmed_weights(key, holding)[0])

    def _layer(self, key: str, holding: Holding) -> AnalogLayer:
        """A matrix with its arrays, holding the present weights."""
        biases = holding.values(self)[len(holding.weights) :]
        given = (None if bias is None else bias.detach() for bias in biases)
        dtype = getattr(self, holding.weights[0]).dtype
        return AnalogLayer(holding.layout, self._programmed(key, holding), *given, dtype=dtype)

    def _programmed(self, key: str, holding: Holding) -> ProgrammedArrays:
        """The arrays of a matrix, holding the present weights."""
        tile = self._tiles[key]
        if not tile.in_step(holding, self):
            self._program(key, holding)
        if tile.arrays is None:
            state = state_of(key, self._buffers)
            tile.arrays = ProgrammedArrays(tile.plan, state, self._reads, TorchNoise)
        return tile.arrays

    def _programmed_weights(self, key: str, holding: Holding) -> tuple[Tensor, ...]:
        """The weights that the arrays hold, in stock shapes; made once for each programming."""
        arrays, tile = self._programmed(key, holding), self._tiles[key]
        if tile.weights is None:
            with torch.inference_mode(False), torch.no_grad():
                held: Any = holding.layout.variables(arrays.matrix())
                tile.weights = tuple(w.contiguous() for w in held[: len(holding.weights)])
        return tile.weights

    def _core_values(self) -> dict[str, Tensor | None]:
        """What the arrays hold of each parameter; digital biases as they are."""
        parts: dict[str, list[Any]] = {}
        for key, holding in self._holdings(self._rows).items():
            held = self._layer(key, holding).get_core_weights()
            for name, value in zip(holding.names, held, strict=False):
                parts.setdefault(name, []).append(value)
        return {n: None if v[0] is None else torch.cat(v) for n, v in parts.items()}

    def _program(self, key: str, holding: Holding) -> None:
        tile = self._tiles[key]
        again = tile.identity.next_write()
        self._hold(key, holding, holding.write(self, tile.plan, again), again)

    def _hold(self, key: str, holding: Holding, state: ArrayState, identity: ChipIdentity) -> None:
        """Take a programmed matrix over into the buffers."""
        for name in buffer_names(key, self._buffers):
            del self._buffers[name]
        with torch.inference_mode(False):
            for name, buffer in buffers_of(key, state, identity).items():
                self.register_buffer(name, buffer)
        tile = self._tiles[key]
        tile.identity = identity
        tile.forget()
        tile.mark_written(holding, self)

    def _next_chips(self) -> dict[str, ChipIdentity]:
        return {key: tile.identity.next_chip() for key, tile in self._tiles.items()}

    def _named_rows(self, rows: int | Mapping[str, Any]) -> dict[str, int]:
        """Array rows by the name of the bias; an integer is meant for all of them."""
        given = rows if isinstance(rows, Mapping) else dict.fromkeys(self._biases, rows)
        named: dict[str, int] = {}
        for name, value in given.items():
            named |= self._rows_of(name, value)
        return named

    def _rows_of(self, name: str, rows: Any) -> dict[str, int]:
        """The rows of one bias of `_biases`, checked."""
        if type(rows) is not int or rows < 0:
            raise ParameterError(
                f"an integer from 0 upwards is needed, got {rows!r}.", f"{name}_rows"
            )
        return {name: rows}

    def _set_rows(self, name: str, rows: Any) -> None:
        self._rebuild(self._params, self._rows | self._rows_of(name, rows), self._next_chips())

    def _check_device(self, params: CrossSimParameters, holdings: Mapping[str, Holding]) -> None:
        device = self._device(next(iter(holdings.values())))
        if device.type == "meta":
            raise DeviceUnavailableError(
                "The layer lives on the device 'meta', where weights have no values that arrays "
                "could hold: give it weights first, with to_empty(device=...) and a checkpoint."
            )
        check_output_dtype(params.core.output_dtype)
        if params.simulation.useGPU and device.type != "cuda":
            raise ParameterError(
                f"the layer lives on {device}, so useGPU cannot be True: move the layer to a GPU, "
                "or leave useGPU at False and the arrays follow the layer.",
                "simulation.useGPU",
            )

    def _device(self, holding: Holding) -> torch.device:
        weight: Tensor = getattr(self, holding.weights[0])
        return weight.device

    # PyTorch's own machinery

    def __setattr__(self, name: str, value: Any) -> None:
        if "_tiles" in self.__dict__ and name in self._parameters:
            self._check_replacement(name, value)
        super().__setattr__(name, value)

    def _check_replacement(self, name: str, value: Any) -> None:
        """Raise ShapeError if ``value`` cannot take the place of the parameter ``name``."""
        holdings = [h for h in self._holdings(self._rows).values() if name in h.names]
        if not holdings or (name in holdings[0].biases and value is None):
            return
        old = self._parameters[name]
        shape = self._bias_shape() if old is None else tuple(old.shape)
        if not isinstance(value, nn.Parameter) or tuple(value.shape) != shape:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ShapeError(f"{name} takes a Parameter of shape {shape}, got {got}.")

    def _bias_shape(self) -> tuple[int, ...]:
        """Shape of a bias, whether the layer has one or not."""
        return (self._tiles[""].plan.shape[0],)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or cast the layer; the chip moves along and never loses precision."""
        holdings = self._holdings(self._rows)
        in_step = {key: self._tiles[key].in_step(h, self) for key, h in holdings.items()}
        chip = {n: b for n, b in self._buffers.items() if n.startswith(PREFIX) and b is not None}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for key, holding in holdings.items():
            tile, weight = self._tiles[key], getattr(self, holding.weights[0])
            own = {name: chip[name] for name in buffer_names(key, chip)}
            self._buffers.update({n: buffer.to(weight.device) for n, buffer in own.items()})
            types = {buffer.dtype for name, buffer in own.items() if "conductance" in name}
            tile.forget()
            if in_step[key] and weight.dtype == torch.float64 and torch.float64 not in types:
                # The same errors, drawn again, on weights that were rounded to float32 so far.
                state = holding.write(self, tile.plan, tile.identity)
                self._hold(key, holding, state, tile.identity)
            elif in_step[key]:
                tile.mark_written(holding, self)
        return self

    def __getstate__(self) -> dict[str, Any]:
        stock: Any = super().__getstate__()  # type: ignore[no-untyped-call]
        holdings = self._holdings(self._rows)
        tiles = {
            key: (tile.plan, tile.identity, tile.in_step(holdings[key], self))
            for key, tile in self._tiles.items()
        }
        return {**stock, "_tiles": tiles}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        tiles: Any = self._tiles
        self._tiles = {key: Tile(plan, identity) for key, (plan, identity, _) in tiles.items()}
        for key, holding in self._holdings(self._rows).items():
            if tiles[key][-1]:
                self._tiles[key].mark_written(holding, self)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for item in self._holdings(self._rows).items():
            self._programmed(*item)
        super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """A stock checkpoint is programmed into the present chip; an analog one brings its own."""
        carries_chip = any(f"{prefix}{buffer_prefix(k)}identity" in state_dict for k in self._tiles)
        errors = len(error_msgs)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        for tile in self._tiles.values():
            tile.forget()
        if not carries_chip:
            missing_keys[:] = [k for k in missing_keys if not k.startswith(prefix + PREFIX)]
        elif len(error_msgs) == errors:
            for key, holding in self._holdings(self._rows).items():
                numbers = self.get_buffer(f"{buffer_prefix(key)}identity")
                identity = ChipIdentity.from_tensor(numbers)
                plan = ArrayPlan.of(holding.layout.shape, self._params, identity.errors())
                self._tiles[key] = Tile(plan, identity)
                self._tiles[key].mark_written(holding, self)


def _alone(items: list[Any]) -> Any:
    """The only item, or all of them."""
    return items[0] if len(items) == 1 else items
