"""One family for everything that CrossSim raises or warns of."""

from typing import Any, Self


class CrossSimError(Exception):
    """Base of every error that CrossSim raises on purpose."""

    def concerning(self, subject: str) -> Self:
        """This very error, whose text says now first what it is about."""
        self.args = (f"{subject}: {self}",)
        return self


class ParameterError(CrossSimError, ValueError):
    """A parameter has a bad value, or two parameters contradict each other.

    Attributes:
        path: Dotted path of the parameter or group at fault, ``""`` where there is none.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path

    def __reduce__(self) -> tuple[type["ParameterError"], tuple[str, str], dict[str, Any]]:
        return type(self), (self.message, self.path), {**vars(self), "args": self.args}


class UnknownParameterError(ParameterError, AttributeError):
    """A parameter of this name does not exist."""


class UnknownModelError(ParameterError):
    """No device, ADC or DAC model of this name is installed."""


class PluginError(CrossSimError):
    """A plugin is installed but cannot be used."""


class ShapeError(CrossSimError, ValueError):
    """Array shapes do not fit together."""


class ArrayLibraryError(CrossSimError, TypeError):
    """Arrays of different libraries, or of none that is known, meet in one operation."""


class OperationError(CrossSimError, TypeError):
    """An analog matrix was asked for something that arrays cannot do."""


class OutOfBoundsError(CrossSimError, IndexError):
    """An index points outside a matrix, or there are more indices than axes."""


class DeviceUnavailableError(CrossSimError, RuntimeError):
    """The processor that was asked for is not there."""


class NotProgrammedError(CrossSimError, RuntimeError):
    """A product was asked of arrays that hold no matrix yet."""


class StateError(CrossSimError, ValueError):
    """A saved state is damaged, or not one of this kind."""


class MissingFileError(CrossSimError, FileNotFoundError):
    """A file of parameters is not there, and no shipped configuration has its name."""


class ConversionError(CrossSimError, ValueError):
    """A network or layer cannot be converted as asked."""


class UnsupportedError(CrossSimError, NotImplementedError):
    """A style or effect that exists in the parameters and is not simulated yet."""


class SolverError(CrossSimError, RuntimeError):
    """A circuit was not solved to the tolerance that was asked for.

    Attributes:
        residual: Largest error of a voltage, over the largest input of its vector [1].
        tolerance: What was asked for [1].
        steps: Steps that were made.
        nearing: Whether the last of them still brought it nearer, so that more might help.
    """

    def __init__(
        self, message: str, residual: float, tolerance: float, steps: int, *, nearing: bool = True
    ) -> None:
        super().__init__(message)
        self.message = message
        self.residual = residual
        self.tolerance = tolerance
        self.steps = steps
        self.nearing = nearing

    def __reduce__(
        self,
    ) -> tuple[type["SolverError"], tuple[str, float, float, int], dict[str, Any]]:
        own = self.message, self.residual, self.tolerance, self.steps
        return type(self), own, {**vars(self), "args": self.args}


class CrossSimWarning(UserWarning):
    """Base of every warning that CrossSim gives."""


class ParameterWarning(CrossSimWarning):
    """Parameters that are legal together and probably not meant."""


class StateWarning(CrossSimWarning):
    """A saved state may not come back as it was."""


class ConversionWarning(CrossSimWarning, RuntimeWarning):
    """A part of a network was not converted as one might expect."""


class CompatibilityWarning(CrossSimWarning, RuntimeWarning):
    """Numbers differ from CrossSim 3.2 on purpose."""
