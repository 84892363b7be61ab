"""What a user chooses about a layer beyond the parameters of its arrays."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from crosssim_core.errors import ParameterError

Groups = Literal["dense", "packed"]
Gradient = Literal["straight", "masked"]
Synchronization = Literal["automatic", "manual"]
Errors = Literal["fresh", "kept"]
Noise = Literal["device", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOptions:
    """How one analog layer is laid out, kept in step and differentiated.

    Raises:
        ParameterError: A value is not one of those that are named.
    """

    groups: Groups = "dense"
    """Where groups of a convolution lie: ``"dense"``, block-diagonally in one matrix of full
    width; ``"packed"``, each in arrays of its own. Weight limits are common in both."""
    structural_errors: bool = False
    """Whether cells that stand for no weight are programmed with errors too: the zeros between the
    groups of a dense convolution, those of a GRU, and the bias rows of a layer without bias."""
    synchronization: Synchronization = "automatic"
    """When changed weights are programmed: before the next read, or by `synchronize` alone.
    Assigned parameters and stock checkpoints are programmed in both."""
    errors: Errors = "fresh"
    """What is drawn when weights are programmed again on the same chip: new errors, or the same
    ones as before."""
    gradient: Gradient = "straight"
    """Whether derivatives pass straight through conversion, or only where neither DAC nor ADC
    is driven out of its range and no line saturates."""
    noise: Noise = "device"
    """Who draws what is random in single reads: PyTorch where the data are, which is fast; or the
    host, which gives the same numbers on every device."""

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            value = getattr(self, name)
            if value not in get_args(kind):
                known = ", ".join(map(repr, get_args(kind)))
                raise ParameterError(f"{value!r} is not known; use one of {known}.", name)
        if type(self.structural_errors) is not bool:
            raise ParameterError(f"True or False is needed, got {self.structural_errors!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The options that `to_dict` told.

        Raises:
            ParameterError: A name or value is not known.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                near = f" Did you mean {close[0]!r}?" if close else ""
                raise ParameterError(
                    f"LayerOptions has no option {name!r}.{near} Known: {', '.join(known)}."
                )
        return cls(**values)


def given_options(options: object) -> LayerOptions:
    """``options`` of one layer; defaults if None.

    Raises:
        ParameterError: They are no `LayerOptions`.
    """
    if options is None:
        return LayerOptions()
    if not isinstance(options, LayerOptions):
        raise ParameterError(
            "LayerOptions are needed, such as LayerOptions(synchronization='manual'); got "
            f"{options!r}. LayerOptions.from_dict makes them of plain values.",
            "options",
        )
    return options


KINDS = {
    "groups": Groups,
    "synchronization": Synchronization,
    "errors": Errors,
    "gradient": Gradient,
    "noise": Noise,
}
"""The values that each option takes."""
