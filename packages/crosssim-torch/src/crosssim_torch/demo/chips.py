"""The chips that are simulated: cells, converters and errors as parameters of a layer."""

from dataclasses import dataclass

from crosssim_core import CrossSimParameters
from crosssim_core.layers.ranges import ConverterRanges

RMIN, RMAX = 62.5e3, 6.25e11
"""Resistances of a SONOS cell: 16 µS at most, seven orders of magnitude less at least [Ω].

Source: V. Agrawal et al., IEDM 2022, 21.7.1-21.7.4."""

BITS = 8
"""Resolution of DACs and ADCs [bit]."""


@dataclass(frozen=True, slots=True)
class CellError:
    """What goes wrong when a cell is programmed."""

    model: str
    """Name of a device model."""
    magnitude: float = 0.0
    """Its size, as the model takes it [1]."""


SONOS = CellError("SONOS")
PROPORTIONAL = CellError("NormalProportionalDevice", 0.05)
LARGE = CellError("NormalIndependentDevice", 0.12)


def layer_parameters(
    ranges: ConverterRanges | None, error: CellError | None = None
) -> CrossSimParameters:
    """Parameters of one layer; converters are ideal without ``ranges``, cells without ``error``."""
    params = CrossSimParameters()
    params.xbar.device.update({"Rmin": RMIN, "Rmax": RMAX})
    if error is not None:
        params.xbar.device.programming_error.update(
            {"enable": True, "model": error.model, "magnitude": error.magnitude}
        )
    if ranges is None:
        return params
    params.core.mapping.inputs.mvm.min = 0.0
    params.xbar.dac.mvm.update({"model": "QuantizerDAC", "bits": BITS, "signed": False})
    params.xbar.adc.mvm.update(
        {"model": "SignMagnitudeADC", "bits": BITS, "adc_range_option": "MAX"}
    )
    return ranges.applied(params)
