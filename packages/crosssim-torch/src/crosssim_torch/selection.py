"""Which modules are meant: by name patterns, by lists, by predicates."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from crosssim_core.errors import ConversionError

Names = Mapping[int, list[str]]
"""All names of each module, by its id."""

Choice = str | Iterable[str] | Callable[[str, nn.Module], bool] | None
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
        check_choice(list(given), modules, names, argument)
        return [_first(given, names[id(module)], argument) for module in modules]
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


def _first(given: Mapping[str, Any], names: list[str], argument: str) -> Any:
    for pattern, element in given.items():
        if any(matches(name, pattern) for name in names):
            return element
    raise ConversionError(
        f"{argument} has no pattern that fits the layer {names[0]!r}; '*' at the end fits all that "
        "are left. To leave a layer digital, exclude it."
    )


def _is_meant(module: nn.Module, names: Names, choice: Any) -> bool:
    own = names[id(module)]
    if callable(choice):
        return any(choice(name, module) for name in own)
    return any(matches(name, pattern) for name in own for pattern in _patterns(choice))


def _patterns(choice: Any) -> list[str]:
    return [choice] if isinstance(choice, str) else list(choice)


def check_choice(choice: Any, modules: Sequence[nn.Module], names: Names, argument: str) -> None:
    """Raise ConversionError if a pattern means none of ``modules``."""
    if choice is None or callable(choice):
        return
    known = [name for module in modules for name in names[id(module)]]
    shown = [name for name in known if name]
    for pattern in _patterns(choice):
        if not any(matches(name, pattern) for name in known):
            close = difflib.get_close_matches(pattern, shown, n=1)
            near = f" Did you mean {close[0]!r}?" if close else ""
            raise ConversionError(
                f"{argument}: no layer to convert is named {pattern!r}.{near} Layers: "
                f"{', '.join(shown)}."
            )
