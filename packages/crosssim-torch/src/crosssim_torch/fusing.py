"""Elementwise chains in one pass over memory: kernels of a GPU, loops of the processor."""

import logging
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from crosssim_core.numerics.compiled import compiled
from crosssim_core.numerics.noise_loops import add_noise_loops
from crosssim_torch.noise import TorchNoise

logger = logging.getLogger("crosssim_torch.fusing")


def rounded(
    x: Tensor, factor: Any, offset: float, top: float, origin: float, *, out: Tensor | None = None
) -> Tensor | None:
    """The nearest integers of ``0 … top`` to ``offset + factor * x``, minus ``origin``.

    Args:
        x: Left unchanged, unless it is ``out``.
        factor: Fused if it is a number.
        offset: As the formula has it.
        top: Below 2**22.
        origin: An integer.
        out: Where the result goes; a tensor of its own if None.

    Returns:
        None where no kernel does it.
    """
    if not x.is_cuda or not isinstance(factor, float) or top >= 2**22 or not _dense(x):
        return None
    y = torch.empty_like(x) if out is None else out
    numbers = float(factor), float(offset), float(top), float(origin)
    # A product is rounded before it is added to, as by plain PyTorch.
    done = _launched("rounded_kernel", x, *numbers, y, fuses=False)
    return y if done else None


def added_noise(lines: Tensor, variance: Tensor, noise: TorchNoise) -> bool:
    """Add normal noise of this variance to ``lines``, or do nothing and tell so."""
    if lines.shape != variance.shape or lines.stride() != variance.stride():
        return False
    if variance.dtype != torch.float32 or not _dense(lines):
        return False
    if lines.is_cuda:
        return _launched("noisy_kernel", lines, variance, noise.key_on(lines.device), fuses=True)
    loops = compiled(add_noise_loops) if lines.device.type == "cpu" else None
    if loops is None or lines.requires_grad or variance.requires_grad:
        return False
    loops(*(x.as_strided((x.numel(),), (1,)).numpy() for x in (lines, variance)), noise.key())
    return True


def _dense(x: Tensor) -> bool:
    """Whether ``x`` is plain float32 numbers that lie in one piece, in whatever order."""
    if type(x) is not Tensor or x.dtype is not torch.float32:
        return False
    whole: bool = torch.ops.aten.is_non_overlapping_and_dense(x)
    return whole


def _launched(name: str, x: Tensor, *arguments: object, fuses: bool) -> bool:
    """Run a kernel, or do nothing and tell so.

    Args:
        name: Of the kernel.
        x: Its first argument, and as many elements as the second one tells.
        arguments: The others.
        fuses: Whether the sum of a product and a number may be rounded once.
    """
    kernels = None if x.device in _UNFIT else _kernels()
    if kernels is None:
        return False
    if x.numel() == 0:
        return True
    kernel: Callable[..., Any] = getattr(kernels, name)[(-(-x.numel() // kernels.BLOCK),)]
    try:
        with torch.cuda.device(x.device):
            kernel(x, x.numel(), *arguments, block=kernels.BLOCK, enable_fp_fusion=fuses)
    except Exception as error:
        # For instance without a C compiler, with which Triton makes what launches a kernel.
        logger.warning(
            "Triton compiles no kernels for %s, so nothing is fused: %s", x.device, error
        )
        _UNFIT.add(x.device)
        return False
    return True


_UNFIT: set[torch.device] = set()
"""Devices that Triton could not compile for."""


@cache
def _kernels() -> Any:
    """The module of kernels; None where there is no Triton."""
    try:
        return import_module("crosssim_torch.kernels")
    except ImportError as error:
        logger.debug("nothing is fused: %s", error)
        return None
