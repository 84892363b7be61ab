"""Input and ADC ranges found in data."""

from crosssim_core.numerics.calibration import (
    calibrate_input_limits,
    optimize_adc_limits_bitsliced,
    optimize_adc_limits_unsliced,
    quantizationError_minMax,
    quantizationError_ReLU,
)
from crosssim_torch.calibration.helpers import calibrate_adc_limits
from crosssim_torch.calibration.ranges import Ranges, apply_ranges, load_ranges, save_ranges
from crosssim_torch.calibration.report import CalibrationReport, ConverterReport
from crosssim_torch.calibration.run import calibrate

__all__ = [
    "CalibrationReport",
    "ConverterReport",
    "Ranges",
    "apply_ranges",
    "calibrate",
    "calibrate_adc_limits",
    "calibrate_input_limits",
    "load_ranges",
    "optimize_adc_limits_bitsliced",
    "optimize_adc_limits_unsliced",
    "quantizationError_ReLU",
    "quantizationError_minMax",
    "save_ranges",
]
