"""Standing beside ``torch.compile``: an analog layer is one opaque step of a compiled network."""

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NoReturn, cast

import torch

from crosssim_core.errors import UnsupportedError

Forward = Callable[..., Any]

REASON = "an analog layer programs its arrays when weights have changed, which no graph would do"


def opaque(forward: Forward) -> Forward:
    """``forward`` such that the compiler neither traces nor enters it.

    A layer programs its arrays when its weights have changed, which no traced graph would do again.
    """
    disabled: list[Forward] = []

    @wraps(forward)
    def run(*args: Any, **named: Any) -> Any:
        _check_nothing_records([*args[1:], *named.values()])
        # Importing the compiler takes longer than most networks; without it nothing compiles.
        if "torch._dynamo" not in sys.modules:
            return forward(*args, **named)
        if not disabled:
            disabled.append(torch.compiler.disable(forward, reason=REASON))
        return disabled[0](*args, **named)

    shown: Any = run
    shown._torchdynamo_disable = True
    shown._torchdynamo_disable_msg = REASON
    return run


def _check_nothing_records(given: Iterable[Any]) -> None:
    """Raise UnsupportedError where a layer would be recorded as a graph instead of being run."""
    exports = "torch._dynamo" in sys.modules and torch.compiler.is_exporting()
    fx, jit = cast(Any, sys.modules.get("torch.fx")), cast(Any, torch.jit)
    symbolic = fx is not None and any(isinstance(x, fx.Proxy) for x in given)
    if exports or symbolic or jit.is_tracing():
        refuse_graphs()


def refuse_graphs() -> NoReturn:
    """Raise UnsupportedError, with what can be done instead."""
    raise UnsupportedError(
        "An analog layer cannot be recorded as a graph, which would neither program changed "
        "weights nor draw noise anew: record to_torch(model, physical_weights=True), run the "
        "network under torch.compile, or tell the tracer of torch.fx that it is a leaf."
    )
