"""What every group of parameters can do."""

import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from enum import Enum
from os import PathLike
from pprint import pformat
from typing import Any, ClassVar, Self

from crosssim_core.errors import ParameterError, ParameterWarning
from crosssim_core.parameters.files import read_json, write_json
from crosssim_core.parameters.legacy import modernised
from crosssim_core.parameters.messages import joined, located, shown
from crosssim_core.parameters.node import Node
from crosssim_core.parameters.plain import exported


class Params(Node):
    """A group of parameters: checked names and types, compared and copied by value.

    Fields may hold further groups, which are given as an object, as a dictionary of their
    parameters, or as None for all defaults. An object that belongs to another group is copied.

    An assignment checks its own value and changes nothing if it fails. Rules between fields
    belong into `check`, so that fields can be set in any order; `validate` applies them.
    """

    newer: ClassVar[frozenset[str]] = frozenset()
    """Parameters that CrossSim 3.2 does not know, and that have a plain default."""

    def check(self) -> None:
        """Apply the rules between the fields of this group.

        Raises:
            ParameterError: Two fields contradict each other.
        """

    def doubts(self) -> Iterator[str]:
        """What is legal in this group and probably not meant, one sentence each."""
        yield from ()

    def validate(self) -> None:  # type: ignore[override]
        """Apply the rules of this group and of everything below it.

        Raises:
            ParameterError: A rule is broken; the message starts with the dotted path.

        Warns:
            ParameterWarning: Something is legal and probably not meant.
        """
        self._validate(stacklevel=3)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Assign several parameters, or none if one of them fails.

        Args:
            changes: Values by dotted path below this group, applied in order.

        Raises:
            ParameterError: A name or value is wrong; nothing has changed then.

        Example:
            >>> from crosssim_core.parameters import CrossSimParameters
            >>> params = CrossSimParameters()
            >>> params.update({"xbar.dac.match": False, "xbar.dac.vmm.slice_size": 2})
            >>> params.xbar.dac.vmm.slice_size
            2
        """
        if not isinstance(changes, Mapping):
            raise ParameterError(
                f"update needs a dictionary of values by dotted path, got {shown(changes)}.",
                self._path or "",
            )
        rehearsal = deepcopy(self)
        for path, value in changes.items():
            rehearsal._assign(path, deepcopy(value))
        for path, value in changes.items():
            self._assign(path, value)

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionary of plain values, enums as integers: what JSON files hold.

        What CrossSim 3.2 does not know is left out at its default, so that it can read the rest.
        """
        return {
            name: value.to_dict() if isinstance(value, Params) else exported(value)
            for name, value in self._state().items()
            if name not in self.newer or value != type(self).model_fields[name].default
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, strict: bool = True) -> Self:
        """Build a group from a nested dictionary and validate it; what is missing is default.

        Args:
            values: Enums may be integers or names.
            strict: Whether an unknown name is an error. If False it is ignored, parameters of
                older releases are translated, and broken rules between parameters become
                warnings as well; a core refuses these anyway.

        Raises:
            ParameterError: A name or value is wrong, or parameters contradict each other.

        Warns:
            ParameterWarning: Something is ignored, translated, or probably not meant.
        """
        return cls._loaded(values, strict=strict, stacklevel=4)

    def to_json(self, path: str | PathLike[str]) -> None:
        """Write the group to a file, in the form that CrossSim writes."""
        write_json(self.to_dict(), path)

    @classmethod
    def from_json(cls, path: str | PathLike[str], strict: bool = True) -> Self:
        """Read a group from a file, or from one that is shipped with the package, by name.

        Args:
            path: A JSON file, or ``"default"``, ``"ISAAC"``, ``"ISAAC-SarADC"``, ``"PRIME"``,
                ``"SONOS-TCAS"``.
            strict: As in `from_dict`; False is for files of older releases.

        Raises:
            MissingFileError: There is no such file; the message names those that are shipped.
            ParameterError: As in `from_dict`, or the file is not JSON.

        Warns:
            ParameterWarning: As in `from_dict`.
        """
        try:
            return cls._loaded(read_json(path), strict=strict, stacklevel=4)
        except ParameterError as error:
            error.add_note(f"While reading {path}")
            raise

    def __repr__(self) -> str:
        return f"{type(self).__name__}\n{pformat(self._named(), sort_dicts=False, width=100)}"

    __str__ = __repr__

    def _named(self) -> dict[str, Any]:
        """Like `to_dict`, with enums by name."""
        return {
            name: value._named()
            if isinstance(value, Params)
            else (value.name if isinstance(value, Enum) else value)
            for name, value in self._state().items()
        }

    def _assign(self, path: str, value: Any) -> None:
        *groups, name = str(path).split(".")
        owner: Params = self
        for step in groups:
            found = getattr(owner, step)
            if not isinstance(found, Params):
                raise ParameterError(
                    f"is a single parameter and has no part {name!r}.", owner._at(step)
                )
            owner = found
        setattr(owner, name, value)

    def _walk(self, path: str) -> Iterator[tuple[str, "Params"]]:
        """Every group from the bottom up with its path, this one last."""
        seen: set[int] = set()
        for name in self._groups:
            group: Params = self.__dict__[name]
            if id(group) not in seen:
                seen.add(id(group))
                yield from group._walk(joined(path, name))
        yield path, self

    def _validate(self, *, stacklevel: int) -> None:
        nodes = list(self._walk(self._path or ""))
        for path, group in nodes:
            group._check_lists()
            try:
                group.check()
            except ParameterError as error:
                raise located(error, path) from None
        for path, group in nodes:
            for doubt in group.doubts():
                text = f"{path}: {doubt}" if path else doubt
                warnings.warn(text, ParameterWarning, stacklevel=stacklevel)

    def _check_lists(self) -> None:
        """Check again what can change without an assignment."""
        for name, value in self._state().items():
            if isinstance(value, list):
                setattr(self, name, value)

    @classmethod
    def _loaded(cls, values: Any, *, strict: bool, stacklevel: int) -> Self:
        if not isinstance(values, Mapping):
            raise ParameterError(f"{cls.__name__} needs a dictionary, got {shown(values)}.")
        if not strict:
            values = modernised(cls, values, stacklevel=stacklevel)
        group = cls(**{str(name): value for name, value in values.items()})
        try:
            group._validate(stacklevel=stacklevel)
        except ParameterError as error:
            if strict:
                raise
            warnings.warn(str(error), ParameterWarning, stacklevel=stacklevel - 1)
        return group
