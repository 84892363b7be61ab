"""What all analog modules share: parameters, the chip, and keeping it in step with the weights."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_core.cores import ArrayPlan, ProgrammedArrays
from crosssim_core.errors import ParameterError, ShapeError
from crosssim_core.layers import AnalogLayer, Layout, analog_bias
from crosssim_core.random import Occasions, Stream
from crosssim_torch.chip import PREFIX, ChipIdentity, buffers_of, seed_stream, state_of
from crosssim_torch.noise import TorchNoise
from crosssim_torch.trace import Trace

Params = CrossSimParameters | Sequence[CrossSimParameters]
"""One tree of parameters, or one for each array of the layer, row by row."""

OwnParams = CrossSimParameters | list[CrossSimParameters]


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


class AnalogModule(nn.Module):
    """A stock layer whose products are formed by simulated arrays.

    The ideal weights stay ordinary parameters under their stock names. The arrays that hold
    them are buffers named ``chip_…``, so they move, copy and save with the layer. Whenever the
    weights have changed, the arrays are programmed again before they are next needed; unchanged
    weights are never programmed again. In-place edits through ``.data`` leave no trace: call
    `synchronize` after them.

    A subclass is also a subclass of the stock layer and gives its `_layout` and `forward`.
    """

    stock_class: ClassVar[type[nn.Module]]
    """The class whose twin this is."""

    weight: Tensor
    bias: Tensor | None

    _params: OwnParams
    _bias_rows: int
    _identity: ChipIdentity
    _plan: ArrayPlan
    _arrays: ProgrammedArrays | None = None
    _reads: Occasions
    _held_weight: Tensor | None = None
    _written: tuple[Trace, ...] | None = None

    @abstractmethod
    def _layout(self, bias_rows: int) -> Layout:
        """How the present geometry of the layer is laid out as a matrix."""

    # Construction

    def _become_analog(self, params: Params, bias_rows: int, seed: int | Stream | None) -> None:
        """Take up arrays, once all parameters of the stock layer are in place."""
        self._reads = Occasions()
        self._rebuild(own_copy(params), bias_rows, ChipIdentity(seed_stream(seed)))

    def _rebuild(self, own: OwnParams, bias_rows: int, identity: ChipIdentity) -> None:
        """Plan and program anew; if anything fails the layer stays as it was."""
        if type(bias_rows) is not int or bias_rows < 0:
            raise ParameterError(
                f"an integer from 0 upwards is needed, got {bias_rows!r}.", "bias_rows"
            )
        self._check_device(own if isinstance(own, CrossSimParameters) else own[0])
        plan = ArrayPlan.of(self._layout(bias_rows).shape, own, identity.errors())
        state = self._write(plan, self._layout(bias_rows), identity)
        self._params, self._bias_rows, self._plan = own, bias_rows, plan
        self._hold(state, identity)

    @classmethod
    def _adopt(
        cls, layer: nn.Module, params: Params, bias_rows: int, seed: int | Stream | None
    ) -> Self:
        """An analog module with the very parameters, hooks and attributes of ``layer``."""
        module = cls.__new__(cls)
        containers = {k: v.copy() for k, v in vars(layer).items() if isinstance(v, dict)}
        module.__dict__.update(vars(layer) | containers)
        module._become_analog(params, bias_rows, seed)
        return module

    @classmethod
    def from_torch(
        cls,
        layer: nn.Module,
        params: Params,
        bias_rows: int = 0,
        *,
        seed: int | Stream | None = None,
    ) -> Self:
        """The analog twin of ``layer``, which is left unchanged and shares nothing with it.

        Args:
            layer: A layer of the stock class.
            params: One tree of parameters, or one for each array.
            bias_rows: Array rows that hold the bias; with 0 it is added digitally.
            seed: Makes one chip; with None ``torch.manual_seed`` governs.
        """
        return cls._adopt(copy.deepcopy(layer), params, bias_rows, seed)

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
        weights = self.get_core_weights() if physical_weights else ()
        own = set(AnalogModule.__annotations__) - {"weight", "bias"}
        state = {k: v for k, v in vars(self).items() if k not in own}
        stock = self.stock_class.__new__(self.stock_class)
        stock.__dict__.update({k: v.copy() if isinstance(v, dict) else v for k, v in state.items()})
        for name in [n for n in stock._buffers if n.startswith(PREFIX)]:
            del stock._buffers[name]
        for name, value in zip(("weight", "bias"), weights, strict=False):
            old = getattr(self, name)
            if value is not None:
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
        self._rebuild(own_copy(params), self._bias_rows, self._next_chip())

    @property
    def bias_rows(self) -> int:
        """Array rows that hold the bias; with 0 it is added digitally. Can be assigned."""
        return self._bias_rows

    @bias_rows.setter
    def bias_rows(self, rows: int) -> None:
        self._rebuild(self._params, rows, self._next_chip())

    @property
    def core(self) -> AnalogLayer:
        """The layer without PyTorch: its layout and its programmed arrays."""
        digital = None if self._bias_rows or self.bias is None else self.bias.detach()
        return AnalogLayer(self._layout(self._bias_rows), self._programmed(), digital)

    def synchronize(self) -> None:
        """Program the present weights into the arrays, with fresh programming errors."""
        identity = self._identity
        again = ChipIdentity(identity.stream, identity.chip, identity.writes + 1)
        self._hold(self._write(self._plan, self._layout(self._bias_rows), again), again)

    def reinitialize(self) -> None:
        """Build the arrays anew from `params`: another chip, with fresh errors of every kind."""
        self._rebuild(self._params, self._bias_rows, self._next_chip())

    def form_matrix(self) -> Tensor:
        """The ideal matrix that is programmed, shape (outputs, inputs + bias rows)."""
        return self._matrix(self._layout(self._bias_rows))

    def get_matrix(self) -> Tensor:
        """The matrix that the arrays hold, errors included; same shape."""
        matrix: Tensor = self._programmed().matrix()
        return matrix

    def get_core_weights(self) -> tuple[Tensor, Tensor | None]:
        """Programmed weight and bias in stock shapes, without derivatives.

        An analog bias is the sum over its bias rows, a digital one a copy of the parameter.
        """
        layout, matrix = self._layout(self._bias_rows), self.get_matrix()
        bias = analog_bias(layout, matrix)
        if bias is None and self.bias is not None:
            bias = self.bias.detach().clone()
        return layout.weight(matrix).clone(), bias

    # Keeping step

    def _programmed(self) -> ProgrammedArrays:
        """The arrays, holding the present weights."""
        if not self._in_step():
            self.synchronize()
        if self._arrays is None:
            self._arrays = ProgrammedArrays(
                self._plan, state_of(self._buffers), self._reads, TorchNoise
            )
        return self._arrays

    def _programmed_weight(self) -> Tensor:
        """The weight that the arrays hold, in stock shape; made once for each programming."""
        arrays = self._programmed()
        if self._held_weight is None:
            with torch.inference_mode(False), torch.no_grad():
                weight = self._layout(self._bias_rows).weight(arrays.matrix())
                self._held_weight = weight.contiguous()
        return self._held_weight

    def _in_step(self) -> bool:
        """Whether the arrays hold the present weights."""
        if self._written is None:
            return False
        return all(t.fits(w) for t, w in zip(self._written, self._held(), strict=True))

    def _held(self) -> tuple[Tensor, Tensor | None]:
        """The weights that belong into the arrays."""
        return self.weight, self.bias if self._bias_rows else None

    def _mark_written(self) -> None:
        """Take note that the arrays hold the present weights."""
        self._written = tuple(map(Trace.of, self._held()))

    def _matrix(self, layout: Layout) -> Tensor:
        bias = self.bias if layout.bias_rows else None
        matrix: Tensor = layout.matrix(
            self.weight.detach(), None if bias is None else bias.detach()
        )
        return matrix

    def _write(self, plan: ArrayPlan, layout: Layout, identity: ChipIdentity) -> Any:
        # Tensors made in inference mode could never be trained with afterwards.
        with torch.inference_mode(False), torch.no_grad():
            return plan.program(
                self._matrix(layout),
                dtype=torch.promote_types(self.weight.dtype, torch.float32),
                occasion=identity.writes,
                wired=layout.wired(like=self.weight.detach()),
            )

    def _hold(self, state: Any, identity: ChipIdentity) -> None:
        """Take a programmed state over into the buffers."""
        for name in [n for n in self._buffers if n.startswith(PREFIX)]:
            del self._buffers[name]
        with torch.inference_mode(False):
            for name, buffer in buffers_of(state, identity).items():
                self.register_buffer(name, buffer)
        self._identity = identity
        self._forget()
        self._mark_written()

    def _forget(self) -> None:
        """Drop what was derived from the buffers."""
        self._arrays = self._held_weight = None

    def _next_chip(self) -> ChipIdentity:
        return ChipIdentity(self._identity.stream, self._identity.chip + 1)

    def _check_device(self, params: CrossSimParameters) -> None:
        device = self.weight.device
        if params.simulation.useGPU and device.type != "cuda":
            raise ParameterError(
                f"the layer lives on {device}, so useGPU cannot be True: move the layer to a GPU, "
                "or leave useGPU at False and the arrays follow the layer.",
                "simulation.useGPU",
            )

    # PyTorch's own machinery

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("weight", "bias") and "_plan" in self.__dict__:
            self._check_replacement(name, value)
        super().__setattr__(name, value)

    def _check_replacement(self, name: str, value: Any) -> None:
        """Raise ShapeError if ``value`` cannot take the place of the parameter ``name``."""
        if name not in self._parameters or (name == "bias" and value is None):
            return
        old = self._parameters[name]
        shape = (self._plan.shape[0],) if old is None else tuple(old.shape)
        if not isinstance(value, nn.Parameter) or tuple(value.shape) != shape:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ShapeError(f"{name} takes a Parameter of shape {shape}, got {got}.")

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or cast the layer; the chip moves along and never loses precision."""
        in_step = self._in_step()
        chip = {n: b for n, b in self._buffers.items() if n.startswith(PREFIX) and b is not None}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in chip.items():
            self._buffers[name] = buffer.to(self.weight.device)
        types = {buffer.dtype for name, buffer in chip.items() if "conductance" in name}
        self._forget()
        if in_step and self.weight.dtype == torch.float64 and torch.float64 not in types:
            # The same errors, drawn again, on weights that were rounded to float32 so far.
            layout = self._layout(self._bias_rows)
            self._hold(self._write(self._plan, layout, self._identity), self._identity)
        elif in_step:
            self._mark_written()
        return self

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_arrays"] = state["_held_weight"] = None
        state["_written"] = self._in_step()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        in_step, self._written = self._written, None
        if in_step:
            self._mark_written()

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        self._programmed()
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
        carries_chip = f"{prefix}{PREFIX}identity" in state_dict
        errors = len(error_msgs)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        self._forget()
        if not carries_chip:
            missing_keys[:] = [k for k in missing_keys if not k.startswith(prefix + PREFIX)]
        elif len(error_msgs) == errors:
            identity = ChipIdentity.from_tensor(self.get_buffer(f"{PREFIX}identity"))
            layout = self._layout(self._bias_rows)
            self._plan = ArrayPlan.of(layout.shape, self._params, identity.errors())
            self._identity = identity
            self._mark_written()
