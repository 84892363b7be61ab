"""A picture of measurements and of the model that goes through them."""

from os import PathLike
from typing import Any

import numpy as np

from crosssim_devices.measured.device import read_noise_curve, statistics_curves
from crosssim_devices.measured.table import Measurements, read_measurements

MICRO = 1e6


def plot_measurements(source: str | PathLike[str] | Measurements, axes: Any = None) -> Any:
    """Draw what was measured as points and what is simulated as lines, one colour for each time.

    Panels show the shift of the mean, the standard deviation, and the read noise if there is one.

    Args:
        source: A CSV file, or what was read from it.
        axes: As many Matplotlib axes as panels; new ones if None.

    Returns:
        The Matplotlib figure.

    Raises:
        ParameterError: The file cannot be used.
        ModuleNotFoundError: Matplotlib is not installed.
    """
    table = source if isinstance(source, Measurements) else read_measurements(source)
    panels = 2 if table.read_noise is None else 3
    axes = _new_axes(panels) if axes is None else np.ravel(axes)
    for index, time in enumerate(map(float, table.times)):
        colour = f"C{index % 10}"
        label = f"{time:g} {table.time_unit}"
        mean, deviation = statistics_curves(table, time)
        fine = np.linspace(table.targets[0], table.targets[-1], 400)
        shift = table.mean[index] - table.targets
        _pair(axes[0], table.targets, shift, fine, mean(fine) - fine, colour, label)
        spread = table.deviation[index]
        _pair(axes[1], table.targets, spread, fine, deviation(fine), colour, label)
        if table.read_noise is not None:
            held, noise = table.mean[index], read_noise_curve(table, time)
            fine = np.linspace(held[0], held[-1], 400)
            _pair(axes[2], held, table.read_noise[index], fine, noise(fine), colour, label)
    titles = ("Mean − target", "Standard deviation", "Read noise")
    for panel, title in zip(axes, titles[: len(axes)], strict=True):
        panel.set(title=title, ylabel="conductance [µS]", xlabel="target [µS]")
    if table.read_noise is not None:
        axes[2].set(xlabel="conductance held [µS]")
    axes[0].legend(title="time")
    axes[1].legend(handles=_kinds(axes[1]), loc="best")
    return axes[0].figure


def _new_axes(panels: int) -> Any:
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        error.add_note("Plots need Matplotlib: pip install 'crosssim-devices[plot]'")
        raise
    size = (4 * panels, 3.5)
    return pyplot.subplots(1, panels, figsize=size, layout="constrained")[1]


def _kinds(panel: Any) -> list[Any]:
    """What points and lines are, for a legend; nothing of it is drawn."""
    kinds = {"measured": "o", "simulated": "-"}
    lines = [panel.plot([], [], style, color="black", label=k)[0] for k, style in kinds.items()]
    for line in lines:
        line.remove()
    return lines


def _pair(panel: Any, x: Any, y: Any, fine_x: Any, fine_y: Any, colour: str, label: str) -> None:
    """Points, and the line that goes through them [S]."""
    panel.plot(MICRO * x, MICRO * y, "o", color=colour, label=label)
    panel.plot(MICRO * fine_x, MICRO * fine_y, "-", color=colour)
