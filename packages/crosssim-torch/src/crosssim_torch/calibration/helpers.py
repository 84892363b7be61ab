"""ADC ranges from what the profiling utilities return."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from crosssim_core.errors import ParameterError
from crosssim_core.numerics.calibration import (
    optimize_adc_limits_bitsliced,
    optimize_adc_limits_unsliced,
)
from crosssim_core.parameters import CoreStyle
from crosssim_torch.analog import AnalogModule
from crosssim_torch.params import trees_of

HostArray = np.ndarray[Any, Any]


def calibrate_adc_limits(
    analog_layers: Sequence[AnalogModule],
    all_adc_inputs: Sequence[HostArray | None],
    Nbits: int = 0,
    norm_ord: float = 1.0,
    bitslice_pct: float = 99.99,
) -> HostArray | list[HostArray]:
    """Ranges of the ADCs, layer by layer; all arrays of a layer share them.

    Args:
        analog_layers: As `analog_modules` lists them.
        all_adc_inputs: What `get_profiled_adc_inputs` returned for them.
        Nbits: Resolution of the ADCs of layers without slices [bit]; 0 takes the smallest and the
            largest current, else the error of the conversion is minimized.
        norm_ord: Order of the norm of that error.
        bitslice_pct: Percentile that lies inside the range of a slice [%].

    Returns:
        Shape (layers, 2); with BITSLICED layers a list, whose elements have shape (slices, 2) for
        them and (2,) for the others.

    Raises:
        ParameterError: A list is too short, or the currents of a layer were not recorded.
    """
    if len(analog_layers) != len(all_adc_inputs):
        raise ParameterError(
            f"{len(all_adc_inputs)} arrays of currents were given for {len(analog_layers)} layers."
        )
    limits: list[HostArray] = []
    for number, (layer, currents) in enumerate(zip(analog_layers, all_adc_inputs, strict=True)):
        if currents is None:
            raise ParameterError(
                f"The currents of layer {number} were not recorded: set profile_adc_inputs = True."
            )
        tree = trees_of(layer.params)[0]
        if tree.core.style is CoreStyle.BITSLICED:
            rows = max(tile.whole.shape[1] for tile in layer._tiles.values())
            limits.append(optimize_adc_limits_bitsliced(list(currents), rows, bitslice_pct))
        else:
            limits.append(optimize_adc_limits_unsliced(currents, Nbits, norm_ord))
    sliced = any(limit.ndim == 2 for limit in limits)
    return limits if sliced else np.array(limits).reshape(-1, 2)
