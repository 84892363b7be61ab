"""The checks as parameters of a pytest test."""

from collections.abc import Mapping, Sequence
from functools import wraps
from typing import Any

from crosssim_core.devices import Cell
from crosssim_core.testing.adcs import ADC_CHECKS, AdcSubject
from crosssim_core.testing.dacs import DAC_CHECKS, DacSubject
from crosssim_core.testing.devices import DEVICE_CHECKS, DeviceSubject
from crosssim_core.testing.running import expected, quietly
from crosssim_core.testing.subject import Check, Subject


def device_checks(
    model: str,
    *,
    cell: Cell | None = None,
    expected_failures: Mapping[str, str] | None = None,
    **settings: Any,
) -> Any:
    """Decorator that gives a pytest test the arguments ``check`` and ``model``.

    The test runs once for each check. Arguments as for `check_device_model`.

    Raises:
        ParameterError: An expected failure names no check or gives no reason.
    """
    subject = DeviceSubject(model, settings, **({} if cell is None else {"cell": cell}))
    return _parametrized(DEVICE_CHECKS, subject, expected_failures)


def adc_checks(
    model: str,
    *,
    low: float = -2.0,
    high: float = 2.0,
    lines: int = 12,
    expected_failures: Mapping[str, str] | None = None,
    **settings: Any,
) -> Any:
    """As `device_checks`, for ADC models; arguments as for `check_adc_model`."""
    return _parametrized(
        ADC_CHECKS, AdcSubject(model, settings, low, high, lines), expected_failures
    )


def dac_checks(
    model: str,
    *,
    low: float = -1.0,
    high: float = 1.0,
    expected_failures: Mapping[str, str] | None = None,
    **settings: Any,
) -> Any:
    """As `device_checks`, for DAC models; arguments as for `check_dac_model`."""
    return _parametrized(DAC_CHECKS, DacSubject(model, settings, low, high), expected_failures)


def _parametrized(
    checks: Sequence[Check], subject: Subject, expected_failures: Mapping[str, str] | None
) -> Any:
    import pytest

    excused = expected(checks, expected_failures)
    cases = []
    for check in checks:
        name = check.__name__
        marks = [pytest.mark.xfail(reason=excused[name], strict=True)] if name in excused else []
        cases.append(pytest.param(_quiet(check), subject, id=f"{subject}-{name}", marks=marks))
    return pytest.mark.parametrize(("check", "model"), cases)


def _quiet(check: Check) -> Any:
    @wraps(check)
    def quiet(subject: Subject, /) -> None:
        quietly(check, subject)

    return quiet
