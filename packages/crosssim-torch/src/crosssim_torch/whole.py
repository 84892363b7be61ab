"""Whether the tensors that tell of a chip in a checkpoint are such as were saved."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from crosssim_core.errors import StateError

IDENTITY_NUMBERS = 5
"""Numbers of an identity at least: those before the key of its stream."""


def check_whole(chip: Mapping[str, Any]) -> None:
    """Check types, shapes and values of the tensors of one layer whose names begin with ``chip_``.

    Raises:
        StateError: Some were averaged, cut, turned round, or never filled, or are no tensors.
    """
    strange = [f"{n} ({type(v).__name__})" for n, v in chip.items() if not isinstance(v, Tensor)]
    if strange:
        raise StateError(f"tensors are needed, and {', '.join(strange)} is none.")
    other = [name for name, tensor in chip.items() if not _has_its_type(name, tensor)]
    if other:
        told = ", ".join(
            f"{name} ({str(chip[name].dtype).removeprefix('torch.')})" for name in other
        )
        raise StateError(
            f"{told} cannot have been saved so. What is called chip_… tells of one chip, and "
            "neither averages nor casts of it tell of any: average stock_state_dict(…) of the "
            "checkpoints instead, and load that."
        )
    _refuse(chip, lambda name, tensor: tensor.is_meta, "hold no values")
    _refuse(chip, lambda name, tensor: not _is_complete(name, tensor), "are not complete")
    _refuse(chip, lambda name, tensor: not bool(tensor.isfinite().all()), "are not finite")
    _refuse(chip, _is_negative, "are negative, which no conductance is")
    _refuse(chip, _is_turned, "do not ascend, from the lowest to the highest value of a weight")


def _refuse(chip: Mapping[str, Tensor], is_wrong: Callable[[str, Tensor], bool], how: str) -> None:
    wrong = [name for name, tensor in chip.items() if is_wrong(name, tensor)]
    if wrong:
        raise StateError(f"the values of {', '.join(wrong)} {how}.")


def _has_its_type(name: str, tensor: Tensor) -> bool:
    if name.endswith("_identity"):
        return tensor.dtype is torch.int64
    if name.endswith("_record"):
        return tensor.dtype is torch.uint8
    if name.endswith("_limits") or "_conductance_" in name:
        return tensor.is_floating_point()
    return not tensor.is_complex()


def _is_negative(name: str, tensor: Tensor) -> bool:
    return "_conductance_" in name and bool((tensor < 0).any())


def _is_turned(name: str, tensor: Tensor) -> bool:
    if not name.endswith("_limits"):
        return False
    low, high = tensor.tolist()
    return bool(low >= high)


def _is_complete(name: str, tensor: Tensor) -> bool:
    if name.endswith("_identity"):
        seed, *counts = tensor.flatten()[:IDENTITY_NUMBERS].tolist() or [-2]
        enough = tensor.dim() == 1 and len(counts) == IDENTITY_NUMBERS - 1
        return enough and seed >= -1 and min(counts) >= 0
    return not name.endswith("_limits") or tuple(tensor.shape) == (2,)
