import numpy as np
import pytest

from crosssim_core import AnalogLayer, ConvLayout, CrossSimParameters, LinearLayout
from crosssim_core.errors import ShapeError, UnsupportedError
from crosssim_core.layers import wired


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def direct_convolution(x, weight, *, stride, padding, dilation, groups):
    """A sum over kernel elements, written without windows."""
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    reach = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    counts = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, stride, strict=True)]
    y = np.zeros((x.shape[0], weight.shape[0], *counts))
    channels, outputs = weight.shape[1], weight.shape[0] // groups
    for o in range(weight.shape[0]):
        first = o // outputs * channels
        for offset in np.ndindex(*weight.shape[2:]):
            start = [d * k for d, k in zip(dilation, offset, strict=True)]
            steps = [
                slice(a, a + s * (n - 1) + 1, s)
                for a, s, n in zip(start, stride, counts, strict=True)
            ]
            seen = x[(slice(None), slice(first, first + channels), *steps)]
            y[:, o] += np.tensordot(seen, weight[(o, slice(None), *offset)], (1, 0))
    return y


def conv(**options):
    defaults = {
        "in_channels": 4,
        "out_channels": 6,
        "kernel_size": (3, 2),
        "stride": (1, 1),
        "padding": ((0, 0), (0, 0)),
        "dilation": (1, 1),
    }
    return ConvLayout(**(defaults | options))


@pytest.mark.parametrize("bias_rows", [0, 1, 3])
def test_a_linear_layer_multiplies_and_adds(xp, rng, bias_rows):
    weight, bias, x = rng.normal(size=(3, 4)), rng.normal(size=3), rng.normal(size=(2, 5, 4))
    # Bias rows drive the constant 1, which input limits above 1 leave as it is.
    layer = AnalogLayer.program(
        LinearLayout(4, 3, bias_rows=bias_rows), xp.asarray(weight), xp.asarray(bias)
    )
    y = layer(xp.asarray(x))
    np.testing.assert_allclose(np.asarray(y), x @ weight.T + bias, rtol=1e-12, atol=1e-14)
    held = layer.get_core_weights()
    np.testing.assert_allclose(np.asarray(held[0]), weight, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(np.asarray(held[1]), bias, rtol=1e-13, atol=1e-15)
    assert tuple(layer.get_matrix().shape) == (3, 4 + bias_rows)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("bias_rows", [0, 2])
@pytest.mark.parametrize(
    ("stride", "padding", "dilation"), [((1, 1), (0, 0), (1, 1)), ((2, 3), (1, 2), (2, 1))]
)
def test_a_convolution_slides_over_images(xp, rng, groups, bias_rows, stride, padding, dilation):
    weight = rng.normal(size=(6, 4 // groups, 3, 2))
    bias, x = rng.normal(size=6), rng.normal(size=(2, 4, 7, 8))
    layout = conv(
        stride=stride,
        padding=tuple((p, p) for p in padding),
        dilation=dilation,
        groups=groups,
        bias_rows=bias_rows,
    )
    layer = AnalogLayer.program(layout, xp.asarray(weight), xp.asarray(bias))
    want = direct_convolution(
        x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    y = layer(xp.asarray(x))
    np.testing.assert_allclose(np.asarray(y), want + bias[:, None, None], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(np.asarray(layer(xp.asarray(x))[0, ...]), np.asarray(y)[0])
    np.testing.assert_allclose(np.asarray(layer(xp.asarray(x[0]))), np.asarray(y)[0])
    np.testing.assert_allclose(
        np.asarray(layer.get_core_weights()[0]), weight, rtol=1e-13, atol=1e-15
    )


def test_the_matrix_of_a_convolution_lists_channels_then_the_kernel():
    weight = np.arange(6 * 2 * 6.0).reshape(6, 2, 3, 2)
    matrix = conv(groups=2, bias=False).matrix(weight, None)
    np.testing.assert_array_equal(matrix[0, :12], weight[0].ravel())
    np.testing.assert_array_equal(matrix[3, 12:], weight[3].ravel())
    assert not matrix[0, 12:].any()
    assert not matrix[3, :12].any()
    cells = wired(conv(groups=2, bias=False), like=weight)
    assert cells[0].tolist() == [True] * 12 + [False] * 12


def test_an_empty_batch_gives_an_empty_output(rng):
    layer = AnalogLayer.program(conv(), rng.normal(size=(6, 4, 3, 2)))
    assert layer(np.zeros((0, 4, 7, 8))).shape == (0, 6, 5, 7)
    linear = AnalogLayer.program(LinearLayout(4, 3), rng.normal(size=(3, 4)))
    assert linear(np.zeros((0, 4))).shape == (0, 3)


def test_layers_follow_their_parameters():
    params = CrossSimParameters()
    params.xbar.device.cell_bits = 1
    layer = AnalogLayer.program(
        LinearLayout(2, 1, bias=False), np.array([[1.0, 0.2]]), None, params
    )
    np.testing.assert_allclose(layer(np.array([1.0, 1.0])), [1.0])


@pytest.mark.parametrize(
    ("layout", "weight", "shape"),
    [
        (LinearLayout(4, 3), (3, 4), (2, 5)),
        (conv(), (6, 4, 3, 2), (2, 3, 7, 8)),
        (conv(), (6, 4, 3, 2), (4, 7)),
        (conv(), (6, 4, 3, 2), (2, 4, 2, 8)),
    ],
)
def test_inputs_that_do_not_fit_are_refused(layout, weight, shape):
    layer = AnalogLayer.program(layout, np.ones(weight))
    with pytest.raises(ShapeError, match=r"takes|does not fit"):
        layer(np.ones(shape))


@pytest.mark.parametrize("flag", ["complex_matrix", "complex_input"])
def test_layers_refuse_to_be_complex(flag):
    params = CrossSimParameters()
    params.update({f"core.{flag}": True})
    with pytest.raises(UnsupportedError, match="complex_input is True"):
        AnalogLayer.program(LinearLayout(2, 1), np.ones((1, 2)), params=params)


def test_no_imaginary_part_is_dropped_unsaid(xp):
    with pytest.raises(UnsupportedError, match="real weights and takes real inputs"):
        AnalogLayer.program(LinearLayout(2, 1), xp.ones((1, 2), dtype=xp.complex128))
    layer = AnalogLayer.program(LinearLayout(2, 1), xp.ones((1, 2), dtype=xp.float64))
    with pytest.raises(UnsupportedError, match="real weights and takes real inputs"):
        layer(xp.ones(2, dtype=xp.complex128))
