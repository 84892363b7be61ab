"""Standing beside ``torch.compile``: an analog layer is one opaque step of a compiled network."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch

Forward = Callable[..., Any]


def opaque(forward: Forward) -> Forward:
    """``forward`` such that the compiler neither traces nor enters it.

    A layer programs its arrays when its weights have changed, which no traced graph would do again.
    """
    disabled: list[Forward] = []

    @wraps(forward)
    def run(*args: Any, **named: Any) -> Any:
        # Importing the compiler takes longer than most networks; without it nothing compiles.
        if "torch._dynamo" not in sys.modules:
            return forward(*args, **named)
        if not disabled:
            disabled.append(torch.compiler.disable(forward))
        return disabled[0](*args, **named)

    shown: Any = run
    shown._torchdynamo_disable = True
    return run
