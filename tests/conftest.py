"""Fixtures that the tests of all packages share."""

import numpy as np
import on_gpu
import pytest
from hypothesis import settings

settings.register_profile("crosssim", deadline=None, derandomize=True)
settings.load_profile("crosssim")


def pytest_collection_modifyitems(items):
    """Tests over CuPy are skipped where it cannot work, with the reason."""
    marked = [item for item in items for mark in item.iter_markers("gpu") if "cupy" in mark.args]
    if marked and (reason := on_gpu.why_without_cupy()):
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


LIBRARIES = (
    "numpy",
    "array_api_strict",
    "torch",
    pytest.param("cupy", marks=pytest.mark.gpu("cupy")),
)


@pytest.fixture(scope="module", params=LIBRARIES)
def xp(request):
    """Each array library in turn; what is not installed, or finds no GPU, is skipped."""
    if request.param == "numpy":
        return np
    if request.param == "cupy":
        return on_gpu.cupy_namespace()
    return pytest.importorskip(request.param, reason=f"{request.param} is not installed")


@pytest.fixture(scope="session")
def agrees():
    """``agrees(y, ref, ties_step=None)``: the tolerance rule of the reference numbers."""
    from agreement import assert_agrees

    return assert_agrees
