"""Cores with wires and nonlinear cells: read noise, programming, and what goes wrong."""

import copy
import logging
import pickle

import numpy as np
import pytest
from analog_settings import needs_devices
from erring_models import bench_installed, slot, tree
from wire_settings import SHARED, SUPPLY, WIRES

from crosssim_core import AnalogCore
from crosssim_core.arrays import array_circuits
from crosssim_core.chain.product import MATRIX_PRODUCT
from crosssim_core.errors import SolverError
from crosssim_core.numerics.wires import Line, Wires, transfer_matrix

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

A = np.random.default_rng(0).uniform(-1, 1, (4, 7))
X = np.random.default_rng(1).uniform(-1, 1, (7, 3))
UNIT = {"core.offset.style": "UNIT_COLUMN_SUBTRACTION"}
SLICES = {"core.style": "BITSLICED", "core.weight_bits": 8}
LIMITS = {
    "core.mapping.weights.percentile": None,
    "core.mapping.weights.min": -2.0,
    "core.mapping.weights.max": 2.0,
}
PARTS = {"core.rows_max": 3, "core.cols_max": 3}
NOISY = slot("read_noise", magnitude=0.02)
GROWING = slot("nonlinear_IV", "bench.growing")
KINDS = {
    "input lines": {},
    "pairs on input lines": SHARED,
    "parts": PARTS,
    "supply lines": SUPPLY,
    "pairs on supply lines": SUPPLY | SHARED,
    "noisy": NOISY,
    "noisy pairs": NOISY | SHARED,
    "growing": GROWING,
    "growing, supply lines": GROWING | SUPPLY,
    "growing, noisy": GROWING | NOISY,
}
kinds = pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=name, marks=needs_devices) for name, kind in KINDS.items()]
)


@pytest.fixture(autouse=True)
def bench():
    with bench_installed():
        yield


@kinds
def test_a_chip_programmed_anew_and_in_part_is_solved_anew(kind):
    """A new matrix, a row through a view, and a state all lead to the products of a fresh core."""
    params = tree(WIRES, LIMITS, kind)
    core = AnalogCore(2 * A, params, seed=3)
    core @ X
    core.set_matrix(A)
    core @ X
    core[1] = 0.5 * A[0]
    twins = [
        AnalogCore.from_state(core.state()),
        copy.deepcopy(core),
        pickle.loads(pickle.dumps(core)),
    ]
    want = core @ X
    for twin in twins:
        np.testing.assert_array_equal(twin @ X, want)
    if "read_noise" not in str(kind):
        matrix = A.copy()
        matrix[1] = 0.5 * A[0]
        np.testing.assert_array_equal(AnalogCore(matrix, params) @ X, want)
        np.testing.assert_array_equal(core[1:3] @ X, want[1:3])


@kinds
@pytest.mark.parametrize("wires", [{}, WIRES], ids=["ideal", "wires"])
@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("style", [{}, {"core.style": "OFFSET"} | UNIT, SLICES], ids=str)
def test_matrices_without_elements_have_products_without_currents(kind, wires, literal, style):
    params = tree(wires, kind, style, simulation__literal=literal)
    for shape in [(0, 3), (3, 0), (0, 0)]:
        core = AnalogCore(np.zeros(shape), params)
        products = [core @ np.ones(shape[1]), core @ np.ones((shape[1], 2))]
        wanted = [shape[:1], (shape[0], 2)]
        if "current_from_input" not in str(kind):
            products += [np.ones(shape[0]) @ core, np.ones((2, shape[0])) @ core]
            wanted += [shape[1:], (2, shape[1])]
        assert [y.shape for y in products] == wanted
        assert not any(y.any() for y in products)


@kinds
def test_read_back_does_not_see_the_wires(kind):
    core = AnalogCore(A, tree(WIRES, kind))
    core @ X
    np.testing.assert_allclose(core.get_matrix(), A, rtol=0, atol=1e-12)


@kinds
def test_complex_matrices_are_products_of_their_real_blocks(kind):
    if "read_noise" in str(kind):
        pytest.skip("every read draws other noise")
    parts = {name: 2 * value for name, value in kind.items() if "_max" in name}
    params = tree(WIRES, LIMITS, kind, parts, simulation__Verr_th_mvm=1e-11)
    real = AnalogCore(np.block([[A, -A[::-1]], [A[::-1], A]]), params)
    params.core.complex_matrix = params.core.complex_input = True
    core = AnalogCore(A + 1j * A[::-1], params)
    z = X + 1j * X[::-1]
    blocks = real @ np.concatenate((z.real, z.imag))
    np.testing.assert_allclose(core @ z, blocks[:4] + 1j * blocks[4:], rtol=0, atol=1e-9)


def test_input_lines_superpose_and_supply_lines_do_not():
    core = AnalogCore(A, tree(WIRES))
    whole = core @ (X[:, 0] - 2 * X[:, 1])
    np.testing.assert_allclose(whole, core @ X[:, 0] - 2 * (core @ X[:, 1]), rtol=1e-12)


