"""Masked derivatives where lines saturate, and where ranges of inputs follow data or differ."""

import pytest
import torch
from analog_settings import ERRORS, tree
from torch import nn
from torch.nn import functional as F

from crosssim_core.numerics.limits import symmetric_limit, symmetric_limits
from crosssim_torch import LayerOptions, from_torch, to_torch

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

LITERAL = pytest.mark.parametrize("literal", [False, True], ids=["simplified", "literal"])
DAC = ERRORS | {"xbar.dac.mvm.model": "SignMagnitudeDAC", "xbar.dac.mvm.bits": 16}
UNSIGNED = ERRORS | {
    "xbar.dac.mvm.model": "QuantizerDAC",
    "xbar.dac.mvm.signed": False,
    "xbar.dac.mvm.bits": 16,
}
FOLLOWS = {
    "all": {"core.mapping.inputs.mvm.percentile": 1.0},
    "most": {"core.mapping.inputs.mvm.percentile": 0.7},
    "each": {"core.mapping.inputs.mvm.percentile": 0.7, "core.mapping.inputs.mvm.per_vector": True},
}
"""Ranges that follow from the inputs: never clipping, of a call, of each vector."""


def masked(stock, params, rows=0, groups="dense"):
    options = LayerOptions(gradient="masked", groups=groups)
    return from_torch(stock, params, rows, seed=1, options=options)


def gradients(run, x, parameters):
    """Output of ``run``, and the derivatives of a weighted sum of it."""
    x = x.clone().requires_grad_()
    y = run(x)
    weights = torch.linspace(1, 2, y.numel(), dtype=y.dtype).reshape(y.shape)
    return (y.detach(), *torch.autograd.grad((y * weights).sum(), (x, *parameters)))


def programmed(layer):
    """The weights that the arrays hold, ready to be derived by."""
    weight, bias, *_ = (w.detach().clone().requires_grad_() for w in layer.get_core_weights())
    return weight, bias


def currents(layer, vectors):
    """Line currents of each array, slice and sign, before they saturate: (row, currents)."""
    layer = layer.core
    grid = layer.arrays.plan.grid(layer.arrays.state, "mvm")
    for r, row in enumerate(grid):
        for block in row:
            inputs = vectors[..., block.inputs]
            for pair in block.conductance:
                signs = [pair[0] - pair[1]] if block.plan.interleaved else list(pair)
                yield r, [(inputs[..., None, :] @ g.mT)[..., 0, :] for g in signs]


STYLES = {
    "pair": {},
    "interleaved": {"core.balanced.interleaved_posneg": True},
    "slices": {"core.style": "BITSLICED", "core.weight_bits": 6},
    "offset": {"core.style": "OFFSET"},
    "parts": {"core.rows_max": 4, "core.cols_max": 2},
}


@LITERAL
@pytest.mark.parametrize(
    ("kind", "groups"),
    [("linear", "dense"), ("conv", "dense"), ("grouped", "dense"), ("grouped", "packed")],
)
@pytest.mark.parametrize("style", STYLES)
def test_what_arrives_at_an_output_is_dropped_where_a_line_that_goes_into_it_saturates(
    kind, style, groups, literal
):
    torch.manual_seed(0)
    if kind == "linear":
        stock, x = nn.Linear(6, 5, dtype=torch.float64), torch.randn(7, 6, dtype=torch.float64)
    else:
        own = 2 if kind == "grouped" else 1
        stock = nn.Conv1d(2, 4, 3, groups=own, dtype=torch.float64)
        x = torch.randn(3, 2, 8, dtype=torch.float64)
    limit, settings = 3.0 if style == "offset" else 0.8, STYLES[style]
    if groups == "packed" and style == "parts":
        settings = {"core.rows_max": 4}
    params = tree(ERRORS, settings, xbar__array__Icol_max=limit, simulation__literal=literal)
    layer = masked(stock, params, groups=groups)
    weight, bias = programmed(layer)
    vectors = layer.core.layout.vectors(x)
    rows: dict[int, torch.Tensor] = {}
    for row, lines in currents(layer, vectors):
        outside = torch.stack([abs(line) > limit for line in lines]).any(0)
        rows[row] = rows[row] | outside if row in rows else outside
    lines = torch.cat(list(rows.values()), dim=-1)
    lines = lines.flatten(-2) if groups == "packed" else lines
    dropped = layer.core.layout.outputs(lines, x)
    assert dropped.any()
    assert not dropped.all()

    def want(x):
        product = F.linear(x, weight) if kind == "linear" else F.conv1d(x, weight, groups=own)
        added = bias if kind == "linear" else bias[:, None]
        return torch.where(dropped, product.detach(), product) + added

    got = gradients(layer, x, (layer.weight, layer.bias))[1:]
    for one, other in zip(got, gradients(want, x, (weight, bias))[1:], strict=True):
        torch.testing.assert_close(one, other)


