"""Devices that are described by a table of measurements instead of a program."""

from crosssim_devices.measured.device import MeasuredDevice, MeasuredDeviceParams
from crosssim_devices.measured.plot import plot_measurements
from crosssim_devices.measured.table import Measurements, read_measurements

__all__ = [
    "MeasuredDevice",
    "MeasuredDeviceParams",
    "Measurements",
    "plot_measurements",
    "read_measurements",
]
