"""What a module reaches past the modules that it consists of.

Conversion replaces modules where they are registered. Functions are not copied with a network, and
what a function, a bound method or a plain list holds stays the stock module that it was.
"""

import dis
from collections.abc import Container, Iterable, Iterator
from functools import lru_cache, partial
from types import CodeType, FunctionType, MethodType
from typing import Any
from weakref import ref

from torch import nn

from crosssim_torch.overrides import acts_in_forward, assigned_methods


def reached(module: nn.Module) -> dict[str, list[nn.Module]]:
    """Modules with parameters that attributes of ``module`` hold, by the names of these."""
    held = {n: _held(v) for n, v in vars(module).items() if acts_in_forward(n)}
    return {name: modules for name, modules in held.items() if modules}


def strays(
    module: nn.Module, network: Container[int], kind: type[nn.Module] = nn.Module
) -> list[str]:
    """Attributes of ``module`` that hold modules which are no part of a network.

    Args:
        module: One module of it.
        network: Identities of all its modules.
        kind: What to look for: modules that are of this kind, or contain one.
    """

    def is_stray(held: nn.Module) -> bool:
        return id(held) not in network and any(isinstance(part, kind) for part in held.modules())

    return sorted(name for name, held in reached(module).items() if any(map(is_stray, held)))


def functions_without_self(module: nn.Module) -> list[str]:
    """Methods that a plain function has replaced in the very module, which holds nothing visible.

    It is not given the module, so whatever it does with the network it does with one that it found
    elsewhere.
    """
    own = {name: vars(module)[name] for name in assigned_methods(module)}
    return [n for n, v in own.items() if isinstance(v, FunctionType) and not _held(v)]


def _held(value: object) -> list[nn.Module]:
    """The modules with parameters that are reached from ``value`` without passing a module."""
    found, seen, left = [], {id(value): value}, [value]
    while left:
        one = left.pop()
        if isinstance(one, nn.Module):
            if any(True for _ in one.parameters()):
                found.append(one)
            continue
        for part in _parts(one):
            if id(part) not in seen:
                seen[id(part)] = part
                left.append(part)
    return found


def _parts(value: Any) -> Iterable[Any]:
    """What ``value`` holds: elements, bound arguments, and what functions close over."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, MethodType):
        return value.__self__, value.__func__
    if isinstance(value, partial):
        return value.func, value.args, value.keywords
    if isinstance(value, ref):
        return [value()]
    if isinstance(value, FunctionType):
        return _parts_of_function(value)
    if callable(value) and not isinstance(value, type):
        return [getattr(value, "__dict__", {})]
    return ()


def _parts_of_function(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # It is not filled yet.
            continue
    # Its attributes are those of whatever functools.wraps was given, and no call asks them.
    yield from (function.__defaults__, function.__kwdefaults__)
    known = function.__globals__
    for name in _global_names(function.__code__):
        value = known.get(name)
        own = isinstance(value, FunctionType) and value.__globals__ is known
        if own or isinstance(value, (nn.Module, MethodType, partial)):
            yield value


@lru_cache(maxsize=1024)
def _global_names(code: CodeType) -> frozenset[str]:
    """Global names that a function reads, and functions within it."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    inner = [_global_names(part) for part in code.co_consts if isinstance(part, CodeType)]
    return frozenset(names.union(*inner))
