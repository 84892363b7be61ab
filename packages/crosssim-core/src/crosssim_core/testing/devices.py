"""Checks of device models."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from crosssim_core._array import array_namespace
from crosssim_core.devices import Cell, ChecksItsSlot, DeclaresReadMoments, current_degree
from crosssim_core.devices.slots import ABILITY, Slot
from crosssim_core.errors import ParameterError, UnsupportedError
from crosssim_core.numerics.wires import summed_law
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.random import HostNoise, Stream, WriteNoise
from crosssim_core.testing.common import COMMON_CHECKS, SEED
from crosssim_core.testing.subject import Check, Neutral, Response, Subject, require
from crosssim_core.typing import Array

METHODS: dict[Slot, str] = {
    "programming_error": "program",
    "drift_error": "drift",
    "read_noise": "read",
    "nonlinear_IV": "current",
}

SIGMAS = 6.0
"""Standard errors that a statistic may be off; seeds are fixed, so that it is off always or
never, and for a right model with a probability of about 1e-8 for each statistic."""

PLAUSIBLE = (-1.0, 2.0)
"""Where conductances over the largest one lie without noise [1]: a unit went wrong beyond."""

VOLTAGES = 3.0
"""Up to where a declared polynomial has to hold, over the read voltage [1]: inputs that no DAC
limits may exceed it."""

LEAST = 0.01
"""Share that is left of the largest conductance without noise, at least [1]: one in siemens is
smaller by far."""


@dataclass(frozen=True)
class DeviceSubject(Subject):
    """A device model, its parameters and its cell."""

    cell: Cell = field(default_factory=lambda: Cell(Rmin=1e3, Rmax=1e4))

    @property
    def record(self) -> DeviceErrorParams:
        """The parameters."""
        return DeviceErrorParams(**{"enable": True, "model": self.model, **self.settings})

    def build(self, seed: int = 0) -> Any:
        """The model; it draws nothing while it is built."""
        return self._factory()(self.record, self.cell)

    def slots(self) -> list[Slot]:
        """Slots that the model can fill with this cell."""
        return [slot for slot in ABILITY if self._fills(slot)]

    def responses(self) -> list[Response]:
        """What the model does in each slot that it can fill."""
        return [
            self._response(METHODS[slot], partial(_respond, METHODS[slot])) for slot in self.slots()
        ]

    def inputs(self, leading: Sequence[int] = ()) -> np.ndarray[Any, Any]:
        """Conductances of arrays of 3 columns and 4 rows."""
        shape = (*leading, 3, 4)
        low = max(self.cell.g_min, 0.05)
        return np.linspace(low, 1.0, int(np.prod(shape))).reshape(shape)

    def extremes(self) -> np.ndarray[Any, Any]:
        """No conductance, the smallest, the largest, and one that erred beyond it."""
        return np.array([[0.0, self.cell.g_min], [1.0, 1.2]])

    def _fills(self, slot: Slot) -> bool:
        model = self.build()
        if not isinstance(model, ABILITY[slot]):
            return False
        try:
            if isinstance(model, ChecksItsSlot):
                model.check_slot(slot)
        except (ParameterError, UnsupportedError):
            return False
        return True


def _respond(method: str, model: Any, g: Array, seed: int) -> Array:
    stream = Stream.of(seed)
    if method == "current":
        return model.current(g, 0.0 * g + 0.5)
    if method == "read":
        return model.read(g, noise=stream.child("read").source())
    noise = WriteNoise(stream.child("write"), stream.child("cells"))
    return getattr(model, method)(g, noise=noise)


def check_slots(subject: DeviceSubject, /) -> None:
    """The model can fill at least one slot with this cell."""
    methods = ", ".join(METHODS.values())
    require(
        subject.slots(),
        f"{subject} can fill no slot with this cell: it offers none of the methods {methods}, or "
        "its check_slot refuses them all",
    )


def check_plausible(subject: DeviceSubject, /) -> None:
    """Without noise, results are conductances over the largest one, not in siemens."""
    model, (low, high) = subject.build(), PLAUSIBLE
    for g in (subject.inputs(), subject.extremes()):
        for slot in subject.slots():
            if slot == "nonlinear_IV":
                continue
            y = getattr(model, METHODS[slot])(g, noise=Neutral())
            worst = y.flat[int(np.argmax(np.abs(y - 0.5)))]
            require(
                y.min() >= low and y.max() <= high,
                f"without noise {METHODS[slot]} gives {worst:g} where {low:g} to {high:g} is "
                "plausible: results are in units of the largest conductance, 1 / Rmin",
            )
            require(
                y.max() >= LEAST * g.max(),
                f"without noise {METHODS[slot]} leaves {y.max():g} of {g.max():g}: results are in "
                "units of the largest conductance, 1 / Rmin",
            )


def check_arrays_apart(subject: DeviceSubject, /) -> None:
    """Without noise, what happens to an array does not depend on those that lie beside it."""
    model, arrays = subject.build(), subject.inputs((2, 3))
    for slot in subject.slots():
        if slot == "nonlinear_IV":
            continue
        method = getattr(model, METHODS[slot])
        together = method(arrays, noise=Neutral())
        alone = np.stack([[method(g, noise=Neutral()) for g in row] for row in arrays])
        require(
            np.allclose(together, alone, rtol=1e-12, atol=0),
            f"{METHODS[slot]} of several arrays is not that of each: axes before the last two "
            "count arrays",
        )


def check_independent_cells(subject: DeviceSubject, /) -> None:
    """Every cell errs on its own, and afresh with each seed."""
    runs = 400
    g = np.full((3, 4), 0.5)
    for response in subject.responses():
        samples = np.stack([response.call(g, seed).ravel() for seed in range(runs)])
        first, random = samples[0], np.ptp(samples, axis=0) > 0
        require(
            random.any() or np.ptp(first) == 0,
            f"{response.name} gives equal cells unequal conductances that no seed changes: draw "
            "from the noise that is handed in",
        )
        if not random.all():
            continue
        residual = (samples - samples.mean(axis=0)) / samples.std(axis=0)
        limit = SIGMAS / np.sqrt(runs)
        between_cells = np.abs(np.triu(residual.T @ residual / runs, 1)).max()
        require(
            between_cells < limit,
            f"{response.name} errs alike in different cells (correlation {between_cells:.2f}): "
            "draw one deviate for each cell",
        )
        between_seeds = np.abs((residual[1:] * residual[:-1]).mean(axis=0)).max()
        require(
            between_seeds < limit,
            f"{response.name} errs alike with different seeds (correlation {between_seeds:.2f})",
        )


def check_independent_reads(subject: DeviceSubject, /) -> None:
    """Reads that follow each other err independently."""
    if "read_noise" not in subject.slots():
        return
    model, g = subject.build(), np.full((40, 100), 0.5)
    noise = Stream.of(SEED).source()
    first, second = (model.read(g, noise=noise).ravel() for _ in range(2))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return
    correlation = float(np.corrcoef(first, second)[0, 1])
    require(
        abs(correlation) < SIGMAS / np.sqrt(g.size),
        f"two reads err alike (correlation {correlation:.2f}): draw afresh in every read",
    )


def check_read_moments(subject: DeviceSubject, /) -> None:
    """Declared moments are those of samples, and what is called normal is normal."""
    model = subject.build()
    if "read_noise" not in subject.slots() or not isinstance(model, DeclaresReadMoments):
        return
    count = 40_000
    for g in np.linspace(max(subject.cell.g_min, 0.05), 1.0, 4):
        cells = np.full((1, count), g)
        noise: HostNoise = Stream.of(SEED).child("moments").source()
        samples = model.read(cells, noise=noise).ravel()
        mean, deviation = (float(np.ravel(m)[0]) for m in model.read_moments(cells))
        _compare(samples, mean, deviation, g, normal=model.read_is_normal)


def check_current(subject: DeviceSubject, /) -> None:
    """A current flows only under voltage, and each cell may have its own voltage."""
    if "nonlinear_IV" not in subject.slots():
        return
    model, g = subject.build(), subject.inputs()
    xp = array_namespace(g)
    still = model.current(g, xp.zeros_like(g))
    require(not still.any(), f"current gives {still.flat[0]:g} without any voltage")
    v = np.linspace(-1.0, 1.0, 5 * g.shape[-1]).reshape(5, 1, g.shape[-1])
    together = model.current(np.broadcast_to(g, (5, *g.shape)), np.broadcast_to(v, (5, *g.shape)))
    for k in range(5):
        alone = model.current(g, np.broadcast_to(v[k], g.shape))
        require(
            np.allclose(together[k], alone, rtol=1e-12, atol=0),
            "current depends on the voltages of other vectors",
        )


def check_current_degree(subject: DeviceSubject, /) -> None:
    """A current that is declared to be a polynomial is one, at many voltages."""
    degree = current_degree(subject.build()) if "nonlinear_IV" in subject.slots() else None
    if degree is None:
        return
    require(
        type(degree) is int and degree >= 1,
        f"current_degree is {degree!r}: an integer from 1 upwards is needed, or None",
    )
    model, g = subject.build(), np.concatenate([subject.inputs(), subject.extremes()], axis=None)
    v = np.linspace(-VOLTAGES, VOLTAGES, 4001)
    declared = summed_law(model.current, g[:, None], degree=degree, limit=VOLTAGES)
    got = model.current(*np.broadcast_arrays(g, v[:, None]))
    errors = np.abs(got - declared.currents(v[:, None]))
    k, cell = np.unravel_index(np.argmax(errors), errors.shape)
    require(
        errors[k, cell] <= 1e-9 * np.abs(got).max(),
        f"current_degree is {degree}, and current is no such polynomial: at the conductance "
        f"{g[cell]:g} and the voltage {v[k]:g} it is off by {errors[k, cell]:.1e}",
    )


DEVICE_CHECKS: tuple[Check, ...] = (
    *COMMON_CHECKS,
    check_slots,
    check_plausible,
    check_arrays_apart,
    check_independent_cells,
    check_independent_reads,
    check_read_moments,
    check_current,
    check_current_degree,
)
"""Every check of a device model."""


def _compare(
    samples: np.ndarray[Any, Any], mean: float, deviation: float, g: float, *, normal: bool
) -> None:
    """Hold samples against the moments that are declared for the conductance ``g``."""
    count, centred = samples.size, samples - samples.mean()
    found = float(samples.std())
    slack = SIGMAS * max(found, deviation) / np.sqrt(count) + 1e-9
    require(
        abs(samples.mean() - mean) < slack,
        f"read_moments declares the mean {mean:g} at {g:g}; samples have {samples.mean():g}",
    )
    spread = np.sqrt(max(float((centred**4).mean()) - found**4, 0.0) / count)
    require(
        abs(found**2 - deviation**2) < SIGMAS * spread + 1e-9 * found + 1e-15,
        f"read_moments declares the standard deviation {deviation:g} at {g:g}; samples have "
        f"{found:g}",
    )
    if normal and found > 0:
        skew, tails = (centred**3).mean() / found**3, (centred**4).mean() / found**4 - 3.0
        require(
            abs(skew) < SIGMAS * np.sqrt(6 / count) and abs(tails) < SIGMAS * np.sqrt(24 / count),
            f"read_is_normal is True, and samples at {g:g} are not normal (skewness {skew:.2f}, "
            f"excess kurtosis {tails:.2f})",
        )
