"""Kinds of hardware that networks are timed on, and how each is told of."""

from dataclasses import dataclass, replace
from typing import Any

from report import Row
from torch import Tensor, nn

from crosssim_core import CrossSimParameters
from crosssim_torch import convertible_modules, from_torch
from crosssim_torch.calibration import calibrate

INPUTS, DAC, ADC = "core.mapping.inputs.mvm", "xbar.dac.mvm", "xbar.adc.mvm"
CONVERTERS = {
    INPUTS: {"min": 0.0, "max": 1.0},
    DAC: {"model": "QuantizerDAC", "bits": 8, "signed": False},
    ADC: {"model": "QuantizerADC", "bits": 8, "adc_range_option": "MAX"},
    "core.balanced.subtract_current_in_xbar": True,
    "xbar.device": {"Rmin": 1e4, "Rmax": 1e6, "cell_bits": 7},
}
STEM = {
    INPUTS: {"min": -1.0, "max": 1.0},
    DAC: {"model": "SignMagnitudeDAC", "bits": 8, "signed": True},
}
"""Images have both signs, what follows a ReLU has one."""
SONOS = {
    "xbar.device": {"Rmin": 62.5e3, "Rmax": 6.25e11, "infinite_on_off_ratio": False},
    "xbar.device.programming_error": {"enable": True, "model": "SONOS"},
}
OFFSET = {"core.style": "OFFSET"}
SAR = {f"{ADC}.model": "SarADC", f"{ADC}.sigma_capacitor": 0.02}
LARGE_ARRAYS = {"core.rows_max": 1152, "core.cols_max": 256}
SMALL_ARRAYS = {"core.rows_max": 144}
SLICES = {
    "core.style": "BITSLICED",
    "core.weight_bits": 8,
    "core.bit_sliced.num_slices": 4,
    "xbar.device.cell_bits": 2,
}
DIGITS = {
    INPUTS: {"min": -1.0, "max": 1.0},
    f"{DAC}.model": "SignMagnitudeDAC",
    f"{DAC}.signed": True,
    f"{DAC}.input_bitslicing": True,
    f"{DAC}.slice_size": 1,
    f"{ADC}.adc_per_ibit": True,
}
"""An 8-bit converter of sign and magnitude has seven digits."""
NOISE = {
    "xbar.device.read_noise": {
        "enable": True,
        "model": "NormalProportionalDevice",
        "magnitude": 0.02,
    }
}
WIRES = {"xbar.array.parasitics": {"enable": True, "Rp_row": 1.0, "Rp_col": 1.0}}


@dataclass(frozen=True)
class Case:
    """One kind of hardware, and what others take for it."""

    name: str
    settings: dict[str, Any]
    limit: float | None
    """Largest ratio of times that the project allows itself; None for no limit."""
    crosssim: str = ""
    """Ratio of CrossSim 3.2."""
    converters: bool = True
    """Whether DAC and ADC ranges are calibrated."""

    @property
    def noisy(self) -> bool:
        """Whether every product has noise of its own."""
        return "xbar.device.read_noise" in self.settings

    def held(self, row: Row) -> Row:
        """``row`` beside what this case is held to."""
        return replace(row, limit=self.limit, crosssim=self.crosssim)


def analog(case: Case, network: nn.Module, images: Tensor) -> nn.Module:
    """``network`` on the hardware of ``case``, its converters calibrated on ``images``."""
    trees = []
    for index in range(len(convertible_modules(network))):
        tree = CrossSimParameters()
        if case.converters:
            tree.update(CONVERTERS)
            tree.update(STEM if index == 0 else {})
        tree.update(case.settings)
        trees.append(tree)
    model = from_torch(network, trees, fuse_batchnorm=True, seed=0)
    if case.converters:
        calibrate(model, images, together=True, show_progress=False)
    return model
