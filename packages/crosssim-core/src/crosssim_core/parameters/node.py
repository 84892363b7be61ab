"""Groups of parameters as objects: names, assignments, who belongs to whom, what is equal."""

from collections.abc import Mapping
from copy import deepcopy
from inspect import isclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from crosssim_core.errors import ParameterError, UnknownParameterError
from crosssim_core.parameters.legacy import Retired
from crosssim_core.parameters.messages import invalid, joined, located, shown, unknown_parameter
from crosssim_core.parameters.plain import plain


class Node(BaseModel):
    """A group of parameters that may hold further groups.

    A group that is assigned is adopted if it belongs to no other, else copied. It knows the
    dotted path by which its owner is reached, for messages, and nothing else about its owner.
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", validate_assignment=True, allow_inf_nan=False
    )

    _groups: ClassVar[Mapping[str, type["Node"]]] = {}
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
            if isclass(field.annotation) and issubclass(field.annotation, Node)
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

    def copy(self) -> Self:  # type: ignore[override]
        """A deep copy that belongs to no other group."""
        twin = deepcopy(self)
        twin._label(None)
        return twin

    __copy__ = copy

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

    def __delattr__(self, name: str) -> None:
        if name not in type(self)._names():
            raise self._unknown(name)
        raise ParameterError("is part of its group and cannot be deleted.", self._at(name))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                return super().__getattr__(name)
            raise self._unknown(name)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Node)
        return self._state() == other._state()

    def _state(self) -> dict[str, Any]:
        """Everything that makes this group what it is, by the names that JSON uses."""
        return {name: self.__dict__[name] for name in type(self).model_fields}

    @classmethod
    def _names(cls) -> list[str]:
        """Names that can be given at construction."""
        return list(cls.model_fields)

    @classmethod
    def _keys(cls) -> list[str]:
        """Names that dictionaries may hold."""
        return cls._names()

    @classmethod
    def _class_for(cls, values: Mapping[str, Any]) -> type["Node"]:
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

    def _built(self, name: str, value: Any) -> "Node":
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

    def _made(self, name: str, value: Any) -> "Node":
        """As `_built`, for an assignment: errors carry the whole path."""
        try:
            return self._built(name, value)
        except ParameterError as error:
            raise located(error, self._path or "") from None

    def _place(self, name: str, group: "Node") -> None:
        """Make ``group``, or a copy if it belongs elsewhere, the value of the field ``name``."""
        group = group if group._path is None else group.copy()
        group._label(self._at(name))
        self.__dict__[name] = group

    def _exchange(self, name: str, value: Any) -> None:
        old: Node = self.__dict__[name]
        if value is old:
            return
        self._place(name, self._made(name, value))
        old._label(None)

    def _label(self, path: str | None) -> None:
        self._path = path
        for name in self._groups:
            self.__dict__[name]._label(joined(path or "", name))
