"""Circuits of arrays whose wires have resistance or whose cells are nonlinear.

=====================================  ====================================================
array                                  solver
=====================================  ====================================================
input sources, linear cells            `transfer_matrix`, once; then a product of matrices
… that conduct anew for each vector    `fresh_currents`
… nonlinear cells                      `nonlinear_currents`
separate sources, linear cells         `separate_source_currents`
… nonlinear cells                      `nonlinear_separate_source_currents`
no resistance, nonlinear cells         `summed_law`, once, or `uncoupled_currents`
=====================================  ====================================================

All take the conductances as the driven side sees them, ``(outputs, inputs)``: the transpose, and
``wires.swapped``, for products with the transposed matrix. With ``interleaved`` an axis of
length 2 stands before these two, for the positive and the negative cells that share an output
line. Vectors lie along the last axis. Resistances are over ``Rmin``, conductances over
``1 / Rmin``, voltages over the full-scale voltage, currents over that of a cell at full
conductance and voltage. Everything is computed in float64.
"""

from crosssim_core.numerics.wires.fresh import fresh_currents
from crosssim_core.numerics.wires.ladder import Segments
from crosssim_core.numerics.wires.law import Current
from crosssim_core.numerics.wires.lines import Line, Wires
from crosssim_core.numerics.wires.newton import nonlinear_separate_source_currents
from crosssim_core.numerics.wires.picard import nonlinear_currents
from crosssim_core.numerics.wires.separate import separate_source_currents, supply_segments
from crosssim_core.numerics.wires.solution import Solution
from crosssim_core.numerics.wires.summed import SummedLaw, summed_law
from crosssim_core.numerics.wires.transfer import transfer_matrix
from crosssim_core.numerics.wires.uncoupled import uncoupled_currents
from crosssim_core.numerics.wires.uniform import UniformNetwork

__all__ = [
    "Current",
    "Line",
    "Segments",
    "Solution",
    "SummedLaw",
    "UniformNetwork",
    "Wires",
    "fresh_currents",
    "nonlinear_currents",
    "nonlinear_separate_source_currents",
    "separate_source_currents",
    "summed_law",
    "supply_segments",
    "transfer_matrix",
    "uncoupled_currents",
]
