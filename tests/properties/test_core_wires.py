"""Products of cores whose wires have resistance obey Kirchhoff's laws, in every style."""

from functools import partial
from typing import Any

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")
oracle = pytest.importorskip("kirchhoff", reason="the oracle needs SciPy")

from analog_settings import tree  # noqa: E402
from erring_models import MeteredCell, bench_installed  # noqa: E402
from hypothesis import assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from crosssim_core import AnalogCore  # noqa: E402
from crosssim_core.chain.mapping import decode  # noqa: E402
from crosssim_core.numerics.wires import Line, Wires, supply_segments  # noqa: E402

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

UNIT = {"core.offset.style": "UNIT_COLUMN_SUBTRACTION"}
SHARED = {"core.balanced.interleaved_posneg": True}
SLICES = {"core.style": "BITSLICED", "core.weight_bits": 8}
OFFSET_SLICES = SLICES | {"core.bit_sliced.style": "OFFSET"}
STYLES: dict[str, dict[str, Any]] = {
    "pairs": {},
    "pairs on shared lines": SHARED,
    "two-sided pairs": {"core.balanced.style": "TWO_SIDED"},
    "offset": {"core.style": "OFFSET"},
    "offset, unit line": {"core.style": "OFFSET"} | UNIT,
    "slices of pairs": SLICES,
    "slices of pairs on shared lines": SLICES | SHARED,
    "slices with offset": OFFSET_SLICES,
    "slices with unit line": OFFSET_SLICES | UNIT,
}
DIGITS = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 2,
    "xbar.dac.mvm.input_bitslicing": True,
}
RMIN = 1000.0
IDEAL = Wires(Line(), Line())

resistances = st.one_of(st.just(0.0), st.floats(-3, 6).map(lambda decade: 10.0**decade))
shapes = st.one_of(
    st.tuples(st.integers(1, 6), st.integers(1, 6)), st.sampled_from([(1, 20), (18, 2), (11, 13)])
)


def line_currents(g, u, wires, *, separate, unused, selected, shared):
    """Currents of the lines of one slice, g of shape (signs, outputs, inputs): the netlists."""
    arrays = [g] if shared else [g[sign : sign + 1] for sign in range(g.shape[0])]
    if separate:
        segments = supply_segments(wires, unused=unused, selected=selected)
        return [oracle.separate_source_currents(cells, u, segments) for cells in arrays]
    return [oracle.input_source_currents(cells, u, wires) for cells in arrays]


def product(core, x, side, *, wires, separate, selected, disabled):
    """The product by netlists and by the style's own decoding, and the size of what it sums."""
    plan = core._plan
    mvm, p = side == "mvm", plan.params[0]
    sums = np.zeros(plan.shape[0] if mvm else plan.shape[1])
    size, half = 1e-300, core._programmed.state.weights.half
    most = p.core.rows_max if mvm else p.core.cols_max
    for part, held in zip(plan.arrays, core.conductances(), strict=True):
        g = held.relative
        if held.unit_line:
            g = g[..., 1:] if mvm else g[:, :, 1:, :]
        g = g if mvm else np.swapaxes(g, -1, -2)
        outputs, inputs = (held.rows, held.cols) if mvm else (held.cols, held.rows)
        u = x[inputs]
        lines = []
        for index, cells in enumerate(g):
            shared = p.core.balanced.interleaved_posneg and cells.shape[0] == 2
            solve = partial(
                line_currents,
                u=u,
                wires=IDEAL if index in disabled else wires,
                separate=separate,
                unused=max(0, most - u.size),
                selected=selected,
            )
            currents = solve(cells, shared=shared)
            # Digits are lost where the currents of a pair cancel.
            among = np.concatenate((*currents, *solve(cells[:1], shared=False)))
            lines.append(currents[0] - currents[1] if len(currents) == 2 else currents[0])
            size += half * np.max(np.abs(among)) / abs(part.mapping.units[index])
        size += half * abs(part.mapping.total_gain * u.sum())
        sums[outputs] += half * decode(part.mapping, lines, u.sum(), axis=0)
    return sums, size


@settings(max_examples=300)
@given(
    shape=shapes,
    style=st.sampled_from(sorted(STYLES)),
    side=st.sampled_from(("mvm", "vmm")),
    separate=st.booleans(),
    selected=st.sampled_from(("top", "bottom")),
    ohms=st.tuples(*4 * [resistances]),
    most=st.tuples(st.sampled_from((0, 3, 8)), st.sampled_from((0, 4, 8))),
    disabled=st.lists(st.integers(0, 1), max_size=1),
    infinite=st.booleans(),
    literal=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_products_are_those_of_the_netlist(
    shape, style, side, separate, selected, ohms, most, disabled, infinite, literal, seed
):
    sliced = STYLES[style].get("core.style") == "BITSLICED"
    disabled = disabled if sliced else []
    names = ("Rp_row", "Rp_col", "Rp_row_terminal", "Rp_col_terminal")
    parasitics = dict(zip(names, ohms, strict=True)) | {
        "enable": True,
        "current_from_input": not separate,
        "selected_rows": selected,
        "disable_slices": disabled,
    }
    params = tree(
        STYLES[style],
        DIGITS if separate else {},
        {f"xbar.array.parasitics.{name}": value for name, value in parasitics.items()},
        xbar__device__Rmin=RMIN,
        xbar__device__infinite_on_off_ratio=infinite,
        core__rows_max=most[0],
        core__cols_max=most[1],
        simulation__literal=literal,
    )
    random = np.random.default_rng(seed)
    core = AnalogCore(random.uniform(-1, 1, shape) * (random.uniform(size=shape) > 0.2), params)
    x = random.uniform(-1, 1, shape[1] if side == "mvm" else shape[0])
    x = np.sign(x) * (np.abs(x) > 0.3) if separate else x
    row, col = Line(ohms[0] / RMIN, ohms[2] / RMIN), Line(ohms[1] / RMIN, ohms[3] / RMIN)
    wires = Wires(row, col) if side == "mvm" else Wires(col, row)
    assume(not separate or np.any(x))
    got = core @ x if side == "mvm" else x @ core
    want, size = product(
        core, x, side, wires=wires, separate=separate, selected=selected, disabled=disabled
    )
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 * max(size, np.max(np.abs(want))))


