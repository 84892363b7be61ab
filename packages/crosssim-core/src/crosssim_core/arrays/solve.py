"""Line currents of an array for explicit vectors, each with a circuit of its own."""

import logging
from collections.abc import Callable

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.arrays.circuit import ArrayCircuit
from crosssim_core.errors import ParameterError, SolverError
from crosssim_core.numerics.chunks import chunks
from crosssim_core.numerics.wires import (
    Solution,
    UniformNetwork,
    fresh_currents,
    nonlinear_currents,
    nonlinear_separate_source_currents,
    separate_source_currents,
    uncoupled_currents,
)
from crosssim_core.numerics.wires.solution import TOLERANCE
from crosssim_core.typing import Array

logger = logging.getLogger("crosssim_core.arrays")

CELLS_AT_ONCE = 2**22
"""Cells that are drawn afresh at once."""

EXACT = 1e-12
"""Error of voltages in circuits that a transfer matrix describes without any [1]."""

Fresh = Callable[[Array], Array]
"""Conductances that one read sees, drawn anew, of those that cells hold."""


def line_currents(
    circuit: ArrayCircuit,
    u: Float[Array, "*batch inputs"],
    g: Float[Array, "signs *stack lines inputs"],
    /,
    *,
    fresh: Fresh | None = None,
    where: str = "an array",
) -> list[Float[Array, "*batch lines"]]:
    """Currents that leave the output lines, over the full-scale current of a cell [1].

    Args:
        circuit: Of the cells.
        u: Voltages over the full-scale voltage [1].
        g: Conductances over the largest one [1], as the driven side sees them; of a stack of
            arrays along an axis before the lines, and each is driven by a vector of its own.
        fresh: What each vector sees of the cells; None where that is what they hold.
        where: Name of the array in messages.

    Returns:
        One for each sign; where a pair shares its line, one.

    Raises:
        SolverError: A circuit was not solved to its tolerance.
        ParameterError: The circuit cannot be read from this side.
    """
    if circuit.refusal:
        raise ParameterError(circuit.refusal, "xbar.array.parasitics")
    if 0 in g.shape:
        return _no_currents(circuit, u, g)
    if g.ndim > 3:
        apart = [
            line_currents(
                circuit, u[..., i, :], g[:, i, ...], fresh=fresh, where=f"{where}, matrix {i}"
            )
            for i in range(g.shape[1])
        ]
        xp = array_namespace(u)
        return [xp.stack(lines, axis=-2) for lines in zip(*apart, strict=True)]
    if circuit.interleaved:
        return [_currents(circuit, u, g, fresh, where)]
    names = [where] if g.shape[0] == 1 else [f"{where}, {sign}" for sign in ("plus", "minus")]
    return [_currents(circuit, u, g[i, ...], fresh, name) for i, name in enumerate(names)]


def _no_currents(circuit: ArrayCircuit, u: Array, g: Array) -> list[Array]:
    """Those of arrays without cells."""
    xp = array_namespace(u)
    lines = xp.zeros((*u.shape[:-1], g.shape[-2]), dtype=u.dtype, device=device_of(u))
    return [lines] if circuit.interleaved else [lines] * g.shape[0]


