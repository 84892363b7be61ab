"""What every group of parameters can do."""

import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from enum import Enum
from inspect import isclass
from os import PathLike
from pprint import pformat
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from crosssim_core.errors import ParameterError, ParameterWarning, UnknownParameterError
from crosssim_core.parameters.files import read_json, write_json
from crosssim_core.parameters.legacy import Retired, modernised
from crosssim_core.parameters.messages import invalid, joined, located, shown, unknown_parameter
from crosssim_core.parameters.plain import plain


class Params(BaseModel):
    """A group of parameters: checked names and types, compared and copied by value.

    Fields may hold further groups, which are given as an object, as a dictionary of their
    parameters, or as None for all defaults. An object that belongs to another group is copied.

    An assignment checks its own value and changes nothing if it fails. Rules between fields
    belong into `check`, so that fields can be set in any order; `validate` applies them.
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", validate_assignment=True, allow_inf_nan=False
    )

    _groups: ClassVar[Mapping[str, type["Params"]]] = {}
    """Fields that hold groups."""
    retired: ClassVar[Mapping[str, Retired]] = {}
    """Parameters of older releases, and what became of them."""
    _path: str | None = PrivateAttr(default=None)
    """Dotted path in the tree that holds this group; None if nothing does."""

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        cls._groups = {
            name: field.annotation
            for name, field in cls.model_fields.items()
            if isclass(field.annotation) and issubclass(field.annotation, Params)
        }

    def __init__(self, /, **values: Any) -> None:
        for name in values:
            if name not in type(self).model_fields:
                raise self._unknown(name, "")
        checked = {
            name: self._built(name, value) if name in self._groups else plain(value)
            for name, value in values.items()
        }
        try:
            super().__init__(**checked)
        except ValidationError as error:
            raise invalid(error) from None
        for name in self._groups:
            self._place(name, getattr(self, name))

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
        rehearsal = deepcopy(self)
        for path, value in changes.items():
            rehearsal._assign(path, deepcopy(value))
        for path, value in changes.items():
            self._assign(path, value)

    def copy(self) -> Self:  # type: ignore[override]
        """A deep copy that belongs to no other group."""
        twin = deepcopy(self)
        twin._label(None)
        return twin

    __copy__ = copy

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionary of plain values, enums as integers: what JSON files hold."""
        return {
            name: value.to_dict() if isinstance(value, Params) else plain(value)
            for name, value in self._state().items()
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
            FileNotFoundError: There is no such file; the message names those that are shipped.
            ParameterError: As in `from_dict`, or the file is not JSON.

        Warns:
            ParameterWarning: As in `from_dict`.
        """
        try:
            return cls._loaded(read_json(path), strict=strict, stacklevel=4)
        except ParameterError as error:
            error.add_note(f"While reading {path}")
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).__private_attributes__ or name.startswith("__"):
            super().__setattr__(name, value)
        elif name in self._groups:
            self._exchange(name, value)
        elif name in type(self).model_fields:
            try:
                super().__setattr__(name, plain(value))
            except ValidationError as error:
                raise invalid(error, self._path or "") from None
        elif isinstance(derived := getattr(type(self), name, None), property):
            if derived.fset is None:
                raise ParameterError(
                    "is derived from other parameters and cannot be set.", self._at(name)
                )
            derived.fset(self, value)
        else:
            raise self._unknown(name)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                return super().__getattr__(name)
            raise self._unknown(name)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Params)
        return self._state() == other._state()

    def __repr__(self) -> str:
        return f"{type(self).__name__}\n{pformat(self._named(), sort_dicts=False, width=100)}"

    __str__ = __repr__

    def _state(self) -> dict[str, Any]:
        """Everything that makes this group what it is, by the names that JSON uses."""
        return {name: self.__dict__[name] for name in type(self).model_fields}

    def _named(self) -> dict[str, Any]:
        """Like `to_dict`, with enums by name."""
        return {
            name: value._named()
            if isinstance(value, Params)
            else (value.name if isinstance(value, Enum) else value)
            for name, value in self._state().items()
        }

    @classmethod
    def _names(cls) -> list[str]:
        """Names that can be given at construction."""
        return list(cls.model_fields)

    @classmethod
    def _class_for(cls, values: Mapping[str, Any]) -> type["Params"]:
        """Class that a dictionary of parameters describes."""
        return cls

    def _at(self, name: str) -> str:
        return joined(self._path or "", name)

    def _unknown(self, name: str, path: str | None = None) -> UnknownParameterError:
        path = self._path or "" if path is None else path
        return unknown_parameter(
            type(self).__name__, name, self._names(), path=path, hint=self._hint(name)
        )

    def _hint(self, name: str) -> str:
        return self.retired[name].hint if name in self.retired else ""

    def _built(self, name: str, value: Any) -> "Params":
        """The group that ``value`` describes, for the field ``name``; errors have no own path."""
        cls = self._groups[name]
        if isinstance(value, cls):
            return value
        if value is not None and not isinstance(value, Mapping):
            raise ParameterError(
                f"must be a {cls.__name__}, a dictionary of its parameters, or None for all "
                f"defaults, got {shown(value)}.",
                name,
            )
        try:
            return cls(**{str(key): v for key, v in (value or {}).items()})
        except ParameterError as error:
            raise located(error, name) from None

    def _place(self, name: str, group: "Params") -> None:
        """Make ``group``, or a copy if it belongs elsewhere, the value of the field ``name``."""
        group = group if group._path is None else group.copy()
        group._label(self._at(name))
        self.__dict__[name] = group

    def _exchange(self, name: str, value: Any) -> None:
        old: Params = self.__dict__[name]
        if value is old:
            return
        try:
            new = self._built(name, value)
        except ParameterError as error:
            raise located(error, self._path or "") from None
        self._place(name, new)
        old._label(None)

    def _label(self, path: str | None) -> None:
        self._path = path
        for name in self._groups:
            self.__dict__[name]._label(joined(path or "", name))

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
