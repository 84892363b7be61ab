"""From a table of measured cells to the error of a product: no programming of a device model."""

from pathlib import Path

import numpy as np

from crosssim_core import AnalogCore, CrossSimParameters

TABLE = Path(__file__).with_name("sonos.csv")


def parameters(days: float = 0.0) -> CrossSimParameters:
    """Arrays of the measured cells, so many days after programming."""
    measured = {"enable": True, "model": "MeasuredDevice", "file": str(TABLE)}
    params = CrossSimParameters()
    params.update(
        {
            "xbar.device.Rmin": 62_500.0,  # 16 µS, the largest target of the table
            "xbar.device.Rmax": 6.25e11,
            "xbar.device.time": days,  # in the unit of the column "time"
            "xbar.device.programming_error": measured,
            "xbar.device.drift_error": measured,
            "xbar.device.read_noise": measured,
        }
    )
    return params


def relative_error(days: float, seed: int = 0) -> float:
    """Error of products of a random matrix, over their root mean square [1]."""
    draw = np.random.default_rng(1)
    matrix, x = draw.uniform(-1, 1, (64, 256)), draw.uniform(-1, 1, (256, 100))
    want = matrix @ x
    got = AnalogCore(matrix, parameters(days), seed=seed) @ x
    return float(np.sqrt(np.mean((got - want) ** 2) / np.mean(want**2)))


if __name__ == "__main__":
    for days in (0.0, 0.5, 1.0, 2.5, 5.0):
        print(f"after {days:3g} days: error of a product {100 * relative_error(days):.2f} %")
    try:
        from crosssim_devices.measured import plot_measurements

        plot_measurements(TABLE).savefig(Path("measured-device.png"), dpi=150)
    except ModuleNotFoundError as error:
        print(*error.__notes__)