@LITERAL
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_derivatives_of_a_line_that_saturates_are_those_of_finite_differences(kind, literal):
    """Of one line for each output, whose current is a piecewise linear function of the inputs."""
    torch.manual_seed(1)
    stock, x = nn.Linear(6, 5).double(), torch.randn(7, 6, dtype=torch.float64)
    if kind == "conv":
        stock, x = nn.Conv1d(2, 4, 3).double(), torch.randn(3, 2, 8, dtype=torch.float64)
    interleaved = {"core.balanced.interleaved_posneg": True, "xbar.array.Icol_max": 0.8}
    layer = masked(stock, tree(ERRORS, interleaved, simulation__literal=literal))
    assert torch.autograd.gradcheck(layer, x.requires_grad_(), eps=1e-7, atol=1e-6)
    (straight,) = torch.autograd.grad(to_torch(layer, True)(x).sum(), x)
    (own,) = torch.autograd.grad(layer(x).sum(), x)
    assert not torch.allclose(own, straight)


def test_lines_that_saturate_and_converters_out_of_range_are_masked_together():
    torch.manual_seed(0)
    stock, x = nn.Linear(6, 5).double(), torch.randn(7, 6, dtype=torch.float64)
    adc = {
        "xbar.adc.mvm.model": "SignMagnitudeADC",
        "xbar.adc.mvm.bits": 8,
        "xbar.adc.mvm.calibrated_range": [-0.5, 0.5],
    }
    lines = {"xbar.array.Icol_max": 0.8}
    only_adc, only_lines, both = (
        torch.stack(
            [
                (torch.autograd.functional.jacobian(masked(stock, tree(own)), v) == 0).all(-1)
                for v in x
            ]
        )
        for own in (adc, lines, adc | lines)
    )
    assert only_adc.any()
    assert only_lines.any()
    assert torch.equal(both, only_adc | only_lines)


def limits(vectors, settings):
    """The outermost input that is not clipped."""
    share = settings["core.mapping.inputs.mvm.percentile"]
    if settings.get("core.mapping.inputs.mvm.per_vector"):
        return symmetric_limits(vectors, percentile=share)
    return torch.as_tensor(symmetric_limit(vectors, percentile=share), dtype=vectors.dtype)


@LITERAL
@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("dac", [DAC, UNSIGNED], ids=["signed", "unsigned"])
@pytest.mark.parametrize("follows", FOLLOWS)
def test_ends_of_ranges_that_follow_the_data_are_constants_at_which_inputs_are_clipped(
    follows, dac, rows, literal
):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, dtype=torch.float64)
    params = tree(dac, FOLLOWS[follows], simulation__literal=literal)
    layer = masked(nn.Linear(6, 5).double(), params, rows)
    weight, bias = programmed(layer)
    with_ones = torch.cat((x, torch.ones(2, 4, rows, dtype=x.dtype)), dim=-1)
    limit = limits(with_ones, FOLLOWS[follows])
    low = -limit if dac is DAC else 0.0 * limit

    def want(x):
        return F.linear(x.clamp(low, limit), weight, bias)

    got, expected = gradients(layer, x, layer.parameters()), gradients(want, x, (weight, bias))
    clips = follows != "all" or dac is UNSIGNED
    assert (expected[1] == 0).any() == clips
    for one, other in zip(got[1:], expected[1:], strict=True):
        torch.testing.assert_close(one, other)


