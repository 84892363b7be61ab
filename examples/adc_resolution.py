"""How many bits does an ADC need? One matrix, one chip, error of its products by resolution.

Run with: python examples/adc_resolution.py
"""

import numpy as np

from crosssim_core import AnalogCore, CrossSimParameters

BITS = (4, 6, 8, 10, 12)


def chip(bits: int) -> CrossSimParameters:
    """An array whose cells are programmed with 2 % error and whose ADC has so many bits."""
    params = CrossSimParameters()
    params.update(
        {
            "xbar.device.programming_error": {
                "enable": True,
                "model": "NormalProportionalDevice",
                "magnitude": 0.02,
            },
            "xbar.adc.mvm": {
                "model": "SignMagnitudeADC",
                "bits": bits,
                "calibrated_range": [-20.0, 20.0],
            },
        }
    )
    return params


def relative_error(bits: int) -> float:
    """Root mean square error of the products over that of the products themselves."""
    rng = np.random.default_rng(0)
    matrix, inputs = rng.uniform(-1, 1, (64, 256)), rng.uniform(-1, 1, (256, 1000))
    exact = matrix @ inputs
    analog = AnalogCore(matrix, chip(bits), seed=1) @ inputs
    return float(np.sqrt(np.mean((analog - exact) ** 2) / np.mean(exact**2)))


def main() -> None:
    """Print one line for each resolution."""
    for bits in BITS:
        print(f"{bits:2d} bits: {100 * relative_error(bits):5.2f} % error")


if __name__ == "__main__":
    main()
