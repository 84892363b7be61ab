"""Line currents of 3×3 arrays, to eight digits."""

import numpy as np
import pytest

from crosssim_core.numerics.wires import (
    Line,
    UniformNetwork,
    Wires,
    nonlinear_currents,
    nonlinear_separate_source_currents,
    separate_source_currents,
    summed_law,
    supply_segments,
    transfer_matrix,
    uncoupled_currents,
)

PLUS = np.array([[0.9, 0.2, 0.5], [0.1, 0.7, 0.4], [0.6, 0.3, 1.0]])
MINUS = np.array([[0.1, 0.8, 0.3], [0.5, 0.2, 0.6], [0.4, 0.9, 0.1]])
V = np.array([1.0, -0.5, 0.25])
ROW, COL = 0.01, 0.02
ROW_END, COL_END = 0.03, 0.05
EXACT = 6e-9
"""Half a unit of the last digit given, and a little."""


def wires(terminals=""):
    """Rows drive and columns collect; terminals of rows ``r``, of columns ``c``."""
    row = Line(ROW, ROW_END if "r" in terminals else 0.0)
    return Wires(row, Line(COL, COL_END if "c" in terminals else 0.0))


def assert_exact(got, want):
    np.testing.assert_allclose(np.asarray(got), want, rtol=0, atol=EXACT)


def seen(g, direction):
    """Conductances as the driven side sees them."""
    return g if direction == "mvm" else np.swapaxes(g, -1, -2)


def sided(direction, terminals):
    return wires(terminals) if direction == "mvm" else wires(terminals).swapped


INPUT_SOURCE = [
    ("ni mvm", "", [0.85179302, -0.14063835, 0.63893563]),
    ("ni mvm", "c", [0.79244852, -0.13252656, 0.58724311]),
    ("ni mvm", "r", [0.81334233, -0.13810040, 0.60851538]),
    ("ni mvm", "rc", [0.75827172, -0.12941299, 0.56103233]),
    ("ni vmm", "", [0.93812646, -0.07088893, 0.50052852]),
    ("ni vmm", "rc", [0.83372446, -0.06812443, 0.43901544]),
    ("i mvm", "", [1.01891463, -0.63473707, 0.63142090]),
    ("i mvm", "rc", [0.86113253, -0.55464088, 0.51950010]),
    ("i vmm", "", [0.96980464, -0.90866899, 0.47018424]),
    ("i vmm", "rc", [0.83898278, -0.79406195, 0.39925774]),
]


@pytest.mark.parametrize(("case", "terminals", "currents"), INPUT_SOURCE)
def test_arrays_with_input_sources_give_the_golden_currents(xp, case, terminals, currents):
    topology, direction = case.split()
    interleaved = topology == "i"
    g = seen(np.stack((PLUS, MINUS)) if interleaved else PLUS, direction)
    matrix = transfer_matrix(
        xp.asarray(g.copy()), sided(direction, terminals), interleaved=interleaved
    )
    assert_exact(np.asarray(matrix) @ V, currents)


MATRICES = [
    ("ni mvm", "", "0.82664281 0.18783197 0.47626479  0.09415998 0.65892154 0.37864975"
     "  0.54658083 0.27770431 0.92482782"),
    ("ni mvm", "rc", "0.73778581 0.17039371 0.42273106  0.08691403 0.60344098 0.34157390"
     "  0.48316457 0.24858357 0.80863818"),
    ("ni vmm", "", "0.84337840 0.09546548 0.56992318  0.18730329 0.65593240 0.27909589"
     "  0.45897880 0.36971214 0.90562319"),
    ("i mvm", "", "0.70453187 -0.53670587 0.18411928  -0.35941684 0.45415531 -0.19297030"
     "  0.17019623 -0.51756247 0.80977373"),
    ("i vmm", "", "0.73648223 -0.37425302 0.18478359  -0.54133156 0.45489951 -0.55955069"
     "  0.17849942 -0.18124237 0.80425454"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "terminals", "elements"), MATRICES)
def test_transfer_matrices_are_the_golden_ones(case, terminals, elements):
    topology, direction = case.split()
    interleaved = topology == "i"
    g = seen(np.stack((PLUS, MINUS)) if interleaved else PLUS, direction)
    got = transfer_matrix(g, sided(direction, terminals), interleaved=interleaved)
    assert_exact(got.ravel(), np.array(elements.split(), dtype=float))


def test_arrays_need_not_be_square():
    assert_exact(transfer_matrix(PLUS[:2], wires()) @ V, [0.85728145, -0.13982758])
    assert_exact(
        transfer_matrix(PLUS[:2].T, wires().swapped) @ [1, -0.5],
        [0.80801379, -0.14243954, 0.27896171],
    )


