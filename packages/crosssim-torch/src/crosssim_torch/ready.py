"""What reading a matrix needs, kept as long as nothing about it has changed."""

from dataclasses import dataclass

from torch import Tensor, nn

from crosssim_torch.forward import Operands
from crosssim_torch.tiles import Holding, Tile
from crosssim_torch.trace import plain, shards

Sight = tuple[str, Tensor | None, int | None, int]
"""Name, tensor, version and address of what was seen; no version where edits do not count."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Operands, and everything that they were made of."""

    operands: Operands
    tile: Tile
    stored: object
    """The arrays that the tile had derived from its buffers."""
    parameters: tuple[Sight, ...]

    @classmethod
    def of(
        cls, module: nn.Module, holding: Holding, tile: Tile, operands: Operands
    ) -> "Ready | None":
        """Operands that were just made; None if their next change might go unnoticed here.

        So it is for parameters that are computed, gathered or wrapped, or made in inference mode;
        and for parts of parameters, whose derivatives belong to the call that takes them.
        """
        if shards() or holding.parts:
            return None
        held = {id(tensor) for tensor in holding.held(module)}
        manual = tile.options.synchronization == "manual"
        parameters: list[Sight] = []
        for name in holding.names:
            tensor = module._parameters.get(name)
            if tensor is None:
                if getattr(module, name, None) is not None:
                    return None
                parameters.append((name, None, None, 0))
                continue
            if plain(tensor) is not tensor or tensor.is_inference():
                return None
            counts = id(tensor) in held and not manual
            version = tensor._version if counts else None
            parameters.append((name, tensor, version, tensor.data_ptr()))
        return cls(operands, tile, tile.stored, tuple(parameters))

    def holds(self, module: nn.Module) -> bool:
        """Whether nothing has changed."""
        tile = self.tile
        if tile.written is None or tile.stored is not self.stored or self.stored is None:
            return False
        parameters = module._parameters
        for name, tensor, version, address in self.parameters:
            if parameters.get(name) is not tensor:
                return False
            if tensor is not None and (
                (version is not None and tensor._version != version) or tensor.data_ptr() != address
            ):
                return False
        buffers = module._buffers
        return all(buffers[n] is old and old._version == number for n, old, number in tile.seen)
