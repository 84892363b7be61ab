"""What drives the lines in the simplified chain: codes of the converter instead of voltages."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.chain.arithmetic import Arithmetic
from crosssim_core.chain.inputs import InputPath, InputScale, Scale
from crosssim_core.chain.steps import Steps
from crosssim_core.converters import UniformLevels
from crosssim_core.typing import Array

WHOLE = 1e-9
"""Distance from an integer within which a level counts as zero, in steps of the converter [1]."""


class Drive(NamedTuple):
    """What one input becomes on its way to the lines."""

    driver: "Driver"
    scale: Scale
    """Voltage over input, as far as matrices do not carry it."""
    whole: Any
    """The whole input."""
    steps: Sequence[Any]
    """What is applied step by step in time: the digits, or the whole input."""

    def power(self, index: int) -> Any:
        """What drives the variance of line currents in one step."""
        return self.driver.power(self.steps[index])


class Constants(NamedTuple):
    """What a constant input becomes on its way to the lines, as numbers."""

    whole: float
    steps: tuple[float, ...]
    powers: tuple[float, ...]
    """As `Drive.power` gives them."""


@dataclass(frozen=True, slots=True)
class Driver:
    """An input path whose voltages are a multiple of integers, up to a constant.

    Args:
        path: The path after the rewrites ``merge_digits`` and ``fold_input_scale``.
        folded: Voltage over input, as far as matrices carry it.
    """

    path: InputPath
    folded: float
    levels: UniformLevels | None = field(init=False, compare=False)
    """Levels of a DAC with equal steps."""
    step: float = field(init=False, compare=False)
    """Their distance [1]; 1 without levels."""
    lowest: float = field(init=False, compare=False)
    """Code of the voltage 0, counted from the lowest level; 0.5 without levels."""
    zero: float | None = field(init=False, compare=False)
    """Code of the level zero; None if there is none."""
    known: dict[int, tuple[Constants, Constants]] = field(
        init=False, compare=False, repr=False, default_factory=dict
    )
    """What `constants` has found, by the bits of a number."""

    def __post_init__(self) -> None:
        levels = None if self.path.dac is None else self.path.dac.uniform
        step = 1.0 if levels is None else levels.step
        code = 0.5 if levels is None else -levels.low / step
        zero = float(round(code)) if abs(code - round(code)) < WHOLE else None
        for name, value in (("levels", levels), ("step", step), ("lowest", code), ("zero", zero)):
            object.__setattr__(self, name, value)

    @property
    def low(self) -> float:
        """Voltage where the drive is 0 [1]: 0, unless the converter has no level there."""
        return 0.0 if self.levels is None or self.zero is not None else self.levels.low

    @property
    def unit(self) -> float:
        """Voltage of one unit of the whole drive [1]."""
        if self.path.digits is not None:
            return float(1.0 / (2**self.path.digits.bits - 1))
        return self.folded if self.levels is None else self.levels.step

    @property
    def step_unit(self) -> float:
        """Voltage of one unit of the drive of a step [1]."""
        return self.unit if self.path.digits is None else self.path.digits.step

    @property
    def power_unit(self) -> float:
        """What one unit of `Drive.power` adds to the variance of a unit cell [1]."""
        return 1.0 if self._needs_voltages else self.step_unit**2

    @property
    def weights(self) -> tuple[float, ...]:
        """Weight of what each step gives in the sum over steps."""
        digits = self.path.digits
        return (1.0,) if digits is None else tuple(map(digits.weight, range(digits.count)))

    def drive(self, x: Float[Array, "*batch"], work: Arithmetic, /, *, once: bool = False) -> Drive:
        """What drives the lines.

        Args:
            x: Inputs; left unchanged.
            work: How it is computed.
            once: Whether the steps are gone through but once, so that one is held at a time.
        """
        scale = self.path.scale.of(x)
        whole = self.whole(x, scale, work)
        digits = self.path.digits
        if digits is None:
            return Drive(self, scale, whole, (whole,))
        whole = work.readied(whole)
        steps = Steps(whole, count=digits.count, size=digits.size, work=work)
        return Drive(self, scale, whole, steps if once else tuple(steps))

    def whole(self, x: Float[Array, "*batch"], scale: Scale, work: Arithmetic, /) -> Array:
        """The drive for the whole inputs ``x``, whose voltages are ``scale`` times as large."""
        levels = self.levels
        if levels is None:
            z = self.path.convert(x, scale)
            if self.path.digits is None:
                return z
            return array_namespace(z).round(z * (2**self.path.digits.bits - 1))
        factor, origin = scale / self.step, self.zero or 0.0
        return work.codes(x, factor, self.lowest, levels.number - 1, origin)

    def power(self, step: Array, /) -> Array:
        """What drives the variance of line currents where ``step`` drives the lines."""
        if self._needs_voltages:
            return self.path.power(self.low + self.step_unit * step)
        return step * step

    def constants(self, like: Array, /) -> tuple[Constants, Constants]:
        """What the inputs 0 and 1 become, in the data type of ``like``.

        Where the scale follows from the inputs of a call, it counts as 1.
        """
        bits = array_namespace(like).finfo(like.dtype).bits
        if bits not in self.known:
            self.known[bits] = self._constants(bits)
        return self.known[bits]

    def _constants(self, bits: int) -> tuple[Constants, Constants]:
        scaled = self
        if self.path.scale.factor is None:
            scaled = replace(self, path=replace(self.path, scale=InputScale(1.0)))
        both = scaled.drive(np.asarray([0.0, 1.0], dtype=f"float{bits}"), Arithmetic())
        powers = [scaled.power(step) for step in both.steps]
        zero, one = (
            Constants(
                float(both.whole[i]),
                tuple(float(step[i]) for step in both.steps),
                tuple(float(power[i]) for power in powers),
            )
            for i in range(2)
        )
        return zero, one

    @property
    def _needs_voltages(self) -> bool:
        return self.path.merged is not None or self.low != 0.0
