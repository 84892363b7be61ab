"""What is measured: accuracy of digital and analog networks over several chips."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from torch import nn

from crosssim_core import CrossSimParameters
from crosssim_core.layers.ranges import ConverterRanges
from crosssim_torch import from_torch, to_torch
from crosssim_torch.calibration import calibrate
from crosssim_torch.demo.chips import LARGE, PROPORTIONAL, SONOS, CellError, layer_parameters
from crosssim_torch.demo.data import Digits, digits
from crosssim_torch.demo.network import accuracy, digit_network, train
from crosssim_torch.threads import one_thread

EPOCHS = 40
RATE = 1e-2
TUNING_EPOCHS = 20
TUNING_RATE = 5e-3

ARRAYS: tuple[tuple[str, bool, CellError | None], ...] = (
    ("ideal arrays", False, None),
    ("8-bit DAC and ADC", True, None),
    ("+ SONOS programming error", True, SONOS),
    ("+ 5 % error of each conductance", True, PROPORTIONAL),
    ("+ 12 % error of full scale", True, LARGE),
)
"""What the arrays are like: name, whether converters quantize, and the error of cells."""

TUNED = "  after hardware-aware fine-tuning"


@dataclass(frozen=True, slots=True)
class Result:
    """Accuracy of one network on several chips."""

    name: str
    accuracies: tuple[float, ...]
    """Share of recognised test images, chip by chip [1]."""

    @property
    def mean(self) -> float:
        """Mean over the chips [1]."""
        return fmean(self.accuracies)

    @property
    def std(self) -> float:
        """Standard deviation over the chips, 0 for a single one [1]."""
        return stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that one run of the main job finds out."""

    seed: int
    chips: int
    ranges: tuple[ConverterRanges, ...]
    """Converter ranges before fine-tuning, layer by layer."""
    results: tuple[Result, ...]
    """Digital first, fine-tuned last, the one that fine-tuning starts from before it."""

    @property
    def won_back(self) -> float:
        """Share of the accuracy lost to the large error that fine-tuning wins back, 0 if nothing
        was lost [1].
        """
        digital, hurt, tuned = self.results[0], self.results[-2], self.results[-1]
        lost = digital.mean - hurt.mean
        return (tuned.mean - hurt.mean) / lost if lost else 0.0


def steps(chips: int) -> int:
    """How often `run` calls its ``step``."""
    return EPOCHS + TUNING_EPOCHS + chips * (len(ARRAYS) + 1)


# A seed gives the same figures on every machine.
@one_thread()
def run(seed: int, chips: int, step: Callable[[str], None] = lambda doing: None) -> Outcome:
    """Train, convert, test on ``chips`` chips, fine-tune, and test again.

    Args:
        seed: Where every random number comes from.
        chips: Number of simulated chips.
        step: Called with what is being done, after each part of the work.
    """
    data = digits()
    network = digit_network(seed)
    train(
        network,
        data.training,
        epochs=EPOCHS,
        rate=RATE,
        seed=seed,
        after_epoch=lambda: step("training"),
    )
    ranges = _calibrated(network, data)
    seeds = _chip_seeds(seed, chips)

    results = [Result("digital", (accuracy(network, data.test),))]
    for name, quantized, error in ARRAYS:
        params = [layer_parameters(r if quantized else None, error) for r in ranges]
        results.append(_on_chips(name, network, params, seeds, data, step))

    tuned = _tuned(network, [layer_parameters(r, LARGE) for r in ranges], seed, data, step)
    params = [layer_parameters(r, LARGE) for r in _calibrated(tuned, data)]
    results.append(_on_chips(TUNED, tuned, params, seeds, data, step))
    return Outcome(seed, chips, ranges, tuple(results))


def _calibrated(network: nn.Module, data: Digits) -> tuple[ConverterRanges, ...]:
    """Converter ranges, layer by layer, found with cells that do not err."""
    params = layer_parameters(ConverterRanges())
    chip = from_torch(network, params, fuse_batchnorm=True)
    report = calibrate(chip, data.training.pixels, show_progress=False)
    return tuple(ranges for (ranges,) in report.ranges.values())


def _chip_seeds(seed: int, chips: int) -> list[int]:
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(chips)]


def _on_chips(
    name: str,
    network: nn.Module,
    params: Sequence[CrossSimParameters],
    seeds: Sequence[int],
    data: Digits,
    step: Callable[[str], None],
) -> Result:
    accuracies = []
    for seed in seeds:
        chip = from_torch(network, list(params), fuse_batchnorm=True, seed=seed)
        accuracies.append(accuracy(chip, data.test))
        step(name)
    return Result(name, tuple(accuracies))


def _tuned(
    network: nn.Module,
    params: Sequence[CrossSimParameters],
    seed: int,
    data: Digits,
    step: Callable[[str], None],
) -> nn.Module:
    """The network after training through arrays that are programmed anew at each step."""
    chip = from_torch(network, list(params), fuse_batchnorm=True, seed=seed)
    train(
        chip,
        data.training,
        epochs=TUNING_EPOCHS,
        rate=TUNING_RATE,
        seed=seed,
        after_epoch=lambda: step("fine-tuning"),
    )
    return to_torch(chip)
