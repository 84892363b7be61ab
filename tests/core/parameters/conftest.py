"""Models with parameters of their own, and a fresh tree."""

import pytest
from stand_ins import vendor_installed

from crosssim_core.parameters import CrossSimParameters


@pytest.fixture(scope="module", autouse=True)
def _vendor():
    with vendor_installed():
        yield


@pytest.fixture
def params():
    return CrossSimParameters()
