"""All checks of one model, one after another."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crosssim_core.devices import Cell
from crosssim_core.errors import ParameterError, ParameterWarning
from crosssim_core.testing.adcs import ADC_CHECKS, AdcSubject
from crosssim_core.testing.common import check_builds
from crosssim_core.testing.dacs import DAC_CHECKS, DacSubject
from crosssim_core.testing.devices import DEVICE_CHECKS, DeviceSubject
from crosssim_core.testing.subject import Check, ConformanceError, Subject


def check_device_model(
    model: str,
    *,
    cell: Cell | None = None,
    expected_failures: Mapping[str, str] | None = None,
    **settings: Any,
) -> None:
    """Apply every check of `DEVICE_CHECKS` to an installed device model.

    Args:
        model: Its name.
        cell: A cell that the model accepts; 1 to 10 kΩ at 0.1 V if None.
        expected_failures: Reasons for checks that the model fails on purpose, by their names.
            One that passes all the same is a failure.
        **settings: Parameters of the model that are not default.

    Raises:
        ConformanceError: A check failed; the message lists all that did.
        ParameterError: An expected failure names no check or gives no reason.
    """
    subject = DeviceSubject(model, settings, **({} if cell is None else {"cell": cell}))
    run_checks(DEVICE_CHECKS, subject, expected_failures)


def check_adc_model(
    model: str,
    *,
    low: float = -2.0,
    high: float = 2.0,
    lines: int = 12,
    expected_failures: Mapping[str, str] | None = None,
    **settings: Any,
) -> None:
    """Apply every check of `ADC_CHECKS` to an installed ADC model.

    Args:
        model: Its name.
        low: Lower end of the conversion range [1].
        high: Upper end [1].
        lines: Lines that are converted.
        expected_failures: As for `check_device_model`.
        **settings: Parameters of the model that are not default; 6 bits if they name none.

    Raises:
        ConformanceError: A check failed; the message lists all that did.
        ParameterError: An expected failure names no check or gives no reason.
    """
    run_checks(ADC_CHECKS, AdcSubject(model, settings, low, high, lines), expected_failures)


def check_dac_model(
    model: str,
    *,
    low: float = -1.0,
    high: float = 1.0,
    expected_failures: Mapping[str, str] | None = None,
    **settings: Any,
) -> None:
    """Apply every check of `DAC_CHECKS` to an installed DAC model.

    Args:
        model: Its name.
        low: Scaled lower input limit [1]; inputs are unsigned if it is not below 0.
        high: Scaled upper input limit [1].
        expected_failures: As for `check_device_model`.
        **settings: Parameters of the model that are not default; 6 bits if they name none.

    Raises:
        ConformanceError: A check failed; the message lists all that did.
        ParameterError: An expected failure names no check or gives no reason.
    """
    run_checks(DAC_CHECKS, DacSubject(model, settings, low, high), expected_failures)


def run_checks(
    checks: Sequence[Check], subject: Subject, expected_failures: Mapping[str, str] | None
) -> None:
    """Apply ``checks`` to ``subject`` and report all failures at once."""
    excused = expected(checks, expected_failures)
    failures = list(_failures(checks, subject, excused))
    if failures:
        raise ConformanceError("\n".join([f"{subject} fails {len(failures)} check(s):", *failures]))


def expected(checks: Sequence[Check], failures: Mapping[str, str] | None) -> Mapping[str, str]:
    """Expected failures, if each names a check and gives a reason.

    Raises:
        ParameterError: One does not.
    """
    failures = {} if failures is None else failures
    known = [check.__name__ for check in checks]
    for name, reason in failures.items():
        if name not in known:
            raise ParameterError(f"there is no check {name!r}; checks are: {', '.join(known)}.")
        if not reason.strip():
            raise ParameterError(f"the expected failure of {name} needs a reason.")
    return failures


def quietly(check: Check, subject: Subject) -> None:
    """Apply one check without warnings about doubtful parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)
        check(subject)


def _failures(
    checks: Sequence[Check], subject: Subject, excused: Mapping[str, str]
) -> Iterator[str]:
    for check in checks:
        name = check.__name__
        try:
            quietly(check, subject)
        except Exception as error:
            if name in excused:
                continue
            what = str(error)
            if not isinstance(error, ConformanceError):
                what = f"{type(error).__name__}: {error}"
            yield f"- {name}: {what}"
            if check is check_builds:
                return
        else:
            if name in excused:
                yield f"- {name}: passes, though its failure is expected: {excused[name]}"
