"""Parameters of both directions of a product, one record for both or one for each."""

from typing import Any

from crosssim_core.errors import ParameterError
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.messages import shown
from crosssim_core.parameters.plain import plain


class Pair(Params):
    """Two records of one class, ``mvm`` for A·x and ``vmm`` for x·A.

    While they match, both names stand for the same record. A single side that is given at
    construction serves for both.
    """

    def __init__(self, /, **values: Any) -> None:
        match = self._taken_match(values)
        given = [side for side in ("mvm", "vmm") if values.get(side) is not None]
        super().__init__(**values)
        if match:
            self._share(given)

    @property
    def match(self) -> bool:
        """Whether both directions share one record.

        Switched off, ``vmm`` becomes a copy of ``mvm``; switched on, ``mvm`` serves for both.
        """
        return self.__dict__["vmm"] is self.__dict__["mvm"]

    @match.setter
    def match(self, on: bool) -> None:
        if type(on := plain(on)) is not bool:
            raise ParameterError(f"must be True or False, got {shown(on)}.", self._at("match"))
        mvm: Params = self.__dict__["mvm"]
        if on:
            old: Params = self.__dict__["vmm"]
            self.__dict__["vmm"] = mvm
            if old is not mvm:
                old._label(None)
        elif self.match:
            self._place("vmm", mvm.copy())

    def _exchange(self, name: str, value: Any) -> None:
        if not self.match:
            super()._exchange(name, value)
        elif name == "mvm":
            super()._exchange("mvm", value)
            self.__dict__["vmm"] = self.__dict__["mvm"]
        elif value is not self.__dict__["mvm"] and self._made(name, value) != self.__dict__["mvm"]:
            raise ParameterError(
                "mvm and vmm match and share one record: set mvm, or set match = False first.",
                self._at("vmm"),
            )

    def _share(self, given: list[str]) -> None:
        mvm, vmm = self.__dict__["mvm"], self.__dict__["vmm"]
        if len(given) == 2 and mvm != vmm:
            names = [n for n, v in mvm._state().items() if v != vmm._state().get(n)]
            raise ParameterError(
                f"mvm and vmm differ in {', '.join(names)} although they match: give one of "
                "them, or match = False."
            )
        shared = vmm if given == ["vmm"] else mvm
        self.__dict__["mvm"] = self.__dict__["vmm"] = shared
        self._label(self._path)

    def _label(self, path: str | None) -> None:
        super()._label(path)
        if self.match:
            self.__dict__["mvm"]._label(self._at("mvm"))

    def _state(self) -> dict[str, Any]:
        return {"_match": self.match, **super()._state()}

    @classmethod
    def _names(cls) -> list[str]:
        return ["match", *super()._names()]

    @classmethod
    def _keys(cls) -> list[str]:
        return ["_match", *cls._names()]

    @staticmethod
    def _taken_match(values: dict[str, Any]) -> bool:
        """Take ``match``, or ``_match`` as it is called in JSON, out of ``values``."""
        names = [name for name in ("match", "_match") if name in values]
        found = [plain(values.pop(name)) for name in names] or [True]
        for match in found:
            if type(match) is not bool:
                raise ParameterError(f"must be True or False, got {shown(match)}.", "match")
        if any(match is not found[0] for match in found):
            raise ParameterError("is given twice, as match and as _match, and differs.", "match")
        return bool(found[0])
