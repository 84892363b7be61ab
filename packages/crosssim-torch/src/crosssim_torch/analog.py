"""What all analog modules share, as users see it: construction, parameters, weights."""

import copy
from collections.abc import Mapping
from inspect import Signature
from typing import Any, ClassVar, NoReturn, Self

import torch
from torch import Tensor, nn

from crosssim_core.errors import ConversionError, ParameterError, ShapeError
from crosssim_core.random import Occasions, Stream
from crosssim_torch.carried import CarriedChip
from crosssim_torch.chip import PREFIX, ChipIdentity, seed_stream
from crosssim_torch.compiled import opaque, refuse_graphs
from crosssim_torch.options import LayerOptions, given_options
from crosssim_torch.overrides import assigned_methods, difference, is_lazy
from crosssim_torch.parametrized import (
    compute_again,
    copied,
    forget_computation,
    keep_parametrizations,
)
from crosssim_torch.params import OwnParams, Params, own_copy
from crosssim_torch.signatures import analog_signature

OWN_ATTRIBUTES = ("_params", "_options", "_rows", "_tiles", "_reads", "_ready")
"""What an analog module has beyond its stock layer, buffers aside."""


def keep_fused_paths_away(module: nn.Module, args: Any) -> None:
    """Do nothing, as a hook of every analog module that a fused path might pass by.

    ``nn.TransformerEncoderLayer`` has a fused path that would read the ideal weights of its
    layers; it takes the other path where a module within it has a hook.
    """


