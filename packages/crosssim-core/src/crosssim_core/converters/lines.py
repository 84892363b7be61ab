"""Converters of some of the lines of an array."""

from collections.abc import Sequence

from crosssim_core.converters.interface import AdcModel, PicksLines


def of_lines(model: AdcModel, lines: Sequence[int]) -> AdcModel | None:
    """What converts these lines as ``model`` does; None if it does not tell them apart.

    A converter that only rounds does the same to all of them.
    """
    if model.uniform is not None:
        return model
    return model.of_lines(lines) if isinstance(model, PicksLines) else None