def _currents(
    circuit: ArrayCircuit, u: Array, g: Array, fresh: Fresh | None, where: str
) -> Float[Array, "*batch lines"]:
    """Currents of lines whose cells ``g`` are of shape (lines, inputs), or (2, lines, inputs)."""
    if fresh is None:
        return _solved(circuit, u, g, where, cells_vary=False)
    xp = array_namespace(u)
    vectors = xp.reshape(u, (-1, u.shape[-1]))
    cells = max(1, g.shape[-1] * g.shape[-2] * (2 if circuit.interleaved else 1))
    parts = []
    for some in chunks(vectors.shape[0], at_once=CELLS_AT_ONCE // cells):
        part = vectors[some, :]
        seen = fresh(xp.broadcast_to(g, (part.shape[0], *g.shape)))
        parts.append(_solved(circuit, part, seen, where, cells_vary=True))
    lines = xp.concat(parts, axis=0) if parts else xp.zeros_like(vectors[:, :1] @ g[..., :1].T)
    return xp.reshape(lines, (*u.shape[:-1], g.shape[-2]))


def _solved(
    circuit: ArrayCircuit, u: Array, g: Array, where: str, *, cells_vary: bool
) -> Float[Array, "*batch lines"]:
    """Currents where ``g`` is one array for all vectors, or one for each."""
    if circuit.plain:
        return _ohmic(u, g, interleaved=circuit.interleaved, cells_vary=cells_vary)
    interleaved, law, wires = circuit.interleaved, circuit.law, circuit.wires
    if wires is None:
        assert law is not None
        return uncoupled_currents(law, g, u, interleaved=interleaved)
    if circuit.supply is not None and law is None:
        return separate_source_currents(g, u, circuit.supply, interleaved=interleaved)
    xp = array_namespace(u)
    # Iterations go on together: a vector that no circuit can be driven with must not hold them up.
    finite = xp.all(xp.isfinite(u), axis=-1, keepdims=True)
    try:
        found = _iterated(circuit, xp.where(finite, u, xp.zeros_like(u)), g, cells_vary=cells_vary)
    except SolverError as error:
        raise _explained(error, where) from None
    logger.debug(
        "%s: voltages to %.1e of the largest input, %d steps", where, found.residual, found.steps
    )
    return xp.where(finite, found.currents, xp.full_like(found.currents, xp.nan))


def _ohmic(u: Array, g: Array, *, interleaved: bool, cells_vary: bool) -> Array:
    """Products of conductances and voltages; pairs on one line give their difference."""
    xp = array_namespace(u)
    if interleaved:
        g = g[..., 0, :, :] - g[..., 1, :, :]
    if cells_vary:
        return xp.sum(g * u[..., None, :], axis=-1)
    return xp.matmul(u, g.T)


def _iterated(circuit: ArrayCircuit, u: Array, g: Array, *, cells_vary: bool) -> Solution:
    """What the iterative solvers find."""
    assert circuit.wires is not None
    law, effort, interleaved = circuit.law, circuit.effort, circuit.interleaved
    if circuit.supply is not None:
        assert law is not None
        return nonlinear_separate_source_currents(
            law,
            g,
            u,
            circuit.supply,
            interleaved=interleaved,
            tolerance=effort.tolerance,
            max_steps=effort.max_steps,
        )
    outputs, inputs = g.shape[-2:]
    network = UniformNetwork.of(circuit.wires, outputs=outputs, inputs=inputs, like=g)
    if law is None:
        tolerance = effort.tolerance if cells_vary else min(effort.tolerance, EXACT)
        return fresh_currents(network, g, u, interleaved=interleaved, tolerance=tolerance)
    return nonlinear_currents(
        network,
        law,
        g,
        u,
        interleaved=interleaved,
        tolerance=effort.tolerance,
        max_steps=effort.max_steps,
    )


def _explained(error: SolverError, where: str) -> SolverError:
    """The error with the name of the array, and what to change."""
    remedies = []
    if error.nearing:
        remedies.append(f"raise simulation.Niters_max_parasitics above {error.steps}")
    if error.tolerance < TOLERANCE:
        remedies.append(f"raise simulation.Verr_th_mvm above {error.tolerance:g}")
    remedies.append("lower xbar.array.parasitics or xbar.device.Vread")
    advice = ", or ".join(remedies)
    return SolverError(
        f"The voltages of {where} are wrong by {error.residual:.1e} of the largest input after "
        f"{error.steps} steps; at most {error.tolerance:.1e} is allowed. "
        f"{advice[0].upper()}{advice[1:]}.",
        error.residual,
        error.tolerance,
        error.steps,
        nearing=error.nearing,
    )
