"""One call that sets the converters of a whole network."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from crosssim_core.errors import ConversionError
from crosssim_core.layers.ranges import Method, RangeRule
from crosssim_core.numerics.distribution import BINS
from crosssim_torch.analog import AnalogModule
from crosssim_torch.calibration.batches import Batches, Forward, call
from crosssim_torch.calibration.progress import progress
from crosssim_torch.calibration.report import CalibrationReport
from crosssim_torch.calibration.subject import Subject


def calibrate(
    model: nn.Module,
    data: Any,
    *,
    method: Method = "percentile",
    percentile: float = 99.99,
    norm: float = 1.0,
    inputs: bool = True,
    adcs: bool = True,
    together: bool = False,
    bins: int = BINS,
    forward: Forward | None = None,
    show_progress: bool = True,
) -> CalibrationReport:
    """Set the input and ADC ranges of an analog network to what its converters are given.

    Layers are calibrated in the order in which they run, each behind the calibrated converters of
    those before it, its DACs before its ADCs. What is seen is counted in histograms, so memory
    does not grow with the data. The chip stays as it is; ranges are kept in ``layer.params``.

    DACs get limits about 0, or from 0 if they are unsigned, unless ``percentile`` of the input
    mapping lets the range follow the data. ADCs get calibrated ranges, slices such that are
    powers of 2 apart; those whose option is GRANULAR are exact and stay. Build a network whose
    ranges are not known yet with ``adc_range_option = "MAX"``.

    Args:
        model: Network of analog layers, changed in place.
        data: Batches: one tensor, or an iterable that can be run through several times, such as
            a list or a DataLoader.
        method: ``"max"`` holds all values, ``"percentile"`` all but the outermost, ``"error"``
            makes the quantization error least.
        percentile: Share of the values that a range holds at least [%].
        norm: Order of the norm of the quantization error.
        inputs: Set the ranges of DACs.
        adcs: Set the ranges of ADCs.
        together: Take only two passes, one for all DACs and one for all ADCs, instead of two for
            each layer: the time then does not grow with the square of the depth, and ranges
            follow from what layers give that are not calibrated yet.
        bins: Bins of a histogram.
        forward: Runs the network on one batch. By default it is called with the batch, with the
            first element of a tuple or list, or with the entries of a mapping as keywords.
        show_progress: Show progress on the terminal, if rich is installed.

    Raises:
        ConversionError: The model has no analog layer, or ``data`` has no batch or can be run
            through only once.
        ParameterError: ``method`` is not known.

    Example:
        >>> from crosssim_torch import AnalogLinear
        >>> layer = AnalogLinear(CrossSimParameters(), 4, 3)
        >>> calibrate(layer, torch.ones(2, 4)).converters
        ()
    """
    rule = RangeRule(method, percentile, norm)
    subjects = [
        Subject(name, module, rule, bins, inputs=inputs, adcs=adcs)
        for name, module in model.named_modules()
        if isinstance(module, AnalogModule)
    ]
    if not subjects:
        raise ConversionError("The model has no analog layer to calibrate: convert it first.")
    batches, run = Batches(data), forward or call
    with torch.no_grad(), _evaluating(model):
        calls = _calls(subjects, lambda: run(model, batches.first))
        order = list(calls)
        # Layers that the first batch does not run through come last.
        subjects.sort(key=lambda s: order.index(s.module) if s.module in calls else len(order))
        stages = _stages(subjects, together=together)
        parts = None if batches.count is None else len(stages) * batches.count
        try:
            with progress(parts, shown=show_progress) as advance:
                for stage in stages:
                    for subject in stage.subjects:
                        stage.watch(subject)
                    _pass(model, batches, run, stage.end(calls), partial(advance, stage.name))
                    for subject in stage.subjects:
                        stage.choose(subject)
        except BaseException:
            for subject in subjects:
                subject.restore()
            raise
    wanted = [subject for subject in subjects if subject.wants_inputs or subject.wants_adcs]
    return CalibrationReport(
        rule,
        {subject.name: subject.ranges for subject in wanted if subject.reached},
        tuple(report for subject in wanted for report in subject.reports),
        tuple(subject.name for subject in wanted if not subject.reached),
    )


class _Enough(Exception):  # noqa: N818
    """What was to be seen of a batch has been seen."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """One pass over the data."""

    subjects: Sequence[Subject]
    watch: Callable[[Subject], None]
    choose: Callable[[Subject], None]

    @property
    def name(self) -> str:
        return self.subjects[0].name if len(self.subjects) == 1 else "all layers"

    def end(self, calls: Mapping[nn.Module, int]) -> nn.Module | None:
        """The layer behind which nothing of interest happens."""
        module = self.subjects[0].module
        # A layer that is called again may see other values then.
        return module if len(self.subjects) == 1 and calls.get(module) == 1 else None


def _stages(subjects: Sequence[Subject], *, together: bool) -> list[_Stage]:
    groups = [subjects] if together else [[subject] for subject in subjects]
    stages = []
    for group in groups:
        dacs = [subject for subject in group if subject.wants_inputs]
        adcs = [subject for subject in group if subject.wants_adcs]
        stages += [_Stage(dacs, Subject.watch_inputs, Subject.choose_inputs)] if dacs else []
        stages += [_Stage(adcs, Subject.watch_adcs, Subject.choose_adcs)] if adcs else []
    return stages


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, so that no dropout is drawn and no statistics change."""
    training = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in training:
            module.training = mode


def _calls(subjects: Sequence[Subject], run: Callable[[], Any]) -> dict[nn.Module, int]:
    """How often a run calls each layer, in the order of first calls."""
    calls: dict[nn.Module, int] = {}

    def count(module: nn.Module, arguments: Any) -> None:
        calls[module] = calls.get(module, 0) + 1

    handles = [subject.module.register_forward_pre_hook(count) for subject in subjects]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _pass(
    model: nn.Module,
    batches: Batches,
    run: Forward,
    end: nn.Module | None,
    advance: Callable[[], None],
) -> None:
    """Run all batches through the network, as far as the layer ``end`` if there is one."""

    def stop(module: nn.Module, arguments: Any, output: Any) -> None:
        raise _Enough

    handle = None if end is None else end.register_forward_hook(stop)
    try:
        for batch in batches:
            with suppress(_Enough):
                run(model, batch)
            advance()
    finally:
        if handle is not None:
            handle.remove()
