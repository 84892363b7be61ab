"""What to say when a parameter has a wrong name or a wrong value."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from reprlib import Repr

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crosssim_core.errors import ParameterError, UnknownParameterError

_short = Repr()
_short.maxstring = _short.maxother = 60

_WANTED = {
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "bool_type": "must be True or False",
    "string_type": "must be a string",
    "list_type": "must be a list",
    "finite_number": "must be finite",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
}
"""What pydantic's kinds of error ask for, in our words."""


def shown(value: object) -> str:
    """Short form of a value for a message."""
    return _short.repr(value)


def joined(*parts: str) -> str:
    """Dotted path of non-empty ``parts``."""
    return ".".join(part for part in parts if part)


def located(error: ParameterError, path: str) -> ParameterError:
    """The same error, seen from a group that holds the one at fault at ``path``."""
    return type(error)(error.message, joined(path, error.path))


@contextmanager
def within(path: str) -> Iterator[None]:
    """Let what fails here say that it is the parameters at ``path`` that are at fault."""
    try:
        yield
    except ParameterError as error:
        raise located(error, path) from None


def unknown_parameter(
    owner: str, name: object, known: Iterable[str], *, path: str = "", hint: str = ""
) -> UnknownParameterError:
    """Error that says what was asked, what is near and what exists."""
    known = sorted(known, key=str.casefold)
    lines = [f"{owner} has no parameter {name!r}."]
    if close := nearest(str(name), known):
        lines.append(f"Did you mean {close!r}?")
    if hint:
        lines.append(hint)
    lines.append(f"Known: {', '.join(known)}.")
    return UnknownParameterError(" ".join(lines), joined(path, str(name)))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, upper and lower case being the same."""
    folded = {candidate.strip("_").casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.strip("_").casefold(), folded, n=1)
    return folded[close[0]] if close else None


def invalid(error: ValidationError, path: str = "") -> ParameterError:
    """The first of pydantic's complaints as one of ours."""
    detail = error.errors(include_url=False)[0]
    where = joined(path, _dotted(detail["loc"]))
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, ParameterError):
        return located(cause, where)
    return ParameterError(_sentence(detail), where)


def _sentence(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if "error" in context:
        return str(context["error"])
    if detail["type"] not in _WANTED:
        return f"{detail['msg']}, got {shown(detail['input'])}."
    numbers = {k: f"{v:g}" for k, v in context.items() if isinstance(v, int | float)}
    return f"{_WANTED[detail['type']].format(**numbers)}, got {shown(detail['input'])}."


def _dotted(places: tuple[int | str, ...]) -> str:
    """``("adc", "mvm", 0)`` as ``adc.mvm[0]``."""
    path = ""
    for place in places:
        path = f"{path}[{place}]" if isinstance(place, int) else joined(path, place)
    return path
