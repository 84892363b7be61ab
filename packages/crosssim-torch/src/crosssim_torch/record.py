"""What a checkpoint tells of a chip beside its conductances."""

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_core.errors import StateError, StateWarning
from crosssim_core.plugins.registry import find_model
from crosssim_torch.chip import PREFIX, ChipIdentity, buffer_names, buffer_prefix
from crosssim_torch.options import LayerOptions
from crosssim_torch.params import OwnParams, trees_of
from crosssim_torch.tiles import Tile

FORMAT = 1
"""Number of the form in which chips are saved."""

RECORD = f"{PREFIX}record"
"""Name of the tensor that holds the text."""


def stock_state_dict(saved: nn.Module | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of a checkpoint that a stock network takes with ``strict=True``.

    Args:
        saved: An analog network, or its ``state_dict()``; left unchanged.
    """
    state = saved.state_dict() if isinstance(saved, nn.Module) else saved
    return {n: t for n, t in state.items() if not n.rpartition(".")[2].startswith(PREFIX)}


def _versions(trees: Iterable[CrossSimParameters]) -> dict[str, str]:
    """Versions of the distributions that converters come from, by their names."""
    models = []
    for tree in trees:
        models += [find_model("adc", tree.xbar.adc.mvm.model)]
        models += [find_model("dac", tree.xbar.dac.mvm.model)]
    return {model.distribution: model.version for model in models}


@dataclass(frozen=True, slots=True)
class SavedChip:
    """Parameters, array rows and options of a layer, and how often it was read.

    Conductances are tensors of their own in a checkpoint, and so is what errors follow from: the
    seed, the counts of chips and programmings. Errors of converters are drawn from it again.
    """

    params: OwnParams
    rows: dict[str, int]
    options: LayerOptions
    reads: int

    def to_tensor(self) -> Tensor:
        """As bytes of JSON, which every format for tensors takes."""
        values = {
            "format": FORMAT,
            "params": [tree.to_dict() for tree in trees_of(self.params)],
            "single": isinstance(self.params, CrossSimParameters),
            "rows": self.rows,
            "options": self.options.to_dict(),
            "reads": self.reads,
            "versions": _versions(trees_of(self.params)),
        }
        return torch.frombuffer(bytearray(json.dumps(values).encode()), dtype=torch.uint8)

    @classmethod
    def from_tensor(cls, text: Tensor | None) -> Self:
        """What `to_tensor` told.

        Raises:
            StateError: It is damaged, or of another format.
            ParameterError: Parameters are not valid here: a model may not be installed.

        Warns:
            StateWarning: Another version of a converter's distribution is installed than drew its
                errors.
        """
        try:
            values = json.loads(b"" if text is None else bytes(text.tolist()))
            number = values.get("format")
        except (ValueError, AttributeError):
            raise StateError(f"the checkpoint has no readable {RECORD}.") from None
        if number != FORMAT:
            raise StateError(f"it is saved in format {number!r}, and this is format {FORMAT}.")
        trees = [CrossSimParameters.from_dict(tree) for tree in values["params"]]
        params = trees[0] if values["single"] else trees
        options = LayerOptions.from_dict(values["options"])
        here = _versions(trees)
        for name, saved in values.get("versions", {}).items():
            if here.get(name, saved) != saved:
                warnings.warn(
                    f"A chip was saved with {name} {saved}, and {here[name]} is installed: errors "
                    "of converters, which are drawn again from its seed, may differ.",
                    StateWarning,
                    stacklevel=2,
                )
        return cls(params, values["rows"], options, values["reads"])

    def identities(
        self, chip: Mapping[str, Tensor], keys: Iterable[str]
    ) -> dict[str, ChipIdentity]:
        """The chip of each matrix.

        Raises:
            StateError: The checkpoint lacks one.
        """
        names = {key: f"{buffer_prefix(key)}identity" for key in keys}
        lacking = [name for name in names.values() if name not in chip]
        if lacking:
            raise StateError(f"the checkpoint lacks {', '.join(lacking)}.")
        return {key: ChipIdentity.from_tensor(chip[name]) for key, name in names.items()}

    def buffers(
        self, chip: Mapping[str, Tensor], tiles: Mapping[str, Tile], *, like: Tensor
    ) -> dict[str, Tensor]:
        """Copies of the tensors of ``chip`` on the device and in the precision of ``like``.

        Raises:
            StateError: They do not fit the arrays.
        """
        dtype, buffers = torch.promote_types(like.dtype, torch.float32), {}
        for key, tile in tiles.items():
            own = buffer_names(key, chip)
            wanted = tile.plan.state_shapes
            got = [tuple(chip[n].shape) for n in own if "conductance" in n]
            if got != list(wanted) or f"{buffer_prefix(key)}limits" not in chip:
                raise StateError(
                    f"its conductances have shapes {got}; by its parameters they are {wanted}."
                )
            for name in own:
                kind = dtype if "conductance" in name else chip[name].dtype
                buffers[name] = chip[name].detach().to(like.device, kind, copy=True)
        return buffers