class AnalogModule(CarriedChip):
    """A stock layer whose products are formed by simulated arrays.

    The ideal weights stay ordinary parameters under their stock names. The arrays that hold
    them are buffers named ``chip_…``, so they move, copy and save with the layer. Whenever the
    weights have changed, the arrays are programmed again before they are next needed; unchanged
    weights are never programmed again. In-place edits through ``.data`` leave no trace: call
    `synchronize` after them.

    A subclass is also a subclass of the stock layer and gives its `_holdings` and `forward`: which
    of its parameters each of its matrices holds. A layer with one matrix calls it ``""``.

    Args:
        params: One tree of parameters, or one for each array. A copy is kept.
        args: What the stock layer takes, in its order, then the array rows of each bias.
        seed: Makes one chip; with None ``torch.manual_seed`` governs.
        options: Layout, synchronization and derivatives; defaults if None.
        named: The arguments of ``args`` by their names.

    Raises:
        CrossSimError: The parameters contradict each other or ask for what is not simulated.
    """

    stock_class: ClassVar[type[nn.Module]]
    """The class whose twin this is."""

    _biases: ClassVar[tuple[str, ...]] = ("bias",)
    """Biases whose array rows can be chosen."""

    _in_fused_paths: ClassVar[bool] = True
    """Whether PyTorch might multiply by the weights of such a layer without calling it."""

    _sizes: ClassVar[str] = (
        "an analog layer keeps the sizes that it was made with, whatever attributes such as "
        "in_features or input_size say: convert a stock layer of the other size"
    )
    """Where the shapes of its parameters come from, for messages."""

    _signature: ClassVar[Signature]

    def __init_subclass__(cls, **further: Any) -> None:
        super().__init_subclass__(**further)
        shown: Any = cls
        if "forward" in vars(cls):
            shown.forward = opaque(shown.forward)
        if "stock_class" in vars(cls):
            rows = [f"{name}_rows" for name in cls._biases]
            shown.__signature__ = cls._signature = analog_signature(cls.stock_class, rows)
        elif "__init__" in vars(cls):
            shown.__signature__ = None

    def __init__(
        self,
        params: Params,
        *args: Any,
        seed: int | Stream | None = None,
        options: LayerOptions | None = None,
        **named: Any,
    ) -> None:
        given = self._signature.bind(params, *args, **named).arguments
        del given["params"]
        rows = {name: given.pop(f"{name}_rows", 0) for name in self._biases}
        self.stock_class.__init__(self, **given)
        self._become_analog(params, rows, seed, options)

    # Construction

    def _become_analog(
        self,
        params: Params,
        rows: int | Mapping[str, Any],
        seed: int | Stream | None,
        options: LayerOptions | None,
    ) -> None:
        """Take up arrays, once all parameters of the stock layer are in place."""
        taken = [n for n in (*self._parameters, *self._buffers) if n.startswith(PREFIX)]
        if taken:
            raise ConversionError(
                f"{type(self).__name__} has {', '.join(taken)} of its own, and names that begin "
                f"with {PREFIX} belong to the chip: rename them."
            )
        stream, named = seed_stream(seed), self._named_rows(rows)
        self._reads = Occasions()
        compute_again(self)
        options = given_options(options)
        holdings = self._holdings(named, options)
        streams = {key: stream.child(key) if key else stream for key in holdings}
        identities = {key: ChipIdentity(own) for key, own in streams.items()}
        self._rebuild(own_copy(params), named, options, identities)
        if self._in_fused_paths:
            self.register_forward_pre_hook(keep_fused_paths_away)

    @classmethod
    def _copied(cls, layer: nn.Module) -> nn.Module:
        """A deep copy of the stock layer that an analog twin is to be made of."""
        if not isinstance(layer, cls.stock_class) or isinstance(layer, AnalogModule):
            raise ConversionError(
                f"{cls.__name__} is made of a {cls.stock_class.__name__}, got {type(layer)}."
            )
        if is_lazy(layer):
            raise ConversionError("the layer has no weights yet: run it once before.")
        return copied(layer)

    @classmethod
    def _adopt(
        cls,
        layer: nn.Module,
        params: Params,
        rows: int | Mapping[str, Any],
        seed: int | Stream | None,
        options: LayerOptions | None = None,
    ) -> Self:
        """An analog module with the very parameters, hooks and attributes of ``layer``.

        Raises:
            ConversionError: The layer computes otherwise than its stock class.
            CrossSimError: The parameters do not fit it.
        """
        other = difference(layer, cls.stock_class)
        if other is not None:
            raise ConversionError(
                f"the layer {other}, which its analog twin would not have: write a class that "
                "computes so and an analog twin of it, see crosssim_torch.register."
            )
        module = cls.__new__(cls)
        containers = {k: v.copy() for k, v in vars(layer).items() if isinstance(v, dict)}
        module.__dict__.update(vars(layer) | containers)
        keep_parametrizations(module)
        module._become_analog(params, rows, seed, options)
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

        Raises:
            ConversionError: ``layer`` is not analog.
        """
        if not isinstance(layer, AnalogModule):
            raise ConversionError(
                f"{cls.__name__}.to_torch takes analog layers, got {type(layer)}."
            )
        return copy.deepcopy(layer)._stock(physical_weights=physical_weights).to(device, dtype)

    def _stock(self, *, physical_weights: bool) -> nn.Module:
        """A stock layer with the very parameters, hooks and attributes of this one.

        Raises:
            ConversionError: A method was replaced in the very layer.
        """
        assigned = assigned_methods(self)
        if assigned:
            raise ConversionError(
                f"{type(self).__name__} has its {', '.join(assigned)} replaced in the very layer, "
                "and what stands there would go on running the analog one: take it away, convert, "
                "and set it again."
            )
        values = self._core_values() if physical_weights else {}
        state = {k: v for k, v in vars(self).items() if k not in OWN_ATTRIBUTES}
        stock = self.stock_class.__new__(self.stock_class)
        stock.__dict__.update({k: v.copy() if isinstance(v, dict) else v for k, v in state.items()})
        for name in [n for n in stock._buffers if n.startswith(PREFIX)]:
            del stock._buffers[name]
        hooks = stock._forward_pre_hooks
        for number in [n for n, hook in hooks.items() if hook is keep_fused_paths_away]:
            del hooks[number]
        for name in values:
            forget_computation(stock, name)
        keep_parametrizations(stock)
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
        self._rebuild(own_copy(params), self._rows, self._options, self._next_chips())

    @property
    def options(self) -> LayerOptions:
        """Layout, synchronization and derivatives of this layer. Can be assigned, None for the
        defaults; another layout makes another chip.
        """
        return self._options

    @options.setter
    def options(self, options: LayerOptions | None) -> None:
        options = given_options(options)
        self._keep_arranged()
        old = self._options
        if (options.groups, options.structural_errors) != (old.groups, old.structural_errors):
            self._rebuild(self._params, self._rows, options, self._next_chips())
            return
        identities = {key: tile.identity for key, tile in self._tiles.items()}
        errors = {key: tile.errors for key, tile in self._tiles.items()}
        tiles = self._plan(self._params, self._rows, options, identities, errors)
        for key, tile in tiles.items():
            if options.synchronization == old.synchronization:
                tile.written = self._tiles[key].written
            tile.look_at(key, self._buffers)
        self._take_up(self._params, self._rows, options, tiles)

    @property
    def core(self) -> Any:
        """The layer without PyTorch, an `AnalogLayer`: its layout and its programmed arrays.

        Of a layer with several matrices, a list.
        """
        items = self._holdings(self._rows, self._options).items()
        return _alone([self._whole_layer(*item) for item in items])

    def synchronize(self) -> None:
        """Program the present weights into the arrays, with fresh programming errors."""
        if self._keep_arranged():
            return
        for key, holding in self._holdings(self._rows, self._options).items():
            self._program(key, holding)

    def reinitialize(self) -> None:
        """Build the arrays anew from `params`: another chip, with fresh errors of every kind."""
        self._rebuild(self._params, self._rows, self._options, self._next_chips())

    def form_matrix(self) -> Any:
        """The ideal matrix that is programmed, shape (outputs, inputs + bias rows).

        Of packed groups, their matrices one below the other; of a layer with several matrices, a
        list.
        """
        holdings = self._holdings(self._rows, self._options).values()
        return _alone([holding.matrix(self) for holding in holdings])

    def get_matrix(self) -> Any:
        """The matrix that the arrays hold, errors included; shapes as of `form_matrix`."""
        items = self._holdings(self._rows, self._options).items()
        return _alone([self._whole_layer(*item).get_matrix() for item in items])

    def get_core_weights(self) -> tuple[Tensor | None, ...]:
        """Programmed weights, then biases, in stock shapes and without derivatives.

        An analog bias is the sum over its bias rows, a digital one a copy of the parameter, and
        one that is absent is None.
        """
        values, holdings = self._core_values(), self._holdings(self._rows, self._options).values()
        weights = {name: values[name] for holding in holdings for name in holding.weights}
        return tuple((weights | values).values())

    # Checks

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
        named = self._rows | self._rows_of(name, rows)
        self._rebuild(self._params, named, self._options, self._next_chips())

    def __prepare_scriptable__(self) -> NoReturn:
        """What ``torch.jit.script`` asks of a module first."""
        refuse_graphs()

    def __setattr__(self, name: str, value: Any) -> None:
        if "_tiles" in self.__dict__ and name in self._parameters:
            self._check_replacement(name, value)
        if "_ready" in self.__dict__:
            self._ready.clear()
        super().__setattr__(name, value)

    def _check_replacement(self, name: str, value: Any) -> None:
        """Raise ShapeError if ``value`` cannot take the place of the parameter ``name``."""
        holdings = [
            h for h in self._holdings(self._rows, self._options).values() if name in h.names
        ]
        if not holdings or (name in holdings[0].biases and value is None):
            return
        shape = self._shape_of(name)
        if not isinstance(value, nn.Parameter) or tuple(value.shape) != shape:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            why = f"; {self._sizes}" if isinstance(value, nn.Parameter) else ""
            raise ShapeError(f"{name} takes a Parameter of shape {shape}, got {got}{why}.")

    def _shape_of(self, name: str) -> tuple[int, ...]:
        """Shape that the parameter ``name`` has to have."""
        held = self._parameters[name]
        return self._bias_shape() if held is None else tuple(held.shape)

    def _bias_shape(self) -> tuple[int, ...]:
        """Shape of a bias, whether the layer has one or not."""
        return (self._tiles[""].whole.shape[0],)


def _alone(items: list[Any]) -> Any:
    """The only item, or all of them."""
    return items[0] if len(items) == 1 else items
