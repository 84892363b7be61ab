"""Errors that a converter of a chip has drawn: handed over, and taken back."""

import numpy as np

from crosssim_core.converters.interface import AdcModel, ConverterErrors, HostArray, KeepsErrors
from crosssim_core.errors import StateError


def errors_of(model: AdcModel) -> dict[str, HostArray]:
    """Copies of the errors that ``model`` hands over; none if it does not."""
    if not isinstance(model, KeepsErrors):
        return {}
    return {name: np.array(values) for name, values in model.errors().items()}


def given_errors(model: AdcModel, errors: ConverterErrors) -> AdcModel:
    """``model`` with these errors; itself if they are its own.

    Raises:
        StateError: It takes none, or others.
    """
    own = errors_of(model)
    if not isinstance(model, KeepsErrors) or not fit(own, errors):
        raise StateError(
            f"{type(model).__name__} keeps the errors {_told(own)}, and was given {_told(errors)}."
        )
    if same(own, errors):
        return model
    return model.with_errors({name: np.array(errors[name], own[name].dtype) for name in own})


def fit(own: ConverterErrors, errors: ConverterErrors) -> bool:
    """Whether both have the same names and shapes."""
    return {n: e.shape for n, e in own.items()} == {n: e.shape for n, e in errors.items()}


def same(own: ConverterErrors, errors: ConverterErrors) -> bool:
    """Whether both tell the same errors."""
    return fit(own, errors) and all(np.array_equal(own[name], errors[name]) for name in own)


def _told(errors: ConverterErrors) -> str:
    return ", ".join(f"{n} {e.shape}" for n, e in sorted(errors.items())) or "none"
