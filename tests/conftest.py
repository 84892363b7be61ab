"""Fixtures that the tests of all packages share."""

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("crosssim", deadline=None, derandomize=True)
settings.load_profile("crosssim")


@pytest.fixture(scope="module", params=["numpy", "array_api_strict", "torch"])
def xp(request):
    """Each array library in turn; what is not installed is skipped."""
    if request.param == "numpy":
        return np
    return pytest.importorskip(request.param, reason=f"{request.param} is not installed")


@pytest.fixture(scope="session")
def agrees():
    """``agrees(y, ref, ties_step=None)``: the tolerance rule of the reference numbers."""
    from agreement import assert_agrees

    return assert_agrees
