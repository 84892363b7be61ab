"""What PyTorch does with a module: moving, copying, saving and loading its chip along."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

from crosssim_core.errors import CrossSimError
from crosssim_core.random import Occasions
from crosssim_torch.chip import PREFIX, buffer_names
from crosssim_torch.holder import ArrayHolder
from crosssim_torch.parametrized import compute_again
from crosssim_torch.record import RECORD, SavedChip
from crosssim_torch.trace import apart
from crosssim_torch.whole import check_whole


class CarriedChip(ArrayHolder):
    """A module that takes its chip along wherever it goes."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or cast the layer; the chip moves along and never loses precision.

        A cast that rounds the weights leaves the arrays as they are: they hold the weights from
        before it, until these change. A checkpoint saved after it brings back that very chip.
        """
        holdings = self._holdings(self._rows, self._options)
        in_step = {key: self._in_step(key, holding) for key, holding in holdings.items()}
        edited = {key: self._edited(key, holding) for key, holding in holdings.items()}
        before = {name: p.dtype for name, p in self.named_parameters()}
        chip = {n: b for n, b in self._buffers.items() if n.startswith(PREFIX) and b is not None}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for key, holding in holdings.items():
            tile, weight = self._tiles[key], getattr(self, holding.weights[0])
            own = {name: chip[name] for name in buffer_names(key, chip)}
            self._buffers.update({n: _moved(b, weight.device) for n, b in own.items()})
            types = {buffer.dtype for name, buffer in own.items() if "conductance" in name}
            tile.look_at(key, self._buffers)
            if any(buffer.is_meta for buffer in own.values()) and not weight.is_meta:
                tile.written = None
                self._keep_errors(key, tile)
                tile.look_at(key, self._buffers)
            elif (
                in_step[key]
                and not edited[key]
                and weight.dtype == torch.float64
                and torch.float64 not in types
            ):
                # The same errors, drawn again, on weights that were rounded to float32 so far.
                self._hold(key, holding, tile.write(holding, self), tile.identity)
            elif in_step[key]:
                tile.mark_written(holding, self)
                cast = any(p.dtype != before[name] for name, p in self.named_parameters())
                if cast and not edited[key]:
                    self._hold_as_they_are(key, holding)
        return self

    def __getstate__(self) -> dict[str, Any]:
        self._keep_arranged()
        stock: Any = super().__getstate__()  # type: ignore[no-untyped-call]
        tiles = {
            key: (self._tiles[key].identity, self._tiles[key].errors, self._in_step(key, holding))
            for key, holding in self._holdings(self._rows, self._options).items()
        }
        return {**stock, "_tiles": tiles, "_ready": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        kept: Any = self._tiles
        identities = {key: identity for key, (identity, *_) in kept.items()}
        errors = {key: drawn for key, (_, drawn, _) in kept.items()}
        self._tiles = self._plan(self._params, self._rows, self._options, identities, errors)
        for key, holding in self._holdings(self._rows, self._options).items():
            self._tiles[key].look_at(key, self._buffers)
            if kept[key][-1]:
                self._tiles[key].mark_written(holding, self)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for item in self._holdings(self._rows, self._options).items():
            self._keep_in_step(*item)
        super()._save_to_state_dict(destination, prefix, keep_vars)
        saved = SavedChip.of(self._params, self._rows, self._options, self._reads, self._tiles)
        device = next(b for n, b in self._buffers.items() if n.startswith(PREFIX)).device  # type: ignore[union-attr]
        destination[prefix + RECORD] = saved.to_tensor().to(device)

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
        before = len(error_msgs)
        super()._load_from_state_dict(
            {k: v for k, v in state_dict.items() if not k.startswith(prefix + PREFIX)},
            prefix,
            local_metadata,
            strict,
            missing_keys,
            unexpected_keys,
            error_msgs,
        )
        compute_again(self)
        missing_keys[:] = [k for k in missing_keys if not k.startswith(prefix + PREFIX)]
        if any(prefix + name in state_dict for name in self._parameters):
            for tile in self._tiles.values():
                tile.written = None
        start = len(prefix)
        own = {k[start:]: v for k, v in state_dict.items() if k.startswith(prefix)}
        chip = {name: v for name, v in own.items() if name.startswith(PREFIX) and "." not in name}
        if chip and len(error_msgs) == before:
            try:
                unexpected_keys += [prefix + name for name in self._take_over(chip, own)]
            except CrossSimError as error:
                error_msgs.append(f"The chip of {prefix.rstrip('.') or 'the layer'}: {error}")

    def _take_over(self, chip: dict[str, Tensor], saved_weights: Mapping[str, Tensor]) -> list[str]:
        """Become the chip of a checkpoint; if anything is wrong the present one stays.

        Where the checkpoint lacks weights, or has others than its arrays hold, they are programmed
        into that chip before the next read; with manual synchronization others that it has are
        edits, which wait for `synchronize`.

        Returns:
            Names in ``chip`` that tell of nothing that this layer has.
        """
        self._check_memory()
        check_whole(chip)
        saved = SavedChip.from_tensor(chip.pop(RECORD, None))
        rows = self._rows | saved.rows
        holdings = self._holdings(rows, saved.options)
        known = {name for key in holdings for name in buffer_names(key, chip)}
        identities = saved.identities(chip, holdings)
        errors = saved.converters(chip, holdings)
        tiles = self._plan(saved.params, rows, saved.options, identities, errors)
        saved.warn_of_versions(tiles)
        buffers = saved.buffers(chip, tiles, like=next(self.parameters()))
        self._take_up(saved.params, rows, saved.options, tiles)
        self._reads = Occasions(saved.reads)
        for name in [n for n in self._buffers if n.startswith(PREFIX)]:
            del self._buffers[name]
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer)
        for key, holding in holdings.items():
            tiles[key].look_at(key, self._buffers)
            with apart():
                held = holding.held(self, saved_weights)
            if tiles[key].identity.holds(held):
                tiles[key].mark_written(holding, self)
                # The layer may have rounded what it was given to its own type.
                self._hold_as_they_are(key, holding)
            elif saved.options.synchronization == "manual" and holding.is_told(self, saved_weights):
                # Edits in place that waited when it was saved go on waiting.
                tiles[key].mark_written(holding, self)
        return sorted(chip.keys() - known)


def _moved(buffer: Tensor, device: torch.device) -> Tensor:
    """``buffer`` on ``device``; what comes from the meta device holds zeros."""
    if buffer.is_meta and device.type != "meta":
        return torch.zeros_like(buffer, device=device)
    return buffer.to(device)
