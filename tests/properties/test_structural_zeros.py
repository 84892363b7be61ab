"""Where reads do not depend on structural zeros, they are what the literal chain makes of them."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import tree
from chain_cases import CIRCUITS, GENERIC, array_settings, model_settings, shared_settings
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from watch import Watch

from crosssim_core import ConvLayout
from crosssim_core._array import array_namespace, as_host
from crosssim_core.chain.literal import read_literal
from crosssim_core.chain.product import MATRIX_PRODUCT
from crosssim_core.cores import ArrayPlan, Compact, ProgrammedArrays
from crosssim_core.layers import CellLayout, wired
from crosssim_core.random import Occasions, Stream

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")


@st.composite
def layouts(draw):
    """Matrices with structural zeros: groups of convolutions, and GRUs."""
    rows = st.integers(0, 2)
    if draw(st.booleans()):
        sizes = (draw(st.integers(1, 4)) for _ in range(2))
        return CellLayout.of("gru", *sizes, rows=(draw(rows), draw(rows)))
    groups, one = draw(st.integers(2, 5)), st.integers(1, 2)
    return ConvLayout(
        in_channels=groups * draw(one),
        out_channels=groups * draw(one),
        kernel_size=(draw(st.integers(1, 4)),),
        stride=(1,),
        padding=((0, 0),),
        dilation=(1,),
        groups=groups,
        bias_rows=draw(rows),
    )


# Arrays that cut pieces apart, that hold several of them, and that hold nothing of some.
uniform = st.sampled_from((0.0137821, 0.3136927, 0.7731294))
limits = st.tuples(st.sampled_from((0, 2, 3, 4, 6, 9)), st.sampled_from((0, 0, 2, 3, 5)))


@st.composite
def cancelling(draw):
    """Settings of which most let zeros cancel: pairs that are subtracted early enough."""
    chosen = draw(array_settings())
    # What zeros never cancel with, and what belongs to other converters.
    other = ("parasitics", "nonlinear_IV", "mapping.inputs", ".vmm.", ".adc.mvm.")
    chosen = {name: v for name, v in chosen.items() if not any(part in name for part in other)}
    digits = chosen["xbar.dac.mvm.input_bitslicing"]
    early, model = draw(st.booleans()), draw(st.sampled_from((*GENERIC, *GENERIC, *CIRCUITS)))
    low = 0.4 if model == "SignMagnitudeADC" else draw(st.sampled_from((0.4, -0.1)))
    if not early:
        chosen["xbar.array.Icol_max"] = 0.0
    style = draw(st.sampled_from(("BALANCED", "BITSLICED")))
    slices = chosen["core.bit_sliced.num_slices"] if style == "BITSLICED" else 0
    # A model comes before what it has of its own.
    adc = {"model": model} | draw(model_settings(model))
    return (
        chosen
        | {f"xbar.adc.mvm.{name}": value for name, value in adc.items()}
        | {
            "core.style": style,
            "core.bit_sliced.style": "BALANCED",
            "core.balanced.interleaved_posneg": early,
            "core.balanced.subtract_current_in_xbar": True,
            "core.mapping.inputs.mvm.min": -1.1 if chosen["xbar.dac.mvm.signed"] else 0.0,
            "core.mapping.inputs.mvm.max": 1.1,
            "xbar.adc.mvm.bits": draw(st.sampled_from((0, 2, 3, 5))),
            "xbar.adc.mvm.adc_per_ibit": digits and draw(st.booleans()),
            "xbar.adc.mvm.adc_range_option": draw(
                st.sampled_from(("CALIBRATED", "CALIBRATED", "MAX"))
            ),
            "xbar.adc.mvm.calibrated_range": [[-low, 0.4]] * slices or [-low, 0.4],
        }
    )


@dataclass
class Even:
    """Deviates that are all the same, so that conversions do not depend on their order."""

    value: float
    drawn: int = 0

    def uniform_like(self, x):
        self.drawn += int(np.prod(x.shape))
        return array_namespace(x).full_like(x, self.value)


@settings(max_examples=300)
@given(layouts(), shared_settings(), cancelling(), limits, uniform, st.integers(0, 2**31))
def test_what_is_left_out_changes_nothing(xp, layout, shared, own, limits, uniform, seed):
    """No conversion that draws a random number is left out either."""
    chosen = shared | own | {"core.rows_max": limits[0], "core.cols_max": limits[1]}
    weights = "core.mapping.weights."
    assume(chosen.get(f"{weights}min", -1.0) <= 0 <= chosen.get(f"{weights}max", 1.0))
    plan = ArrayPlan.of(layout.shape, tree(chosen), Stream.of(seed))
    small, random = Compact.of(plan, layout.pieces), np.random.default_rng(seed)
    assert small is not None
    cells = wired(layout, like=xp.zeros(1))
    matrix = xp.asarray(random.uniform(-1.3, 1.3, layout.shape))
    matrix = xp.where(cells, matrix, xp.zeros_like(matrix))
    state = plan.program(matrix, dtype=xp.float64, wired=cells)
    stored = small.stripped(state)
    assert sum(g.size if xp is np else np.prod(g.shape) for g in stored.conductance) == (
        plan.arrays[0].mapping.slices * 2 * np.sum(as_host(cells))
    )
    for kept, whole in zip(small.completed(stored).conductance, state.conductance, strict=True):
        np.testing.assert_array_equal(as_host(kept), as_host(whole))
    event(f"left out: {small.suffices(stored.weights)}")
    assume(small.suffices(stored.weights))
    x = xp.asarray(random.uniform(-1.3, 1.3, (3, layout.shape[1])))
    noise, same = Even(uniform), Even(uniform)
    reading = ProgrammedArrays(small.reading, small.picked(stored), Occasions(), lambda _: noise)
    got = as_host(reading.read(x, "mvm"))
    watch = Watch(SimpleNamespace(_plan=plan), "mvm")
    want = read_literal(x, plan.grid(state, "mvm"), weights=state.weights, noise=same)
    want = as_host(want)
    assert noise.drawn == same.drawn
    straight = reading.straight(x, "mvm", MATRIX_PRODUCT)
    if straight is not None:
        np.testing.assert_array_equal(as_host(straight(x, None)), got)
    event(f"draws: {noise.drawn > 0}")
    sure = ~watch.ties((3,))
    assert got.shape == want.shape
    size = max(1.0, np.max(np.abs(want)))
    np.testing.assert_allclose(got[sure], want[sure], rtol=0, atol=1e-9 * size)
