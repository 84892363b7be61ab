"""In a layer, the simplified chain computes what the literal chain computes."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("crosssim_torch", reason="crosssim-torch is not installed")
pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

from analog_settings import tree  # noqa: E402
from chain_cases import array_settings, shared_settings  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_cases import layer_cases  # noqa: E402
from watch import Watch  # noqa: E402

from crosssim_torch import from_torch  # noqa: E402

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
@given(layer_cases(), shared_settings(), array_settings(), sizes, sizes, st.integers(0, 2**31))
def test_the_simplified_chain_is_the_literal_chain(case, shared, own, rows, cols, seed):
    case = case.in_float64()
    stock, x = case.stock(), case.input().detach()
    # Noise of conversions comes in the order of the data, which differs between the chains.
    chosen = (
        shared
        | own
        | {
            "core.rows_max": rows,
            "core.cols_max": cols,
            "xbar.adc.mvm.stochastic_rounding": False,
        }
    )
    analog, literal = (
        from_torch(stock, tree(chosen, simulation__literal=on), case.bias_rows, seed=seed)
        for on in (False, True)
    )
    assert torch.equal(analog.get_matrix(), literal.get_matrix())
    watch = Watch(SimpleNamespace(_plan=literal.core.arrays.plan), "mvm")
    want, got = literal(x).detach(), analog(x).detach()
    sure = certain(literal, watch, x)
    assert got.shape == want.shape == sure.shape
    scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
    torch.testing.assert_close(got[sure], want[sure], rtol=0, atol=1e-9 * scale)
