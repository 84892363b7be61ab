"""Parameters that older releases had."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crosssim_core.errors import ParameterError, ParameterWarning
from crosssim_core.parameters.messages import joined, located, nearest

if TYPE_CHECKING:
    from crosssim_core.parameters.node import Node

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Retired:
    """A parameter that is no more."""

    release: str
    """Last release that had it."""
    fate: str
    """What became of it, in a few words."""
    translate: Callable[[Any, Values], bool] = lambda value, values: False
    """Carries its value over into the dictionary it was found in; whether nothing is lost."""

    @property
    def hint(self) -> str:
        """How to live without it."""
        return (
            f"CrossSim {self.release} had it: {self.fate}. Files of that release load with "
            "strict=False."
        )


def _input_gating(value: Any, values: Values) -> bool:
    values.setdefault("current_from_input", value is not True)
    return value is not True


GATE_INPUT = {
    "gate_input": Retired(
        "3.1",
        "current_from_input = False comes near to gate_input = True, but has voltage drops along "
        "the supply line",
        _input_gating,
    )
}

CONVOLUTION_3_0 = {
    name: Retired("3.0", "the layer knows it now, and the parameter has no effect")
    for name in ("stride", "Kx", "Ky", "Noc", "Nic", "weight_reorder", "conv_matmul", "bias_row")
}


def modernised(
    cls: "type[Node]", values: Mapping[str, Any], *, path: str = "", stacklevel: int
) -> Values:
    """A copy of ``values`` that names only parameters of ``cls``.

    Retired parameters are translated, unknown ones left out.

    Raises:
        ParameterError: A model is not installed.

    Warns:
        ParameterWarning: One sentence for each.
    """
    try:
        cls = cls._class_for(values)
    except ParameterError as error:
        raise located(error, path) from None
    known = cls._keys()
    kept: Values = {name: value for name, value in values.items() if name in known}
    for name, value in values.items():
        where = joined(path, str(name))
        if name in cls._groups and isinstance(value, Mapping):
            kept[name] = modernised(cls._groups[name], value, path=where, stacklevel=stacklevel + 1)
        elif name in cls.retired:
            retired = cls.retired[name]
            if not retired.translate(value, kept):
                text = f"{where}: CrossSim {retired.release} had this parameter; {retired.fate}."
                warnings.warn(text, ParameterWarning, stacklevel=stacklevel)
        elif name not in known:
            close = nearest(str(name), known)
            hint = f" (did you mean {close!r}?)" if close else ""
            text = f"{where}: {cls.__name__} has no such parameter{hint}; it is ignored."
            warnings.warn(text, ParameterWarning, stacklevel=stacklevel)
    return kept
