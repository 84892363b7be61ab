"""Random stock layers with inputs that fit them."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

# Threads cost more than they give where tensors are this small.
torch.set_num_threads(1)

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


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

    def gradient(self, y: Tensor) -> Tensor:
        """A random gradient that arrives at the output ``y``."""
        g = torch.randn(y.shape, generator=self._generator(3), dtype=torch.float64)
        return g.to(y.dtype)

    def in_float64(self) -> "LayerCase":
        return replace(self, dtype=torch.float64)

    def _generator(self, use: int) -> torch.Generator:
        return torch.Generator().manual_seed(4 * self.seed + use)


def derivatives(layer: nn.Module, case: LayerCase) -> dict[str, Tensor]:
    """Output of ``layer`` for the input of ``case``, and all derivatives, by name."""
    x = case.input()
    layer.zero_grad()
    y = layer(x)
    y.backward(case.gradient(y))
    gradients = {n: p.grad for n, p in layer.named_parameters()}
    return {"output": y.detach(), "input": x.grad, **gradients}  # type: ignore[dict-item]


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


def layer_cases() -> st.SearchStrategy[LayerCase]:
    return linear_cases() | conv_cases()
