"""Which modules are meant: by name patterns, by lists, by predicates."""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from types import NoneType
from typing import Any

from torch import nn

from crosssim_core.errors import ConversionError

Names = Mapping[int, list[str]]
"""All names of each module, by its id."""

Choice = str | Collection[str] | Callable[[str, nn.Module], bool] | None
"""Name patterns, or a predicate of name and module."""


def names_of(model: nn.Module) -> dict[int, list[str]]:
    """All names of each module, by its id; the first is that of ``named_modules``."""
    names: dict[int, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(id(module), []).append(name)
    return names


def matches(name: str, pattern: str) -> bool:
    """Whether ``pattern`` means the module ``name`` or a container that it lies in.

    A pattern is a name in which ``*`` stands for anything, ``?`` for one character and ``[…]`` for
    one of those listed.
    """
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def chosen(
    modules: Sequence[nn.Module], names: Names, include: Choice, exclude: Choice
) -> list[nn.Module]:
    """Those of ``modules`` that are included, all if nothing is said, and not excluded."""
    kept = [m for m in modules if include is None or _is_meant(m, names, include)]
    return [m for m in kept if exclude is None or not _is_meant(m, names, exclude)]


def for_each(
    given: Any, modules: Sequence[nn.Module], names: Names, one: type, argument: str
) -> list[Any]:
    """One element of ``given`` for each module; a single one serves all.

    Args:
        given: One element, a list in the order of ``modules``, or a mapping from name patterns,
            of which the first that fits counts.
        modules: What the elements are for.
        names: Their names.
        one: Type of one element.
        argument: What the user calls ``given``.

    Raises:
        ConversionError: A list has the wrong length, a pattern means no module, or no pattern
            means a module.
    """
    if isinstance(given, one):
        return [given] * len(modules)
    if isinstance(given, Mapping):
        _check_elements(given, one, argument)
        check_choice(list(given), modules, names, argument)
        return [_first(given, names[id(module)], one, argument) for module in modules]
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ConversionError(
            f"{argument}: give one {one.__name__}, a list of them, or a mapping from name patterns "
            f"to them; got {type(given).__name__}."
        )
    if len(given) != len(modules):
        raise ConversionError(
            f"{argument} has {len(given)} elements and the model has {len(modules)} layers to "
            "match: give one element for each, or a single one for all."
        )
    return list(given)


def _check_elements(given: Mapping[Any, Any], one: type, argument: str) -> None:
    """Raise ConversionError if ``given`` is no mapping from patterns to elements, or lists of them.

    Options by their names look like one.
    """
    for pattern, element in given.items():
        kinds = one, Sequence, Mapping, NoneType
        fits = isinstance(element, kinds) and not isinstance(element, str)
        if not isinstance(pattern, str) or not fits:
            raise ConversionError(
                f"{argument}: a mapping goes from name patterns to {one.__name__}, and this one "
                f"from {pattern!r} to {element!r}."
            )


def _first(given: Mapping[str, Any], names: list[str], one: type, argument: str) -> Any:
    for pattern, element in given.items():
        if any(matches(name, pattern) for name in names):
            return element
    which = f"the layer {names[0]!r}" if names[0] else "the model, which is a single layer"
    raise ConversionError(
        f"{argument} has no pattern that fits {which}: a mapping goes from name patterns to "
        f"{one.__name__}, and '*' at the end fits all that are left. To leave a layer digital, "
        "exclude it."
    )


def _is_meant(module: nn.Module, names: Names, choice: Any) -> bool:
    own = names[id(module)]
    if callable(choice):
        return any(choice(name, module) for name in own)
    return any(matches(name, pattern) for name in own for pattern in _patterns(choice))


def _patterns(choice: Any) -> list[str]:
    return [choice] if isinstance(choice, str) else list(choice)


def check_choice(choice: Any, modules: Sequence[nn.Module], names: Names, argument: str) -> None:
    """Raise ConversionError if a pattern means none of ``modules``, or is none."""
    is_rule = callable(choice) and not isinstance(choice, (type, nn.Module))
    if choice is None or is_rule:
        return
    listed = isinstance(choice, Collection) and not isinstance(choice, (type, nn.Module))
    if not listed or not all(isinstance(pattern, str) for pattern in _patterns(choice)):
        raise ConversionError(
            f"{argument}: give a name pattern, a list of them, or a function of name and module; "
            f"got {choice!r}."
        )
    known = [name for module in modules for name in names[id(module)]]
    shown = [name for name in known if name]
    for pattern in _patterns(choice):
        if not any(matches(name, pattern) for name in known):
            close = difflib.get_close_matches(pattern, shown, n=1)
            near = f" Did you mean {close[0]!r}?" if close else ""
            single = "The model is a single layer without a name" if known else "There is none"
            told = f"Layers: {', '.join(shown)}" if shown else single
            raise ConversionError(
                f"{argument}: no layer to convert is named {pattern!r}.{near} {told}."
            )
