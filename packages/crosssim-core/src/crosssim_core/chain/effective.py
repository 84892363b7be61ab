"""Arrays that act like others with ideal wires."""

from dataclasses import replace

from crosssim_core.arrays import ArrayCircuit, effective_conductances
from crosssim_core.chain.block import Block, Grid
from crosssim_core.chain.laws import polynomials


def effective(grid: Grid, /) -> Grid | None:
    """The grid of arrays with ideal wires that give the same line currents.

    Exact where cells are ohmic, fed by their input lines, and conduct the same for all vectors:
    then currents are linear in the voltages, whatever the wires. Exact also where the law of the
    cells is a polynomial and their wires are ideal. None where there is no such grid, so that the
    circuit of every vector has to be solved.
    """
    rows = [[_effective(block) for block in row] for row in grid]
    known = tuple(tuple(block for block in row if block is not None) for row in rows)
    return known if list(map(len, known)) == list(map(len, rows)) else None


def ohmic(grid: Grid, /) -> Grid:
    """The grid for ohmic cells fed by their input lines, whatever the cells really do."""
    return tuple(tuple(map(_ohmic, row)) for row in grid)


def _effective(block: Block) -> Block | None:
    circuits, noisy = block.plan.circuits, block.plan.reader is not None
    if all(circuit.plain for circuit in circuits):
        return block
    if noisy:
        return None
    if all(circuit.linear for circuit in circuits):
        return _ohmic(block)
    if any(circuit.wires is not None for circuit in circuits):
        return None
    laws = polynomials(block)
    return None if laws is None else replace(block, laws=laws)


def _ohmic(block: Block) -> Block:
    plan = block.plan
    ideal = ArrayCircuit(interleaved=plan.interleaved)
    return replace(
        block,
        conductance=effective_conductances(plan.circuits, block.conductance),
        plan=replace(plan, circuits=(ideal,) * len(plan.circuits)),
    )
