"""What a checkpoint tells of a chip beside its conductances."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_core.converters import HostArray
from crosssim_core.cores.converters import versions, warn_of_versions
from crosssim_core.errors import StateError
from crosssim_core.random import Occasions
from crosssim_torch.chip import PREFIX, ChipIdentity, buffer_names, buffer_prefix, errors_in
from crosssim_torch.options import LayerOptions
from crosssim_torch.params import OwnParams, trees_of
from crosssim_torch.tiles import READ, Tile

FORMAT = 1
"""Number of the form in which chips are saved."""

RECORD = f"{PREFIX}record"
"""Name of the tensor that holds the text."""


def stock_state_dict(saved: nn.Module | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of a checkpoint that a stock network takes with ``strict=True``.

    Prefixes of names, such as those of DistributedDataParallel and ``torch.compile``, stay.

    Args:
        saved: An analog network, or its ``state_dict()``; left unchanged.
    """
    state = saved.state_dict() if isinstance(saved, nn.Module) else saved
    places = {name: name.rpartition(".") for name in state}
    layers = {layer for layer, _, own in places.values() if own == RECORD}
    return {
        name: state[name]
        for name, (layer, _, own) in places.items()
        if not (layer in layers and own.startswith(PREFIX))
    }


@dataclass(frozen=True, slots=True)
class SavedChip:
    """Parameters, array rows and options of a layer, and how often it was read.

    Conductances and errors of converters are tensors of their own in a checkpoint, and so is what
    further errors follow from: the seed, the counts of chips and programmings.
    """

    params: OwnParams
    rows: dict[str, int]
    options: LayerOptions
    reads: int
    errors: tuple[str, ...]
    """Names of the tensors that hold errors of converters."""
    versions: dict[str, str]
    """Of the distributions whose converters keep no errors and are drawn again."""
    identities_have: dict[str, int]
    """Numbers of the identity of each matrix."""

    @classmethod
    def of(
        cls,
        params: OwnParams,
        rows: dict[str, int],
        options: LayerOptions,
        reads: Occasions,
        tiles: Mapping[str, Tile],
    ) -> Self:
        """What is to be told of these matrices."""
        errors = tuple(buffer_prefix(key) + n for key, tile in tiles.items() for n in tile.errors)
        redrawn = versions((tile.whole for tile in tiles.values()), READ, redrawn=True)
        lengths = {key: len(tile.identity.to_tensor()) for key, tile in tiles.items()}
        return cls(params, rows, options, reads.count, errors, redrawn, lengths)

    def to_tensor(self) -> Tensor:
        """As bytes of JSON, which every format for tensors takes."""
        values = {
            "format": FORMAT,
            "params": [tree.to_dict() for tree in trees_of(self.params)],
            "single": isinstance(self.params, CrossSimParameters),
            "rows": self.rows,
            "options": self.options.to_dict(),
            "reads": self.reads,
            "errors": self.errors,
            "versions": self.versions,
            "identities": self.identities_have,
        }
        return torch.frombuffer(bytearray(json.dumps(values).encode()), dtype=torch.uint8)

    @classmethod
    def from_tensor(cls, text: Tensor | None) -> Self:
        """What `to_tensor` told.

        Raises:
            StateError: It is damaged, or of another format.
            ParameterError: Parameters are not valid here: a model may not be installed.
        """
        unreadable = StateError(f"the checkpoint has no readable {RECORD}.")
        try:
            values = json.loads(b"" if text is None else bytes(text.tolist()))
            number = values.get("format")
        except (ValueError, AttributeError):
            raise unreadable from None
        if number != FORMAT:
            raise StateError(f"it is saved in format {number!r}, and this is format {FORMAT}.")
        try:
            trees = [CrossSimParameters.from_dict(tree) for tree in values["params"]]
            params = trees[0] if values["single"] else trees
            options = LayerOptions.from_dict(values["options"])
            told = (
                tuple(values.get("errors", ())),
                dict(values.get("versions", {})),
                dict(values.get("identities", {})),
            )
            return cls(params, dict(values["rows"]), options, int(values["reads"]), *told)
        except (LookupError, TypeError):
            raise unreadable from None

    def warn_of_versions(self, tiles: Mapping[str, Tile]) -> None:
        """Warn if converters that are drawn again came from other versions than are installed.

        Warns:
            StateWarning: One does.
        """
        here = versions((tile.whole for tile in tiles.values()), READ)
        warn_of_versions(self.versions, here)

    def converters(
        self, chip: Mapping[str, Tensor], keys: Iterable[str]
    ) -> dict[str, dict[str, HostArray]]:
        """Errors of the converters of each matrix.

        Raises:
            StateError: The checkpoint lacks some.
        """
        _check_complete(chip, self.errors)
        return {key: errors_in(key, chip) for key in keys}

    def identities(
        self, chip: Mapping[str, Tensor], keys: Iterable[str]
    ) -> dict[str, ChipIdentity]:
        """The chip of each matrix.

        Raises:
            StateError: The checkpoint lacks one, or it has other numbers than were saved.
        """
        names = {key: f"{buffer_prefix(key)}identity" for key in keys}
        _check_complete(chip, names.values())
        for key, name in names.items():
            got = len(chip[name])
            if got != self.identities_have.get(key, got):
                raise StateError(
                    f"{name} has {got} numbers, and {self.identities_have[key]} were saved."
                )
        return {key: ChipIdentity.from_tensor(chip[name]) for key, name in names.items()}

    def buffers(
        self, chip: Mapping[str, Tensor], tiles: Mapping[str, Tile], *, like: Tensor
    ) -> dict[str, Tensor]:
        """Copies of the tensors of ``chip`` on the device and in the precision of ``like``.

        Raises:
            StateError: They do not fit the arrays, or the checkpoint lacks some.
        """
        dtype, buffers = torch.promote_types(like.dtype, torch.float32), {}
        for key, tile in tiles.items():
            own, start = buffer_names(key, chip), buffer_prefix(key)
            _check_complete(chip, [f"{start}limits"])
            wanted = {str(i): shape for i, shape in enumerate(tile.plan.state_shapes)}
            # A file may tell tensors in any order.
            numbers = [n.removeprefix(f"{start}conductance_") for n in own if "conductance" in n]
            got = {i: tuple(chip[f"{start}conductance_{i}"].shape) for i in sorted(numbers)}
            if got != wanted:
                raise StateError(
                    f"its conductances have shapes {got}; by its parameters they are {wanted}."
                )
            for name in own:
                kind = dtype if "conductance" in name else chip[name].dtype
                buffers[name] = chip[name].detach().to(like.device, kind, copy=True)
        return buffers


def _check_complete(chip: Mapping[str, Tensor], names: Iterable[str]) -> None:
    """Raise StateError unless the checkpoint has all these tensors."""
    lacking = [name for name in names if name not in chip]
    if lacking:
        raise StateError(f"the checkpoint lacks {', '.join(lacking)}.")