@needs_devices
@pytest.mark.parametrize("topology", [{}, SHARED, SUPPLY, SUPPLY | SHARED])
def test_products_change_sign_with_their_inputs(topology):
    core = AnalogCore(A, tree(WIRES, topology))
    np.testing.assert_allclose(core @ -X, -(core @ X), rtol=0, atol=1e-13)


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("resistive", ["both", "rows", "columns"])
def test_noise_of_cells_reaches_the_outputs_as_the_circuit_passes_it_on(shared, resistive, literal):
    """To first order the variance is the sum over cells of squared derivatives.

    Within 6 √(2/N), a false alarm in 5e8 for each output, and twice the second order.
    """
    sigma, vectors = 1e-3, 20_000
    wires = WIRES | {"rows": {"xbar.array.parasitics.Rp_col": 0.0}}.get(resistive, {})
    wires |= {"xbar.array.parasitics.Rp_col_terminal": 0.0}
    wires |= {"columns": {"xbar.array.parasitics.Rp_row": 0.0}}.get(resistive, {})
    params = tree(
        wires,
        slot("read_noise", magnitude=sigma),
        SHARED if shared else {},
        core__balanced__style="TWO_SIDED",
        simulation__literal=literal,
        simulation__Verr_th_mvm=1e-8,
    )
    core = AnalogCore(A, params, seed=5)
    y = core @ np.repeat(X[:, :1], vectors, axis=1)
    g = core.conductances()[0].relative[0]
    row, col = (wires[f"xbar.array.parasitics.Rp_{line}"] / 1e3 for line in ("row", "col"))
    circuit = Wires(Line(row), Line(col))

    def exact(cells):
        matrix = transfer_matrix(cells, circuit, interleaved=shared)
        difference = matrix if shared else matrix[..., 0, :, :] - matrix[..., 1, :, :]
        return difference @ X[:, 0] * np.abs(A).max() / 0.9

    steps = 1e-5 * np.eye(g.size).reshape(g.size, *g.shape)
    slopes = (exact(g + steps) - exact(g - steps)) / 2e-5
    variance = sigma**2 * np.sum(slopes**2, axis=0)
    np.testing.assert_array_less(np.abs(y.var(1) / variance - 1), 6 * np.sqrt(2 / vectors) + 1e-3)
    error = np.abs(y.mean(1) - exact(g))
    np.testing.assert_array_less(error, 6 * np.sqrt(variance / vectors) + 1e-5)


@pytest.mark.parametrize("kind", [NOISY, NOISY | SHARED, NOISY | GROWING], ids=str)
def test_noise_is_drawn_afresh_for_every_vector_and_the_same_for_a_seed(kind):
    first, second = (AnalogCore(A, tree(WIRES, kind), seed=2) for _ in range(2))
    y = first @ np.repeat(X[:, :1], 4, axis=1)
    assert np.unique(y, axis=1).shape[1] == 4
    np.testing.assert_array_equal(second @ np.repeat(X[:, :1], 4, axis=1), y)
    assert not np.any(first @ np.repeat(X[:, :1], 4, axis=1) == y)


@needs_devices
@pytest.mark.parametrize("style", [{}, SHARED, {"core.style": "OFFSET"}], ids=str)
@pytest.mark.parametrize("wires", [{}, WIRES, WIRES | SUPPLY], ids=["ideal", "wires", "supply"])
def test_cells_become_ohmic_as_their_voltage_vanishes(style, wires):
    law = slot("nonlinear_IV", "CubicDevice")
    bent = AnalogCore(A, tree(style, wires, law, {"xbar.device.Vread": 1e-5}))
    ohmic = AnalogCore(A, tree(style, wires))
    np.testing.assert_allclose(bent @ X, ohmic @ X, rtol=0, atol=1e-5)


@pytest.mark.parametrize("style", [{}, SHARED, {"core.style": "OFFSET"} | PARTS], ids=str)
@pytest.mark.parametrize("model", ["bench.lopsided", "bench.growing"])
@pytest.mark.parametrize("side", ["mvm", "vmm"])
def test_summed_currents_are_those_of_each_cell(style, model, side):
    """Beyond the limits of the inputs as well, since no converter keeps them."""
    law = slot("nonlinear_IV", model, 0.3)
    fast, slow = (
        AnalogCore(A, tree(style, law, simulation__disable_fast_nonlinear_IV=off))
        for off in (False, True)
    )
    assert fast._programmed.by_vectors(side, MATRIX_PRODUCT) == (model == "bench.growing")
    assert slow._programmed.by_vectors(side, MATRIX_PRODUCT)
    x = 1.7 * (X if side == "mvm" else X[:4]).T
    got, want = (core.matmul(x.T).T if side == "mvm" else core.rmatmul(x) for core in (fast, slow))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.95, 1.3])
