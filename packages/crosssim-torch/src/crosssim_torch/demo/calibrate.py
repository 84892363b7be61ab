"""Converter ranges from what a digital network does with the training data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crosssim_torch import convertible_modules

PERCENTILE = 99.99
"""Share of the products that lie inside the range of an ADC [%]."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """What the converters of one layer have to cover; its inputs are not negative."""

    inputs: float
    """Largest input, in units of the network."""
    products: float
    """Magnitude of all but the rarest products, in units of the largest weight times the
    largest input [1]."""


def calibrate(network: nn.Module, pixels: Tensor) -> list[Ranges]:
    """Ranges of the layers that can become analog, in the order of `convertible_modules`.

    Args:
        network: Digital, without batch-norms, in evaluation mode; every such layer runs once.
        pixels: Training images, shape ``(images, 1, 8, 8)``.
    """
    layers = convertible_modules(network)
    found: dict[nn.Module, Ranges] = {}
    hooks = [layer.register_forward_hook(_recorder(found)) for layer in layers]
    with torch.no_grad():
        network(pixels)
    for hook in hooks:
        hook.remove()
    return [found[layer] for layer in layers]


def _recorder(found: dict[nn.Module, Ranges]) -> Callable[..., None]:
    def record(layer: Any, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        largest = float(arguments[0].max())
        products = output
        if layer.bias is not None:
            # Without bias rows the bias is added after the ADC.
            products = output - layer.bias.reshape(-1, *[1] * (output.ndim - 2))
        scale = float(layer.weight.abs().max()) * largest
        magnitude = float(np.percentile(products.abs().numpy(), PERCENTILE))
        found[layer] = Ranges(largest, magnitude / scale)

    return record
