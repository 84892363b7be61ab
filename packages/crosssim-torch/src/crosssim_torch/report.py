"""What became analog, what did not, and how well arrays are used."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import parametrize

from crosssim_torch.analog import AnalogModule
from crosssim_torch.overrides import assigned_methods, is_lazy
from crosssim_torch.reach import Found, strays
from crosssim_torch.registry import ANALOG_CLASSES, NOT_BUILT, stock_base
from crosssim_torch.tiles import Holding, Tile

WITHOUT_PRODUCTS = (
    _NormBase,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.GroupNorm,
    nn.Embedding,
    nn.EmbeddingBag,
    nn.PReLU,
)
"""Layers with weights that no matrix product is formed with."""

LISTS = (nn.ParameterList, nn.ParameterDict)
"""What computes nothing, and holds parameters for the module that it is in."""


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer of a network."""

    name: str
    kind: str
    """Name of its class."""
    analog: bool
    why: str
    """Why it is digital, or what is digital in an analog layer; empty if nothing is."""
    arrays: int = 0
    """Arrays that hold it, those of slices and of negative weights among them."""
    cells: int = 0
    """Cells of these arrays that are connected."""
    utilisation: float | None = None
    """Share of the cells of these arrays that carry a weight; None for digital layers. Where the
    size of arrays is not limited they are as large as their part of the matrix [1]."""


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """The layers of a network that have weights, in the order of ``named_modules``.

    ``print(report)`` shows a table.
    """

    layers: tuple[LayerReport, ...]

    @classmethod
    def of(cls, model: nn.Module) -> "ConversionReport":
        """The report on a network, converted or not."""
        return cls(tuple(_rows(model)))

    @property
    def digital(self) -> tuple[LayerReport, ...]:
        """Layers that stayed digital."""
        return tuple(layer for layer in self.layers if not layer.analog)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def cells(self) -> list[tuple[str, ...]]:
        """The table as text, head first."""
        rows: list[tuple[str, ...]] = [("name", "kind", "", "arrays", "cells", "used", "remark")]
        for layer in self.layers:
            used = "" if layer.utilisation is None else f"{100 * layer.utilisation:.1f} %"
            numbers = (str(layer.arrays), f"{layer.cells:,}") if layer.analog else ("", "")
            state = "analog" if layer.analog else "digital"
            rows.append((layer.name or ".", layer.kind, state, *numbers, used, layer.why))
        return rows

    def __str__(self) -> str:
        rows = self.cells()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            texts = [
                text.rjust(width) if i in (3, 4, 5) else text.ljust(width)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(texts).rstrip())
        return "\n".join(lines)


def _rows(model: nn.Module) -> Iterable[LayerReport]:
    inner: set[int] = set()
    network, found = set(map(id, model.modules())), Found()
    for name, module in model.named_modules():
        kind, past = type(module).__name__, strays(module, network, found=found)
        if isinstance(module, AnalogModule) and not past:
            yield _analog(name, kind, module)
        elif id(module) in inner:
            continue
        elif past or _has_weights(module) or isinstance(module, (*ANALOG_CLASSES, *NOT_BUILT)):
            if isinstance(module, nn.MultiheadAttention):
                inner.add(id(module.out_proj))
            yield LayerReport(name, kind, False, why_digital(module, past))
        if parametrize.is_parametrized(module):
            parametrizations: Any = module.parametrizations
            inner |= set(map(id, parametrizations.modules()))


def _has_weights(module: nn.Module) -> bool:
    """Whether it has any; of those in a list, what has two axes may be a matrix."""
    least = 2 if isinstance(module, LISTS) else 0
    return any(p.dim() >= least for p in module.parameters(recurse=False))


def why_digital(module: nn.Module, past: Sequence[str] = ()) -> str:
    """Why a module is digital, which holds others by its attributes ``past`` the network."""
    assigned = assigned_methods(module)
    if assigned and stock_base(module) is not None:
        return f"{', '.join(assigned)} replaced in the very layer"
    if past:
        return f"{', '.join(past)} held past the network"
    if type(module) in ANALOG_CLASSES:
        return "left out of the conversion"
    if isinstance(module, WITHOUT_PRODUCTS):
        return "no matrix product"
    if is_lazy(module):
        return "no weights yet: run the network once first"
    if isinstance(module, LISTS):
        return "no layer: what uses its matrices is digital"
    base = stock_base(module)
    if parametrize.is_parametrized(module):
        return "parametrized"
    if base is not None:
        return f"subclass of {base.__name__} without a twin of its own"
    return "no analog twin is registered for its class"


def _analog(name: str, kind: str, module: AnalogModule) -> LayerReport:
    arrays = cells = room = used = 0
    holdings = module._holdings(module._rows, module._options)
    for key, holding in holdings.items():
        tile = module._tiles[key]
        used += _weights(holding, tile, module) * tile.whole.arrays[0].mapping.slices
        for part in tile.whole.arrays:
            *count_of, lines, drives = part.cells
            core = tile.whole.params[0].core
            count = prod(count_of)
            arrays += count
            cells += count * lines * drives
            room += count * (core.cols_max or lines) * (core.rows_max or drives)
    return LayerReport(name, kind, True, _digital_parts(module), arrays, cells, used / room)


def _weights(holding: Holding, tile: Tile, module: AnalogModule) -> int:
    """Cells of one slice that carry weights, of differential pairs both."""
    outputs, inputs = tile.whole.shape
    pieces = holding.layout.pieces
    count = sum(prod(piece.shape) for piece in pieces) if pieces else outputs * inputs
    return count * tile.whole.arrays[0].mapping.signs


def _digital_parts(module: AnalogModule) -> str:
    """Which biases are added digitally."""
    digital = [
        name
        for holding in module._holdings(module._rows, module._options).values()
        for name, rows in zip(holding.biases, holding.layout.rows, strict=False)
        if not rows and getattr(module, name, None) is not None
    ]
    return f"{', '.join(dict.fromkeys(digital))} digital" if digital else ""
