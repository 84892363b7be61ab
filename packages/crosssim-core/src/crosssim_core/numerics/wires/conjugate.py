"""Circuits of linear cells, solved by conjugate gradients."""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.numerics.wires.solution import ROUNDING, relative
from crosssim_core.numerics.wires.uniform import Cells, UniformNetwork
from crosssim_core.typing import Array


@dataclass(frozen=True, slots=True)
class Drops:
    """Voltage drops between the sources and the cells."""

    w: Cells
    """The drops, over the full-scale voltage [1]."""
    currents: Cells
    """Currents of the cells that would cause them, R⁻¹ w [1]."""
    residual: float
    """Largest error of a drop, over the scale of its vector [1]."""
    steps: int
    """Steps that were made."""


def conjugate_gradients(
    network: UniformNetwork,
    g: Cells,
    injected: Cells,
    /,
    *,
    scale: Float[Array, "vectors"],
    tolerance: float,
    max_steps: int,
) -> Drops:
    """Drops w where the cells conduct ``injected − g w``: ``(R⁻¹ + g) w = injected``.

    The preconditioner is the same circuit with one mean conductance, whose inverse is known for
    the vectors it made; so R is never inverted, and may be singular.

    Args:
        network: Of the wires.
        g: Conductances, at least 0 [1].
        injected: Currents of the cells without drops [1].
        scale: Voltage that errors of each vector are compared with, 0 where nothing happens.
        tolerance: Error that is enough [1]; if it is not reached, the caller sees the residual.
        max_steps: Steps allowed.

    Source: M. R. Hestenes, E. Stiefel, J. Res. Natl. Bur. Stand. 49 (1952) 409-436.
    """
    xp = array_namespace(g)
    mean = float(xp.mean(g))
    r = injected
    w = xp.zeros_like(r)
    z = network.drops_of_injected(r, mean)
    p, q = z, r
    product = start = _inner(r, z)
    target = tolerance
    for step in range(max_steps + 1):
        if step == max_steps or bool(xp.all(product <= target**2 * start)):
            residual = relative(w - network.drops(injected - g * w), scale)
            if step == max_steps or residual <= tolerance or target < ROUNDING:
                return Drops(w, injected - r - g * w, residual, step)
            target /= 10
        image = q + (g - mean) * p
        a = _ratio(product, _inner(p, image))
        w = w + a * p
        r = r - a * image
        z = network.drops_of_injected(r, mean)
        product, before = _inner(r, z), product
        b = _ratio(product, before)
        p = z + b * p
        q = r + b * q
    raise AssertionError("the last step returns")


def _inner(x: Cells, y: Cells) -> Float[Array, "vectors 1 1 1"]:
    return array_namespace(x).sum(x * y, axis=(1, 2, 3), keepdims=True)


def _ratio(x: Array, y: Array) -> Array:
    """``x / y``; 0 where a vector is solved exactly and both vanish."""
    xp = array_namespace(x)
    solved = y <= 0
    return xp.where(solved, xp.zeros_like(x), x / xp.where(solved, xp.ones_like(y), y))
