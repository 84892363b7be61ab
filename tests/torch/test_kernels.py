"""Kernels give what several steps of PyTorch give, in Triton's interpreter and on a GPU."""

import logging
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from interpreted_kernels import (
    COUNTS,
    DEVIATES,
    FACTOR,
    KEYS,
    OFFSET,
    ORIGIN,
    TOP,
    inputs,
)
from interpreted_kernels import (
    __file__ as script,
)
from scipy import stats

from crosssim_core.random import Stream
from crosssim_torch import fusing
from crosssim_torch.arithmetic import TORCH_ARITHMETIC
from crosssim_torch.noise import TorchNoise

ALARM = 1e-7
"""Probability that a statistical test here fails though all is right."""

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    """What kernels gave in the interpreter."""
    pytest.importorskip("triton", reason="Triton is not installed")
    place = tmp_path_factory.mktemp("kernels") / "results.npz"
    command = [sys.executable, script, str(place)]
    done = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return np.load(place)


def plain(step, *arguments):
    """The same step without kernels; it may overwrite its arguments."""
    return getattr(TORCH_ARITHMETIC, step)(*arguments).numpy()


@pytest.mark.parametrize("count", COUNTS)
def test_codes_are_those_of_plain_steps_bit_by_bit(interpreted, count):
    want = plain("codes", inputs(count), FACTOR, OFFSET, TOP, ORIGIN)
    np.testing.assert_array_equal(interpreted[f"codes {count}"], want)


@pytest.mark.parametrize("count", COUNTS)
def test_rounding_in_place_is_that_of_plain_steps_bit_by_bit(interpreted, count):
    want = plain("rounded", inputs(count), TOP)
    np.testing.assert_array_equal(interpreted[f"in place {count}"], want)


def test_noise_is_normal(interpreted):
    for key in KEYS:
        drawn = interpreted[f"noise {key}"].astype(float)
        counts, _ = np.histogram(stats.norm.cdf(drawn), np.linspace(0, 1, 129))
        assert stats.chisquare(counts).pvalue > ALARM
        assert stats.kstest(drawn, "norm").pvalue > ALARM


@pytest.mark.parametrize("apart", [1, 256, 512, 768, 1024])
def test_noise_is_uncorrelated(interpreted, apart):
    one, other = (interpreted[f"noise {key}"].astype(float) for key in KEYS)
    limit = stats.norm.isf(ALARM) / DEVIATES**0.5
    for x in (one, one**2 - 1):
        assert abs(np.mean(x[apart:] * x[:-apart]) / np.mean(x * x)) < 1.01 * limit
    assert abs(np.mean(one * other)) < 1.01 * limit


def test_noise_has_its_variance_and_is_added(interpreted):
    unit, lines = interpreted[f"noise {KEYS[0]}"], interpreted["noise of variances"]
    want = [0, 1 + 2 * unit[1], 2, np.nan, 4 + 0.5 * unit[4]]
    np.testing.assert_allclose(lines, want, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("rounded_kernel", ("fp32", "fp32", "fp32", "fp32", "*fp32")),
        ("noisy_kernel", ("*fp32", "*i64")),
    ],
)
def test_kernels_compile_for_gpus_that_are_not_here(name, arguments):
    triton = pytest.importorskip("triton", reason="Triton is not installed")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from crosssim_torch import kernels

    kernel = getattr(kernels, name)
    signature = dict(zip(kernel.arg_names, ("*fp32", "i32", *arguments, "constexpr"), strict=True))
    source = ASTSource(kernel, signature, {"block": kernels.BLOCK})
    for capability in (75, 90):
        target, options = GPUTarget("cuda", capability, 32), {"enable_fp_fusion": False}
        compiled = triton.compile(source, target=target, options=options)
        assert compiled.asm["cubin"]


@pytest.fixture
def unfit(monkeypatch):
    """Kernels that cannot be launched; tells how often somebody tried."""
    tried = []

    def fail(*_, **__):
        tried.append(1)
        raise RuntimeError("no C compiler")

    class Kernel:
        def __getitem__(self, _):
            return fail

    kernels = SimpleNamespace(BLOCK=4, noisy_kernel=Kernel())
    monkeypatch.setattr(fusing, "_kernels", lambda: kernels)
    monkeypatch.setattr(fusing, "_UNFIT", set())
    monkeypatch.setattr(torch.cuda, "device", lambda _: torch.no_grad())
    return tried


def test_where_kernels_cannot_be_compiled_that_is_told_once_and_nothing_is_fused(unfit, caplog):
    x = torch.ones(3)
    with caplog.at_level(logging.WARNING, "crosssim_torch.fusing"):
        assert not fusing._launched("noisy_kernel", x, fuses=True)
        assert not fusing._launched("noisy_kernel", x, fuses=True)
    assert len(unfit) == len(caplog.records) == 1
    assert "no C compiler" in caplog.text
    assert torch.equal(x, torch.ones(3))


@NEEDS_GPU
@pytest.mark.parametrize("held", ["contiguous", "transposed", "strided"])
def test_on_a_gpu_codes_are_those_of_the_processor(held):
    x = inputs(4096).reshape(64, 64)
    x = {"contiguous": x, "transposed": x.T, "strided": x[:, ::2]}[held]
    want = plain("codes", x, FACTOR, OFFSET, TOP, ORIGIN)
    found = TORCH_ARITHMETIC.codes(x.cuda(), FACTOR, OFFSET, TOP, ORIGIN)
    np.testing.assert_array_equal(found.cpu().numpy(), want)
    assert (fusing.rounded(x.cuda(), FACTOR, OFFSET, TOP, ORIGIN) is None) == (held == "strided")


@NEEDS_GPU
def test_on_a_gpu_noise_is_drawn_by_a_kernel_and_follows_the_seed():
    lines, variance = torch.zeros(2, 2**17, device="cuda"), torch.ones(2**17, device="cuda")
    for own in lines:
        assert fusing.added_noise(own, variance, TorchNoise(Stream.of(3)))
    assert torch.equal(lines[0], lines[1])
    assert stats.kstest(lines[0].cpu().numpy(), "norm").pvalue > ALARM
