"""The constructors of analog layers: params, what the stock layer takes, array rows."""

import inspect
from collections.abc import Iterable
from inspect import Parameter, Signature
from typing import Any, get_overloads

from torch import nn


def stock_parameters(stock: type[nn.Module]) -> list[Parameter]:
    """What the constructor of a stock layer takes, without ``self``.

    Recurrent layers take anything and declare what they mean as an overload.
    """
    initialise: Any = stock.__init__
    declared = get_overloads(initialise) or [initialise]
    return list(inspect.signature(declared[0]).parameters.values())[1:]


def analog_signature(stock: type[nn.Module], rows: Iterable[str]) -> Signature:
    """``params``, the arguments of ``stock``, array rows by name, then the seed and options.

    Where ``stock`` takes more than plain arguments, array rows are given by name only.
    """
    own = stock_parameters(stock)
    plain = [p for p in own if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    kind = Parameter.POSITIONAL_OR_KEYWORD if len(plain) == len(own) else Parameter.KEYWORD_ONLY
    numbers = [Parameter(name, kind, default=0) for name in rows]
    further = [Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in FURTHER]
    first = Parameter("params", Parameter.POSITIONAL_OR_KEYWORD)
    # Python wants them by kind; within a kind the order stays.
    return Signature(sorted([first, *own, *numbers, *further], key=lambda p: p.kind))


FURTHER = ("seed", "options")
"""What every analog layer takes beyond its stock arguments and array rows."""