TURNED = ("pairs", "two-sided pairs", "offset", "slices of pairs", "slices with offset")


@given(
    shape=shapes,
    style=st.sampled_from(TURNED),
    ohms=st.tuples(*4 * [resistances]),
    seed=st.integers(0, 2**31),
)
def test_drivers_and_grounds_of_a_chip_can_change_places(shape, style, ohms, seed):
    """Reciprocity: seen from the other side, a chip that is turned round gives the transpose."""
    names = ("Rp_row", "Rp_col", "Rp_row_terminal", "Rp_col_terminal")
    wires = dict(zip(names, ohms, strict=True)) | {"enable": True}
    params = tree(
        STYLES[style], {f"xbar.array.parasitics.{name}": value for name, value in wires.items()}
    )
    matrix = np.random.default_rng(seed).uniform(-1, 1, shape)
    core, turned = AnalogCore(matrix, params), AnalogCore(matrix[::-1, ::-1], params)
    got, want = core @ np.eye(shape[1]), (np.eye(shape[0]) @ turned)[::-1, ::-1]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-10)


@pytest.fixture(scope="module", autouse=True)
def bench():
    with bench_installed():
        yield


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    shared=st.booleans(),
    separate=st.booleans(),
    side=st.sampled_from(("mvm", "vmm")),
    ohms=st.tuples(*4 * [st.floats(0, 100)]).filter(any),
    bend=st.sampled_from((0.0, 0.2)),
    seed=st.integers(0, 2**31),
)
def test_power_of_the_sources_of_a_core_is_dissipated_in_its_wires_and_cells(
    shape, shared, separate, side, ohms, bend, seed
):
    names = ("Rp_row", "Rp_col", "Rp_row_terminal", "Rp_col_terminal")
    circuit = dict(zip(names, ohms, strict=True)) | {"enable": True}
    wired = {f"xbar.array.parasitics.{name}": value for name, value in circuit.items()}
    law = {"enable": True, "model": "bench.metered", "magnitude": bend}
    params = tree(
        DIGITS if separate else {},
        wired,
        {f"xbar.device.nonlinear_IV.{name}": value for name, value in law.items()},
        xbar__array__parasitics__current_from_input=not separate,
        xbar__device__Rmin=RMIN,
        core__balanced__interleaved_posneg=shared,
        core__balanced__style="TWO_SIDED",
        simulation__Verr_th_mvm=1e-12,
    )
    random = np.random.default_rng(seed)
    mvm = side == "mvm"
    x = random.uniform(-1, 1, shape[mvm])
    x = np.sign(x) if separate else x
    MeteredCell.asked.clear()
    core = AnalogCore(random.uniform(-1, 1, shape), params)
    product = core @ x if mvm else x @ core
    row, col = Line(ohms[0] / RMIN, ohms[2] / RMIN), Line(ohms[1] / RMIN, ohms[3] / RMIN)
    wires = Wires(row, col) if mvm else Wires(col, row)
    g = core.conductances()[0].relative[0]
    g = g if mvm else np.swapaxes(g, -1, -2)
    lines = []
    for cells in [g] if shared else [g[:1], g[1:]]:
        v, current = cells_of(cells, separate=separate)
        e = np.stack((x, -x))[: len(cells), None, :] + np.zeros_like(v)
        segments = supply_segments(wires)
        inputs, outputs = x.size, cells.shape[1]
        along = 2 if separate else 1
        feeds = np.cumsum(np.flip(current, along), axis=along)
        feed = segments.supplies(inputs) if separate else wires.feed.segments(outputs)
        feed = np.reshape(feed, (1, -1) if separate else (-1, 1))
        outs = np.cumsum(current.sum(axis=0), axis=1)
        wire = np.sum(np.flip(feeds, along) ** 2 * feed)
        wire += np.sum(outs**2 * wires.output.segments(inputs)[::-1])
        delivered = np.sum(e * current)
        np.testing.assert_allclose(wire + np.sum(current * v), delivered, rtol=1e-9)
        lines.append(outs[:, -1])
    difference = lines[0] if shared else lines[0] - lines[1]
    scale = core._programmed.state.weights.half / core._plan.arrays[0].mapping.units[0]
    np.testing.assert_allclose(product, scale * difference, rtol=0, atol=1e-9)
    if bend == 0.0:
        params.xbar.device.nonlinear_IV.enable = False
        ohmic = AnalogCore(core.get_matrix(), params)
        np.testing.assert_allclose(ohmic @ x if mvm else x @ ohmic, product, rtol=0, atol=1e-9)


def cells_of(g, *, separate):
    """Voltages and currents of the cells, shape (signs, outputs, inputs), as they were left."""
    key = np.moveaxis(g, -1, 0)[:, :, None, :] if separate else g[None]
    v, current = MeteredCell.asked[key.tobytes()]
    if not separate:
        return v[0], current[0]
    return np.moveaxis(v[:, :, 0, :], 0, -1), np.moveaxis(current[:, :, 0, :], 0, -1)
