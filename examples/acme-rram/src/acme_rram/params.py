"""Parameters of the cell."""

from typing import Annotated

from pydantic import Field

from crosssim_core.parameters import DeviceErrorParams


class RramParams(DeviceErrorParams):
    """How far a cell strays from its target."""

    model: str = "acme.rram"
    spread: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Standard deviation at the largest conductance, as a fraction of it [1]."""
    slope: Annotated[float, Field(ge=0)] = 0.5
    """Relative growth of the spread from the largest conductance down to zero [1]."""
    flicker: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Standard deviation of reads, as a fraction of the conductance [1]."""
