"""What a module reaches past the modules that it consists of.

Conversion replaces modules where they are registered. Functions and classes are not copied with a
network, and what they, a bound method, a plain list or an object holds stays the stock module that
it was.
"""

import dis
import sys
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache, partial, partialmethod
from types import (
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    NoneType,
    SimpleNamespace,
)
from typing import Any
from weakref import ref

import numpy as np
from torch import Tensor, nn

from crosssim_torch.overrides import acts_in_forward, assigned_methods

STOCK = {*sys.stdlib_module_names, "torch", "numpy", "crosssim_core", "crosssim_torch"}
"""Packages whose classes and functions hold no layers of a user by themselves."""

HOLDS_NONE = (
    *(str, bytes, bytearray, memoryview, range, int, float, complex, NoneType),
    *(type, ModuleType, Tensor, np.ndarray),
)
"""What is not looked into."""

CONTAINERS = (list, tuple, set, frozenset, deque)

GLOBALS = (nn.Module, MethodType, partial, dict, *CONTAINERS)
"""What is looked at of all that functions find among globals."""

Found = dict[int, list[nn.Module]]
"""Modules that values hold, by the identities of these: modules share classes and settings."""


def reached(module: nn.Module, found: Found | None = None) -> dict[str, list[nn.Module]]:
    """Modules with parameters that attributes of ``module`` hold, by the names of these.

    Attributes of its class count too, if a user wrote it: its methods hold what they close over,
    and what they read among globals.

    Args:
        module: One module.
        found: What is known, which grows. Of use while nothing changes.
    """
    known = Found() if found is None else found
    held: dict[str, list[nn.Module]] = {}
    # A method that another one hides may be called by it.
    own = [vars(base) for base in type(module).__mro__ if not _is_stock(base)]
    for attributes in (*own, vars(module)):
        for name, value in attributes.items():
            modules = _known(value, known) if acts_in_forward(name) else []
            if modules:
                held[name] = held.get(name, []) + modules
    return held


def strays(
    module: nn.Module,
    network: Container[int],
    kind: type[nn.Module] = nn.Module,
    found: Found | None = None,
) -> list[str]:
    """Attributes of ``module`` that hold modules which are no part of a network.

    Args:
        module: One module of it.
        network: Identities of all its modules.
        kind: What to look for: modules that are of this kind, or contain one.
        found: As of `reached`.
    """

    def is_stray(held: nn.Module) -> bool:
        return id(held) not in network and any(isinstance(part, kind) for part in held.modules())

    return sorted(name for name, held in reached(module, found).items() if any(map(is_stray, held)))


def functions_without_self(module: nn.Module) -> list[str]:
    """Methods that a plain function has replaced in the very module, which holds nothing visible.

    It is not given the module, so whatever it does with the network it does with one that it found
    elsewhere.
    """
    own = {name: vars(module)[name] for name in assigned_methods(module)}
    return [n for n, v in own.items() if isinstance(v, FunctionType) and not _held(v)]


def _known(value: object, found: Found) -> list[nn.Module]:
    """As `_held`, which is asked once."""
    if isinstance(value, HOLDS_NONE):
        return []
    if id(value) not in found:
        found[id(value)] = _held(value)
    return found[id(value)]


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
            if not isinstance(part, HOLDS_NONE) and id(part) not in seen:
                seen[id(part)] = part
                left.append(part)
    return found


def _parts(value: Any) -> Iterable[Any]:
    """What ``value`` holds: elements, bound arguments, and what functions close over."""
    if isinstance(value, HOLDS_NONE):
        return ()
    if isinstance(value, FunctionType):
        return _parts_of_function(value)
    if isinstance(value, MethodType):
        return value.__self__, value.__func__
    if isinstance(value, (partial, partialmethod)):
        return value.func, value.args, value.keywords
    if isinstance(value, ref):
        return [value()]
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget]
    if isinstance(value, cached_property):
        return [value.func]
    return [*_elements(value), *_attributes(value)]


def _elements(value: Any) -> Iterable[Any]:
    """Of containers that can be iterated without running code of others."""
    if isinstance(value, CONTAINERS):
        return value
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    whose = [base for base in type(value).__mro__ if issubclass(base, Collection)]
    if not whose or _package(whose[0].__module__) not in sys.stdlib_module_names:
        return ()
    return [*value, *value.values()] if isinstance(value, Mapping) else list(value)


def _attributes(value: Any) -> Iterator[Any]:
    """Of an object whose class a user wrote, and of what can be called."""
    kind = type(value)
    if _is_stock(kind) and not callable(value) and not isinstance(value, SimpleNamespace):
        return
    with suppress(AttributeError):
        yield object.__getattribute__(value, "__dict__")
    for base in kind.__mro__:
        slots = () if _is_stock(base) else vars(base).values()
        for slot in [s for s in slots if isinstance(s, MemberDescriptorType)]:
            with suppress(AttributeError):  # It is not filled yet.
                yield slot.__get__(value, kind)


def _parts_of_function(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # It is not filled yet.
            continue
    # Its attributes are those of whatever functools.wraps was given, and no call asks them.
    yield from (function.__defaults__, function.__kwdefaults__)
    known = function.__globals__
    if _package(known.get("__name__")) in STOCK:
        return
    for name in _global_names(function.__code__):
        value = known.get(name)
        own = isinstance(value, FunctionType) and value.__globals__ is known
        if own or isinstance(value, GLOBALS):
            yield value


@lru_cache(maxsize=1024)
def _global_names(code: CodeType) -> frozenset[str]:
    """Global names that a function reads, and functions within it."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    inner = [_global_names(part) for part in code.co_consts if isinstance(part, CodeType)]
    return frozenset(names.union(*inner))


def _is_stock(kind: type) -> bool:
    return _package(kind.__module__) in STOCK


def _package(name: object) -> str:
    """The outermost package of a module of this name."""
    return str(name).partition(".")[0]
