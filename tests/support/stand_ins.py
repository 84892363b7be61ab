"""Models of a made-up vendor, for tests of core that need models with parameters of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from pydantic import Field

from crosssim_core.parameters import AdcParams, DeviceErrorParams
from crosssim_core.plugins import ModelEntry, hookimpl, register, unregister


class RampParams(AdcParams):
    model: str = "acme.ramp"
    gain_db: float = 100.0
    symmetric_cdac: bool = True


class SarParams(AdcParams):
    model: str = "acme.sar"
    gain_db: float = 100.0
    split_cdac: bool = True
    group_size: Annotated[int, Field(ge=1)] = 8


class PipelineParams(AdcParams):
    model: str = "acme.pipeline"
    gain_db: float = 100.0
    sigma_C1: Annotated[float, Field(ge=0)] = 0.0
    group_size: Annotated[int, Field(ge=1)] = 8


class CellParams(DeviceErrorParams):
    model: str = "acme.cell"
    spread: Annotated[float, Field(ge=0, le=1)] = 0.05


class NoRecord:
    """Not a record of parameters at all."""


def build(params, site):
    """Nothing is built where parameters alone are tested."""
    raise AssertionError("a test of parameters built a model")


class Vendor:
    @hookimpl
    def crosssim_device_models(self):
        return [ModelEntry("acme.cell", "stand_ins:build", "stand_ins:CellParams")]

    @hookimpl
    def crosssim_adc_models(self):
        return [
            ModelEntry("acme.plain", "stand_ins:build"),
            ModelEntry("acme.ramp", "stand_ins:build", "stand_ins:RampParams"),
            ModelEntry("acme.sar", "stand_ins:build", "stand_ins:SarParams"),
            ModelEntry("acme.pipeline", "stand_ins:build", "stand_ins:PipelineParams"),
            ModelEntry("acme.cyclic", "stand_ins:build", "stand_ins:PipelineParams"),
            ModelEntry("acme.wrong", "stand_ins:build", "stand_ins:NoRecord"),
        ]

    @hookimpl
    def crosssim_dac_models(self):
        return [ModelEntry("acme.dac", "stand_ins:build")]


@contextmanager
def vendor_installed() -> Iterator[None]:
    """While this lasts, models ``acme.*`` can be selected."""
    register(Vendor(), "acme")
    try:
        yield
    finally:
        unregister("acme")
