"""Converter ranges of the layers of a network: set without touching the chip, kept as JSON."""

import json
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from torch import nn

from crosssim_core import CrossSimParameters
from crosssim_core.errors import ConversionError, ParameterWarning
from crosssim_core.layers.ranges import ConverterRanges
from crosssim_torch.analog import AnalogModule
from crosssim_torch.params import trees_of

Ranges = Mapping[str, Sequence[ConverterRanges]]
"""By the name of a layer, one element for each of its parameter trees."""


def set_converters(module: AnalogModule, trees: Sequence[CrossSimParameters]) -> None:
    """Give a layer parameters that differ in its converters alone; its chip stays as it is.

    Raises:
        ParameterError: They are not valid; the layer is unchanged.
    """
    own = list(trees) if isinstance(module.params, list) else trees[0]
    with warnings.catch_warnings():
        # What is doubtful was told when the layer was built.
        warnings.simplefilter("ignore", ParameterWarning)
        module._exchange_converters(own)


def apply_ranges(model: nn.Module, ranges: Ranges) -> None:
    """Set the converters of the layers of an analog network; programmed weights stay as they are.

    Args:
        model: Changed in place; layers without an element in ``ranges`` stay as they are.
        ranges: As a report or `load_ranges` gives them.

    Raises:
        ConversionError: A name is not that of an analog layer, or a layer has another number of
            parameter trees. Nothing has changed then.
        ParameterError: A range does not fit its converter.
    """
    found = {n: m for n, m in model.named_modules() if isinstance(m, AnalogModule)}
    if unknown := [name for name in ranges if name not in found]:
        raise ConversionError(
            f"There are ranges for {', '.join(map(repr, unknown))}, and the analog layers are "
            f"{', '.join(map(repr, found))}."
        )
    for name, given in ranges.items():
        count = len(trees_of(found[name].params))
        if len(given) != count:
            raise ConversionError(
                f"Layer {name!r} has {count} parameter tree(s), and ranges for {len(given)}."
            )
    for name, given in ranges.items():
        pairs = zip(trees_of(found[name].params), given, strict=True)
        set_converters(found[name], [new.applied(tree) for tree, new in pairs])


def save_ranges(ranges: Ranges, path: str | PathLike[str]) -> None:
    """Write ranges to a JSON file."""
    plain = {name: [tree.to_dict() for tree in of] for name, of in ranges.items()}
    Path(path).write_text(json.dumps(plain, indent=4) + "\n", encoding="utf-8")


def load_ranges(path: str | PathLike[str]) -> dict[str, tuple[ConverterRanges, ...]]:
    """Read what `save_ranges` wrote.

    Raises:
        ParameterError: The file holds something else.
    """
    plain = json.loads(Path(path).read_text(encoding="utf-8"))
    return {name: tuple(map(ConverterRanges.from_dict, of)) for name, of in plain.items()}