SEPARATE = [
    ("ni mvm", [1, 0, 1], "", 0, "top", [1.31017197, 0.48914229, 1.49603131]),
    ("ni mvm", [1, 0, 1], "rc", 0, "top", [1.18587586, 0.47072227, 1.33612100]),
    ("ni mvm", [1, 0, 1], "", 5, "top", [1.24492912, 0.47975554, 1.41156169]),
    ("ni mvm", [1, 0, 1], "", 5, "bottom", [1.27671757, 0.48440344, 1.45256952]),
    ("ni mvm", [1, 0, 1], "rc", 5, "bottom", [1.15840145, 0.46633202, 1.30134589]),
    ("ni mvm", [1, 1, 1], "", 0, "top", [1.48461514, 1.13398182, 1.75364042]),
    ("ni mvm", [1, -1, 0], "", 0, "top", [0.64930355, -0.57257566, 0.28123957]),
    ("ni vmm", [1, 0, 1], "", 0, "top", [1.40793308, 0.48838391, 1.39560339]),
    ("ni vmm", [1, 1, 1], "", 0, "top", [1.49542993, 1.13078678, 1.73747966]),
    ("ni vmm", [1, -1, 0], "", 0, "top", [0.76194481, -0.47386609, 0.09720952]),
    ("i mvm", [1, 0, 1], "", 0, "top", [0.91745848, -0.56003977, 1.01043139]),
    ("i mvm", [1, 0, 1], "rc", 0, "top", [0.80693315, -0.49831019, 0.87164091]),
    ("i mvm", [1, 0, 1], "", 5, "top", [0.85979042, -0.52805339, 0.93775819]),
    ("i mvm", [1, 0, 1], "", 5, "bottom", [0.88704529, -0.54321237, 0.97159671]),
    ("i mvm", [1, 0, 1], "rc", 5, "bottom", [0.78221075, -0.48425490, 0.84095449]),
    ("i mvm", [1, 1, 1], "", 0, "top", [0.35362130, -0.09476572, 0.45267622]),
    ("i mvm", [1, -1, 0], "", 0, "top", [1.26594573, -0.83476238, 0.71839768]),
    ("i vmm", [1, 0, 1], "", 0, "top", [0.92175063, -1.08953625, 1.00260343]),
    ("i vmm", [1, 1, 1], "", 0, "top", [0.54600284, -0.61773505, 0.78442856]),
    ("i vmm", [1, -1, 0], "", 0, "top", [1.13199831, -1.02716576, 0.37444400]),
]


@pytest.mark.parametrize(("case", "x", "terminals", "rows", "selected", "currents"), SEPARATE)
def test_arrays_with_separate_sources_give_the_golden_currents(
    xp, case, x, terminals, rows, selected, currents
):
    topology, direction = case.split()
    interleaved = topology == "i"
    g = seen(np.stack((PLUS, MINUS)) if interleaved else PLUS, direction)
    segments = supply_segments(
        sided(direction, terminals), unused=max(rows - 3, 0), selected=selected
    )
    got = separate_source_currents(
        xp.asarray(g.copy()),
        xp.asarray(np.array(x, dtype=float)),
        segments,
        interleaved=interleaved,
    )
    assert_exact(got, currents)


def cubic(g, v):
    """The illustrative saturating cell at a read voltage of 1 V."""
    return g * (v - v**3 / 4)


@pytest.mark.parametrize(
    ("interleaved", "currents"),
    [
        (False, [0.70429688, -0.15468750, 0.55546875]),
        (True, [0.93046875, -0.58359375, 0.65273437]),
    ],
)
def test_nonlinear_cells_without_wires_give_the_golden_currents(xp, interleaved, currents):
    g = xp.asarray(np.stack((PLUS, MINUS)) if interleaved else PLUS.copy())
    v = xp.asarray(V.copy())
    assert_exact(uncoupled_currents(cubic, g, v, interleaved=interleaved), currents)
    assert_exact(summed_law(cubic, g, degree=3, interleaved=interleaved).currents(v), currents)


@pytest.mark.parametrize(
    ("interleaved", "currents"),
    [
        (False, [0.67970088, -0.14645388, 0.52675233]),
        (True, [0.86723759, -0.54841093, 0.59372593]),
    ],
)
def test_nonlinear_cells_on_input_lines_give_the_golden_currents(xp, interleaved, currents):
    g = xp.asarray(np.stack((PLUS, MINUS)) if interleaved else PLUS.copy())
    network = UniformNetwork.of(wires(), outputs=3, inputs=3, like=g)
    got = nonlinear_currents(
        network, cubic, g, xp.asarray(V.copy()), interleaved=interleaved, tolerance=1e-10
    )
    assert got.residual <= 1e-10
    assert_exact(got.currents, currents)


@pytest.mark.parametrize(
    ("interleaved", "currents"),
    [
        (False, [1.02961010, 0.37282816, 1.17647645]),
        (True, [0.73180135, -0.44159169, 0.80546042]),
    ],
)
def test_nonlinear_cells_on_supply_lines_give_the_golden_currents(xp, interleaved, currents):
    g = xp.asarray(np.stack((PLUS, MINUS)) if interleaved else PLUS.copy())
    got = nonlinear_separate_source_currents(
        cubic,
        g,
        xp.asarray(np.array([1.0, 0.0, 1.0])),
        supply_segments(wires()),
        interleaved=interleaved,
        tolerance=1e-10,
    )
    assert got.residual <= 1e-10
    assert_exact(got.currents, currents)
