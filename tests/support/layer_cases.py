"""Random stock layers with inputs that fit them."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

# Threads cost more than they give where tensors are this small.
torch.set_num_threads(1)

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)


@dataclass(frozen=True)
class LayerCase:
    """One layer and one input, told so that hypothesis can print and shrink it."""

    kind: type[nn.Module]
    arguments: dict[str, Any]
    input_shape: tuple[int, ...]
    bias_rows: int = 0
    dtype: torch.dtype = torch.float64
    seed: int = 0

    def stock(self) -> nn.Module:
        """The layer, with uniform weights and biases of [-1, 1]."""
        layer = self.kind(**self.arguments, dtype=self.dtype)
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -1, 1, generator=self._generator(1))
        return layer

    def input(self) -> Tensor:
        """Normal deviates that ask for derivatives."""
        x = torch.randn(self.input_shape, generator=self._generator(2), dtype=torch.float64)
        return x.to(self.dtype).requires_grad_()

    def run(self, layer: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
        """All outputs of ``layer`` for the input ``x``."""
        attends = isinstance(layer, nn.MultiheadAttention)
        return flat(layer(x, x.flip(-1), 2 * x) if attends else layer(x))

    def gradients(self, outputs: tuple[Tensor, ...]) -> list[Tensor]:
        """Random gradients that arrive at the outputs."""
        generator = self._generator(3)
        return [torch.randn(y.shape, generator=generator, dtype=y.dtype) for y in outputs]

    def in_float64(self) -> "LayerCase":
        return replace(self, dtype=torch.float64)

    def _generator(self, use: int) -> torch.Generator:
        return torch.Generator().manual_seed(4 * self.seed + use)


def derivatives(layer: nn.Module, case: LayerCase) -> dict[str, Tensor]:
    """Output of ``layer`` for the input of ``case``, and all derivatives, by name."""
    x = case.input()
    layer.zero_grad()
    outputs = case.run(layer, x)
    torch.autograd.backward(outputs, case.gradients(outputs))
    gradients = {n: p.grad for n, p in layer.named_parameters()}
    named = {f"output {i}": y.detach() for i, y in enumerate(outputs)}
    return {**named, "input": x.grad, **gradients}  # type: ignore[dict-item]


def flat(outputs: Any) -> tuple[Tensor, ...]:
    """All tensors of nested tuples, in order."""
    if isinstance(outputs, Tensor):
        return (outputs,)
    return tuple(t for part in outputs if part is not None for t in flat(part))


def assert_all_close(got: dict[str, Tensor], want: dict[str, Tensor], tolerance: float) -> None:
    """Fail unless tensors of each name agree, relative to the largest element or to 1."""
    assert got.keys() == want.keys()
    for name, expected in want.items():
        actual = got[name]
        assert actual.dtype == expected.dtype, name
        assert actual.shape == expected.shape, name
        scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
        torch.testing.assert_close(
            actual, expected, rtol=0, atol=tolerance * scale, msg=lambda m, n=name: f"{n}: {m}"
        )


seeds = st.integers(0, 2**31)
dtypes = st.sampled_from((torch.float64, torch.float32))
rows = st.sampled_from((0, 1, 3))


@st.composite
def linear_cases(draw: st.DrawFn) -> LayerCase:
    """Linear layers; inputs of any number of leading axes, some of them empty."""
    features = draw(st.integers(1, 6))
    leading = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    arguments = {
        "in_features": features,
        "out_features": draw(st.integers(1, 5)),
        "bias": draw(st.booleans()),
    }
    return LayerCase(
        nn.Linear, arguments, (*leading, features), draw(rows), draw(dtypes), draw(seeds)
    )


def _for_axes(values: st.SearchStrategy[int], axes: int) -> st.SearchStrategy[Any]:
    """One integer for all axes, or one for each."""
    return values | st.tuples(*(values,) * axes)


def _tuple(value: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * axes


@st.composite
def conv_cases(draw: st.DrawFn, axes: int | None = None) -> LayerCase:
    """Convolutions of all paddings and groups; batched, unbatched and empty inputs."""
    axes = draw(st.integers(1, 3)) if axes is None else axes
    small = axes == 3
    groups = draw(st.integers(1, 3))
    kernel = draw(_for_axes(st.integers(1, 2 if small else 3), axes))
    dilation = draw(_for_axes(st.integers(1, 2), axes))
    padding = draw(st.sampled_from(("same", "valid")) | _for_axes(st.integers(0, 2), axes))
    stride = 1 if padding == "same" else draw(_for_axes(st.integers(1, 3), axes))
    sides = zip(_tuple(kernel, axes), _tuple(dilation, axes), strict=True)
    reach = [d * (k - 1) + 1 for k, d in sides]
    if isinstance(padding, str):
        widths = [r - 1 if padding == "same" else 0 for r in reach]
    else:
        widths = list(_tuple(padding, axes))
    # Reflection reaches to the far end of the image at most.
    least = [max(r, w + 1) for r, w in zip(reach, widths, strict=True)]
    image = [draw(st.integers(n, n + 2)) for n in least]
    channels = groups * draw(st.integers(1, 2))
    arguments = {
        "in_channels": channels,
        "out_channels": groups * draw(st.integers(1, 3)),
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "bias": draw(st.booleans()),
        "padding_mode": draw(st.sampled_from(("zeros", "reflect", "replicate", "circular"))),
    }
    batch = draw(st.sampled_from(((), (0,), (1,), (2,))))
    shape = (*batch, channels, *image)
    return LayerCase(CONVOLUTIONS[axes], arguments, shape, draw(rows), draw(dtypes), draw(seeds))


@st.composite
def transposed_cases(draw: st.DrawFn) -> LayerCase:
    """Transposed convolutions of all strides and groups; batched, unbatched and empty inputs."""
    axes = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    stride = draw(st.integers(1, 3))
    dilation = draw(st.integers(1, 2))
    kernel = draw(_for_axes(st.integers(1, 2 if axes == 3 else 3), axes))
    reach = [dilation * (k - 1) + 1 for k in _tuple(kernel, axes)]
    channels = groups * draw(st.integers(1, 2))
    arguments = {
        "in_channels": channels,
        "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": kernel,
        "stride": stride,
        # What is taken away leaves one element at least.
        "padding": draw(st.integers(0, (min(reach) - 1) // 2)),
        "output_padding": draw(st.integers(0, max(stride, dilation) - 1)),
        "dilation": dilation,
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    batch = draw(st.sampled_from(((), (0,), (1,), (2,))))
    shape = (*batch, channels, *(draw(st.integers(1, 3)) for _ in range(axes)))
    return LayerCase(TRANSPOSED[axes], arguments, shape, draw(rows), draw(dtypes), draw(seeds))


@st.composite
def cell_cases(draw: st.DrawFn) -> LayerCase:
    """Recurrent cells, batched and unbatched."""
    kind, inputs = draw(st.sampled_from(CELLS)), draw(st.integers(1, 4))
    arguments = {
        "input_size": inputs,
        "hidden_size": draw(st.integers(1, 4)),
        "bias": draw(st.booleans()),
    }
    shape = (*draw(st.sampled_from(((), (0,), (3,)))), inputs)
    return LayerCase(kind, arguments, shape, draw(rows), draw(dtypes), draw(seeds))


@st.composite
def recurrent_cases(draw: st.DrawFn) -> LayerCase:
    """Stacked recurrent layers in one direction or both, with projections."""
    kind, inputs = draw(st.sampled_from(RECURRENT)), draw(st.integers(1, 3))
    hidden = draw(st.integers(2, 4))
    arguments = {
        "input_size": inputs,
        "hidden_size": hidden,
        "num_layers": draw(st.integers(1, 2)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
    }
    if kind is nn.LSTM:
        arguments["proj_size"] = draw(st.integers(0, hidden - 1))
    shape = (*draw(st.sampled_from(((3,), (2, 3), (3, 2)))), inputs)
    return LayerCase(kind, arguments, shape, draw(rows), draw(dtypes), draw(seeds))


@st.composite
def attention_cases(draw: st.DrawFn) -> LayerCase:
    """Multi-head attention with everything that may extend keys and values."""
    heads = draw(st.integers(1, 2))
    features = heads * draw(st.integers(1, 3))
    arguments = {
        "embed_dim": features,
        "num_heads": heads,
        "bias": draw(st.booleans()),
        "add_bias_kv": draw(st.booleans()),
        "add_zero_attn": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
    }
    shape = (*draw(st.sampled_from(((3,), (2, 3)))), features)
    kind = nn.MultiheadAttention
    return LayerCase(kind, arguments, shape, draw(rows), draw(dtypes), draw(seeds))


def every_layer() -> st.SearchStrategy[LayerCase]:
    """Layers of all kinds that have an analog twin."""
    return st.one_of(
        linear_cases(),
        conv_cases(),
        transposed_cases(),
        cell_cases(),
        recurrent_cases(),
        attention_cases(),
    )


def layer_cases() -> st.SearchStrategy[LayerCase]:
    return linear_cases() | conv_cases()
