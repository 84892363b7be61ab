"""In a layer, the simplified chain computes what the literal chain computes."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")
pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import tree  # noqa: E402
from chain_cases import array_settings, shared_settings  # noqa: E402
from hypothesis import assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_cases import cell_cases, conv_cases, layer_cases  # noqa: E402
from watch import Watch  # noqa: E402

from crosssim_torch import LayerOptions, from_torch  # noqa: E402
from crosssim_torch.gates import gate_operands, gate_sums  # noqa: E402

# Some settings have no effect with others.
pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

# Arrays that cut kernels apart, and those that do not.
sizes = st.sampled_from((0, 0, 2, 5, 9))


def certain(layer, watch, x):
    """Outputs of ``layer`` for ``x`` that do not rest on a rounding tie."""
    layout = layer.core.layout
    ties = torch.tensor(watch.ties(tuple(layout.vectors(x).shape[:-1])))
    return ~layout.outputs(ties, x)


@settings(max_examples=300)
@given(
    layer_cases(),
    shared_settings(),
    array_settings(),
    st.tuples(sizes, sizes),
    st.sampled_from(("dense", "packed")),
    st.integers(0, 2**31),
)
def test_the_simplified_chain_is_the_literal_chain(case, shared, own, limits, groups, seed):
    case = case.in_float64()
    stock, x = case.stock(), case.input().detach()
    # Noise of conversions comes in the order of the data, which differs between the chains.
    chosen = (
        shared
        | own
        | {
            "core.rows_max": limits[0],
            "core.cols_max": limits[1],
            "xbar.adc.mvm.stochastic_rounding": False,
        }
    )
    options = LayerOptions(groups=groups)
    analog, literal = (
        from_torch(
            stock,
            tree(chosen, simulation__literal=on),
            case.bias_rows,
            seed=seed,
            options=options,
        )
        for on in (False, True)
    )
    assert torch.equal(analog.get_matrix(), literal.get_matrix())
    watch = Watch(SimpleNamespace(_plan=literal.core.arrays.plan), "mvm")
    want, got = literal(x).detach(), analog(x).detach()
    sure = certain(literal, watch, x)
    assert got.shape == want.shape == sure.shape
    scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
    torch.testing.assert_close(got[sure], want[sure], rtol=0, atol=1e-9 * scale)


# Converters of the inputs that have no level at 0, which is what images are padded with.
without_zero = st.sampled_from(((-1.13, 1.13, True), (-0.3, 1.0, True), (0.1, 1.0, False)))
offsets = st.sampled_from(
    (
        {"core.style": "OFFSET"},
        {"core.style": "BITSLICED", "core.bit_sliced.style": "OFFSET", "core.weight_bits": 8},
    )
)


@settings(max_examples=150)
@given(
    conv_cases(),
    offsets,
    without_zero,
    st.tuples(sizes, sizes),
    st.sampled_from(("dense", "packed")),
)
def test_padding_is_what_converters_make_of_zero(case, style, limits, sizes, groups):
    assume(case.arguments["padding"] not in ("valid", 0))
    case = replace(case, arguments=case.arguments | {"padding_mode": "zeros"}).in_float64()
    stock, x = case.stock(), case.input().detach()
    low, high, signed = limits
    chosen = style | {
        "core.rows_max": sizes[0],
        "core.cols_max": sizes[1],
        "xbar.dac.mvm.model": "QuantizerDAC",
        "xbar.dac.mvm.bits": 6,
        "xbar.dac.mvm.signed": signed,
        "core.mapping.inputs.mvm.min": low,
        "core.mapping.inputs.mvm.max": high,
        "xbar.adc.mvm.model": "QuantizerADC",
        # So many levels that results hardly show which of two neighbours a tie has gone to.
        "xbar.adc.mvm.bits": 24,
        "xbar.adc.mvm.adc_range_option": "MAX",
    }
    options = LayerOptions(groups=groups)
    analog, literal = (
        from_torch(stock, tree(chosen, simulation__literal=on), case.bias_rows, options=options)
        for on in (False, True)
    )
    torch.testing.assert_close(analog(x), literal(x), rtol=1e-4, atol=1e-4)


@settings(max_examples=100)
@given(
    cell_cases(),
    shared_settings(),
    array_settings(),
    st.tuples(sizes, sizes),
    st.integers(0, 2**31),
)
def test_a_cell_takes_the_sums_that_the_literal_chain_gives(case, shared, own, limits, seed):
    case = case.in_float64()
    stock, x = case.stock(), case.input().detach()
    chosen = shared | own | {"core.rows_max": limits[0], "core.cols_max": limits[1]}
    chosen["xbar.adc.mvm.stochastic_rounding"] = False
    weights = "core.mapping.weights."
    assume(chosen.get(f"{weights}min", -1.0) <= 0 <= chosen.get(f"{weights}max", 1.0))
    literal, cell = (
        from_torch(stock, tree(chosen, simulation__literal=on), case.bias_rows, seed=seed)
        for on in (True, False)
    )
    watch = Watch(SimpleNamespace(_plan=literal.core.arrays.plan), "mvm")
    h = x.new_full((*x.shape[:-1], stock.hidden_size), 0.5)
    want, got = (gate_sums(gate_operands(one, ""), x, h).detach() for one in (literal, cell))
    sure = ~torch.tensor(watch.ties(tuple(x.shape[:-1])))
    scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
    torch.testing.assert_close(got[sure], want[sure], rtol=0, atol=1e-9 * scale)


DATA_DRIVEN = {"percentile", "per_vector"}
"""Settings that depend on all groups together."""


@settings(max_examples=150)
@given(
    conv_cases(),
    array_settings(),
    st.tuples(sizes, sizes),
    st.sampled_from((1.0, 1.5)),
)
def test_packed_groups_are_convolutions_of_their_own(case, own, limits, reach):
    stock, x = case.in_float64().stock(), case.in_float64().input().detach()
    forward = {n: v for n, v in own.items() if ".vmm." not in n and not n.endswith(".match")}
    # Errors of circuits differ from chip to chip.
    alike = {n: 0.0 if ".sigma_" in n else v for n, v in forward.items()}
    chosen = {n: v for n, v in alike.items() if n.rpartition(".")[2] not in DATA_DRIVEN} | {
        "xbar.device.programming_error.enable": False,
        "core.rows_max": limits[0],
        "core.cols_max": limits[1],
        "core.mapping.weights.min": -reach,
        "core.mapping.weights.max": reach,
        "xbar.adc.mvm.stochastic_rounding": False,
    }
    if "core.mapping.inputs.mvm.percentile" in own:
        chosen["core.mapping.inputs.mvm.min"] = -1.1 if own["xbar.dac.mvm.signed"] else 0.0
        chosen["core.mapping.inputs.mvm.max"] = 1.1
    packed = from_torch(stock, tree(chosen), case.bias_rows, options=LayerOptions(groups="packed"))
    alone = []
    for group in range(stock.groups):
        one = type(stock)(**{**case.arguments, "groups": 1} | channels(stock), dtype=torch.float64)
        with torch.no_grad():
            for name, parameter in one.named_parameters():
                parameter.copy_(getattr(stock, name).chunk(stock.groups)[group])
        part = x.chunk(stock.groups, dim=-1 - len(stock.kernel_size))[group]
        layer = from_torch(one, tree(chosen, simulation__literal=True), case.bias_rows)
        watch = Watch(SimpleNamespace(_plan=layer.core.arrays.plan), "mvm")
        alone.append((layer(part).detach(), certain(layer, watch, part)))
    axis = -1 - len(stock.kernel_size)
    want, sure = (torch.cat(parts, dim=axis) for parts in zip(*alone, strict=True))
    got = packed(x).detach()
    assert got.shape == want.shape
    scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
    torch.testing.assert_close(got[sure], want[sure], rtol=0, atol=1e-9 * scale)


def channels(stock):
    """Channels of one group."""
    return {n: getattr(stock, n) // stock.groups for n in ("in_channels", "out_channels")}