@LITERAL
@pytest.mark.parametrize("groups", ["dense", "packed"])
@pytest.mark.parametrize("own", [1, 2])
@pytest.mark.parametrize("follows", FOLLOWS)
def test_inputs_of_a_convolution_are_clipped_window_by_window(follows, own, groups, literal):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64)
    stock = nn.Conv2d(4, 4, (2, 3), stride=(1, 2), padding=1, groups=own).double()
    params = tree(UNSIGNED, FOLLOWS[follows], simulation__literal=literal)
    layer = masked(stock, params, groups=groups)
    weight, bias = programmed(layer)
    packed = groups == "packed" and own == 2

    def vectors(x):
        columns = F.unfold(x, (2, 3), padding=1, stride=(1, 2)).mT
        return columns.unflatten(-1, (2, -1)) if packed else columns

    limit = limits(vectors(x), FOLLOWS[follows])

    def want(x):
        kept = vectors(x).clamp(torch.zeros_like(limit), limit)
        apart = kept if packed else kept.unflatten(-1, (own, -1))
        kernels = weight.reshape(own, 4 // own, -1)
        y = torch.einsum("npgi,goi->ngop", apart, kernels).flatten(1, 2)
        return y.reshape(layer(x).shape) + bias[:, None, None]

    got = gradients(layer, x, layer.parameters())
    for one, other in zip(got[1:], gradients(want, x, (weight, bias))[1:], strict=True):
        torch.testing.assert_close(one, other)


@LITERAL
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_arrays_of_one_matrix_may_have_input_ranges_of_their_own(kind, literal):
    torch.manual_seed(0)
    ends = [(-0.3, 0.3), (-0.9, 0.9), (-0.5, 0.5), (-1.5, 1.5)]
    trees = [
        tree(
            DAC,
            simulation__literal=literal,
            core__rows_max=3,
            core__cols_max=3,
            core__mapping__inputs__mvm={"min": low, "max": high},
        )
        for low, high in ends
    ]
    if kind == "linear":
        stock, x = nn.Linear(6, 5).double(), torch.randn(4, 6, dtype=torch.float64)
    else:
        stock, x = nn.Conv1d(2, 5, 3).double(), torch.randn(4, 2, 7, dtype=torch.float64)
    layer = type(from_torch(stock, tree())).from_torch(
        stock, trees, seed=1, options=LayerOptions(gradient="masked")
    )
    weight, bias = programmed(layer)
    blocks = [part.outputs for (part, _) in layer.core.arrays.plan.parts]

    def want(x):
        columns = x if kind == "linear" else x.unfold(-1, 3, 1).transpose(1, 2).flatten(2)
        rows = []
        for r, outputs in enumerate(blocks):
            halves = zip((slice(0, 3), slice(3, 6)), ends[2 * r : 2 * r + 2], strict=True)
            kept = torch.cat([columns[..., h].clamp(*e) for h, e in halves], dim=-1)
            rows.append(kept @ weight.flatten(1)[outputs].mT + bias[outputs])
        y = torch.cat(rows, dim=-1)
        return y if kind == "linear" else y.mT

    got, expected = gradients(layer, x, layer.parameters()), gradients(want, x, (weight, bias))
    torch.testing.assert_close(got[0], expected[0], rtol=0, atol=1e-3)
    for one, other in zip(got[1:], expected[1:], strict=True):
        torch.testing.assert_close(one, other)


def test_rows_of_arrays_without_converters_are_not_mistaken_for_others():
    torch.manual_seed(0)
    x = torch.randn(4, 3, dtype=torch.float64)
    adc = {"xbar.adc.mvm.model": "SignMagnitudeADC", "xbar.adc.mvm.bits": 8}
    converting = adc | {"xbar.adc.mvm.calibrated_range": [-1e-6, 1e-6]}
    trees = [tree(own, core__cols_max=2) for own in ({}, converting)]
    stock = nn.Linear(3, 4).double()
    layer = type(from_torch(stock, tree())).from_torch(
        stock, trees, options=LayerOptions(gradient="masked")
    )
    jacobian = torch.autograd.functional.jacobian(layer, x[0])
    torch.testing.assert_close(jacobian[:2], layer.get_core_weights()[0][:2])
    assert not jacobian[2:].any()


@pytest.mark.parametrize("make", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_cells_clip_what_follows_the_data_too(make):
    """Of a cell whose state is 0 the derivative by the input vanishes where that is clipped."""
    torch.manual_seed(0)
    x = torch.randn(3, 6, dtype=torch.float64).requires_grad_()
    layer = masked(make(6, 4).double(), tree(DAC, FOLLOWS["each"]))
    with_states = torch.cat((x, torch.zeros(3, 4, dtype=x.dtype)), dim=-1)
    clipped = abs(x) > symmetric_limits(with_states.detach(), percentile=0.7)
    y = layer(x)
    y = y if isinstance(y, torch.Tensor) else y[0]
    (got,) = torch.autograd.grad(y.sum(), x)
    assert clipped.any()
    assert torch.equal(got == 0, clipped)
