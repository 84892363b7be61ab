"""The command ``crosssim report``."""

import importlib
import sys
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from torch import nn

from crosssim_core import CrossSimParameters
from crosssim_core.errors import ConversionError
from crosssim_torch.convert import from_torch
from crosssim_torch.options import LayerOptions
from crosssim_torch.report import ConversionReport


def print_report(
    place: str,
    params: str,
    bias_rows: int,
    fuse_batchnorm: bool,
    options: dict[str, Any],
    exclude: Sequence[str] | None,
) -> None:
    """Convert the network at ``place`` and print what became of its layers.

    Raises:
        CrossSimError: There is no network, or it cannot be converted so.
    """
    _, report = from_torch(
        network_at(place),
        CrossSimParameters.from_json(params),
        bias_rows,
        fuse_batchnorm,
        options=LayerOptions.from_dict(options),
        exclude=exclude,
        report=True,
    )
    Console().print(table(report))


def network_at(place: str) -> nn.Module:
    """The network that ``module:name`` names, or that what it names makes without arguments.

    Modules are looked for in the working directory too.

    Raises:
        ConversionError: There is none.
    """
    module, _, path = place.partition(":")
    if not path:
        raise ConversionError(f"{place!r} does not say where a network is: write module:name.")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise ConversionError(f"No network is at {place!r}: {error}.") from error
    finally:
        sys.path.remove(str(Path.cwd()))
    model = found if isinstance(found, nn.Module) or not callable(found) else _made(found, place)
    if not isinstance(model, nn.Module):
        raise ConversionError(f"{place!r} is no network but {type(model).__name__}.")
    return model


def _made(maker: Callable[..., Any], place: str) -> Any:
    """What ``maker`` makes without arguments."""
    try:
        signature(maker).bind()
    except (TypeError, ValueError) as error:
        raise ConversionError(f"{place!r} does not make a network by itself: {error}.") from None
    return maker()


def table(report: ConversionReport) -> Table:
    """The report as a table for the terminal."""
    head, *rows = report.cells()
    shown = Table()
    for number, title in enumerate(head):
        shown.add_column(title, justify="right" if number in (3, 4, 5) else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    return shown