def test_laws_that_declare_no_degree_are_evaluated_at_every_cell(threshold):
    """A law that is a straight line at most voltages is not taken for one."""
    law = slot("nonlinear_IV", "bench.threshold", threshold)
    core = AnalogCore([[0.5, -1.0], [1.0, 0.25]], tree(law))
    x = np.array([[0.2, 1.0, 1.6], [1.0, 0.4, 0.9]])
    on = np.where(np.abs(x) >= threshold, x, 0.0)
    np.testing.assert_allclose(core @ x, core.get_matrix() @ on, rtol=0, atol=1e-12)


@needs_devices
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_digits_of_any_size_are_summed_up_before_bent_cells_are_converted(size):
    """Where their weights do not add up to 1, the level of no current must count once."""
    converters = {
        "xbar.dac.mvm.model": "SignMagnitudeDAC",
        "xbar.dac.mvm.bits": 6,
        "xbar.dac.mvm.input_bitslicing": True,
        "xbar.dac.mvm.slice_size": size,
        "xbar.adc.mvm.model": "QuantizerADC",
        "xbar.adc.mvm.bits": 9,
        "xbar.adc.mvm.calibrated_range": [-3.1, 3.0],
    }
    law = slot("nonlinear_IV", "bench.lopsided", 0.3)
    simplified, literal = (
        AnalogCore(A, tree(law, converters, simulation__literal=on)) for on in (False, True)
    )
    np.testing.assert_allclose(simplified @ X, literal @ X, rtol=0, atol=1e-12)


@needs_devices
@pytest.mark.parametrize(
    "kind",
    [GROWING, GROWING | SHARED, GROWING | SUPPLY, GROWING | SUPPLY | SHARED],
    ids=["apart", "shared", "supply", "shared supply"],
)
def test_a_missed_tolerance_is_an_error_that_names_array_residual_and_parameter(kind):
    core = AnalogCore(A, tree(WIRES, PARTS, kind, simulation__Verr_th_mvm=1e-18))
    with pytest.raises(SolverError, match=r"outputs 0 to 1 and inputs 0 to 2, weight slice 0") as e:
        core @ X
    assert "simulation.Verr_th_mvm" in str(e.value)
    assert "simulation.Niters_max_parasitics" not in str(e.value), "no number of steps helps"
    assert f"{e.value.residual:.1e}" in str(e.value)
    assert e.value.residual > e.value.tolerance == 1e-18
    assert ("plus" in str(e.value)) == ("interleaved" not in str(kind))


@pytest.mark.parametrize("topology", [{}, SHARED, SUPPLY], ids=["apart", "shared", "supply"])
@pytest.mark.parametrize("law", [{}, GROWING, NOISY, GROWING | NOISY], ids=str)
@needs_devices
def test_a_vector_with_nan_has_products_of_nan_and_no_effect_on_others(law, topology):
    x = X.copy()
    x[2, 1] = np.nan
    got, want = (AnalogCore(A, tree(WIRES, law, topology), seed=1) @ each for each in (x, X))
    assert np.all(np.isnan(got[:, 1]))
    np.testing.assert_allclose(got[:, ::2], want[:, ::2], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("asked", "granted"),
    [((1e-3, 1), (1e-6, 200)), ((1e-9, 100), (1e-9, 200)), ((1e-6, 5000), (1e-6, 5000))],
)
def test_solvers_try_no_less_than_is_sensible(asked, granted):
    params = tree(
        WIRES, simulation__Verr_th_mvm=asked[0], simulation__Niters_max_parasitics=asked[1]
    )
    (circuit,) = array_circuits(params, "mvm", slices=1, inputs=7, interleaved=False, law=None)
    assert (circuit.effort.tolerance, circuit.effort.max_steps) == granted


def test_residuals_are_logged(caplog):
    core = AnalogCore(A, tree(WIRES, GROWING))
    with caplog.at_level(logging.DEBUG, "crosssim_core.arrays"):
        core @ X
    assert len(caplog.records) == 2
    assert "outputs 0 to 3 and inputs 0 to 6, weight slice 0, plus" in caplog.text
    residuals = [record.args[1] for record in caplog.records]
    assert all(0 <= residual <= 1e-6 for residual in residuals)


@needs_devices
def test_cells_that_conduct_less_and_less_are_an_error_and_no_number():
    """Far beyond the voltage where the current of the cell is largest."""
    law = slot("nonlinear_IV", "CubicDevice") | {"xbar.device.Vread": 2.0}
    resistive = {"xbar.array.parasitics.Rp_row": 600.0, "xbar.array.parasitics.Rp_col": 600.0}
    core = AnalogCore(A, tree(WIRES, resistive, law))
    with pytest.raises(SolverError, match=r"xbar\.device\.Vread"):
        core @ (3 * X)
