"""The steps of one read, compiled from the parameters before any matrix is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from jaxtyping import Float

from crosssim_core._array import array_namespace
from crosssim_core.arrays import ArrayCircuit, array_circuits
from crosssim_core.chain.inputs import InputPath
from crosssim_core.chain.lines import flat
from crosssim_core.chain.mapping import Mapping, Side
from crosssim_core.chain.noise import CellReader
from crosssim_core.chain.ranges import AdcRange, adc_range
from crosssim_core.converters import (
    AdcModel,
    AdcSite,
    ConverterErrors,
    KeepsErrors,
    UniformLevels,
)
from crosssim_core.converters.errors import errors_of, given_errors
from crosssim_core.devices import ConductsNonlinearly, current_degree, device_model
from crosssim_core.parameters import AdcParams, ADCRangeLimits, CrossSimParameters, DacParams
from crosssim_core.parameters.messages import within
from crosssim_core.plugins.registry import factory, find_model
from crosssim_core.random import NoiseSource, Stream
from crosssim_core.typing import Array


class LineWatch(Protocol):
    """Is shown the currents of one weight slice for each step in time of a read."""

    def __call__(self, index: int, lines: Sequence[Array], /, *, axis: int) -> None:
        """Take note of the currents of one step.

        Args:
            index: Weight slice.
            lines: Currents of each sign, or of the pair [1]; to be left unchanged.
            axis: Axis of the output lines.
        """


@dataclass(frozen=True, slots=True)
class TrimmedAdc:
    """A converter whose codes are moved onto the values that currents take."""

    model: AdcModel
    trim: float
    """Current that is added before the conversion and taken away after it [1]."""

    @property
    def uniform(self) -> UniformLevels | None:
        """Levels of the converter as currents meet them."""
        levels = self.model.uniform
        if levels is None:
            return None
        return UniformLevels(levels.low - self.trim, levels.high - self.trim, levels.number)

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Value that the code of each current stands for [1]."""
        return self.model.convert(x + self.trim, axis=axis, noise=noise) - self.trim

    def errors(self) -> ConverterErrors:
        """Those of the converter."""
        return errors_of(self.model)

    def with_errors(self, errors: ConverterErrors, /) -> "TrimmedAdc":
        """The same trim around the converter with these errors."""
        return TrimmedAdc(given_errors(self.model, errors), self.trim)


@dataclass(frozen=True, slots=True)
class StackedAdc:
    """Converters of a stack of matrices, one line after the other."""

    model: AdcModel

    @property
    def uniform(self) -> UniformLevels | None:
        """Levels of the converters."""
        return self.model.uniform

    def convert(
        self, x: Float[Array, "*batch"], /, *, axis: int, noise: NoiseSource | None
    ) -> Float[Array, "*batch"]:
        """Value that the code of each current stands for [1].

        Matrices lie along the axis before that of the lines, which is counted from the last one.
        """
        y = self.model.convert(flat(x, axis), axis=axis, noise=noise)
        return array_namespace(y).reshape(y, x.shape)

    def errors(self) -> ConverterErrors:
        """Those of the converters."""
        return errors_of(self.model)

    def with_errors(self, errors: ConverterErrors, /) -> "StackedAdc":
        """The same stack of converters with these errors."""
        return StackedAdc(given_errors(self.model, errors))


@dataclass(frozen=True, slots=True)
class StackedWatch:
    """Shows the lines of a stack of matrices as those of one."""

    watch: LineWatch

    def __call__(self, index: int, lines: Sequence[Array], /, *, axis: int) -> None:
        self.watch(index, [flat(line, axis) for line in lines], axis=axis)


@dataclass(frozen=True, slots=True)
class SliceAdc:
    """The converter of one weight slice."""

    model: AdcModel
    background: float
    """Conductance whose current is taken away before the conversion and added after it [1]."""
    meets_ties: bool = False
    """Whether its steps are commensurate with those of levels and digits, so that many currents
    lie on a tie and round-off decides where they go."""
    made_by: tuple[str, str] = ("", "")
    """Distribution of its model, and the version of that."""
    redrawn: bool = False
    """Whether it has drawn errors that it cannot hand over."""


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """One direction of one array, without its conductances."""

    mapping: Mapping
    path: InputPath
    saturation: float
    """Largest current a line carries, in units of one full device [1]; 0 is unlimited."""
    interleaved: bool
    """Both devices of a pair share a line, whose current is their difference."""
    analog_subtraction: bool
    """The difference of a pair is formed before the ADC."""
    adcs: tuple[SliceAdc | None, ...]
    """Converter of each weight slice; None where currents are read exactly, without clipping."""
    adc_per_digit: bool
    """Whether every digit is converted, rather than their sum."""
    circuits: tuple[ArrayCircuit, ...]
    """How the cells of each weight slice form line currents."""
    reader: CellReader | None
    """Read noise; None without."""
    stochastic: bool
    """Whether reading draws random numbers."""
    watch: LineWatch | None = None
    """Is shown currents before their lines saturate."""

    @classmethod
    def of(
        cls,
        params: CrossSimParameters,
        side: Side,
        mapping: Mapping,
        *,
        outputs: int,
        inputs: int,
        stream: Stream,
        stack: int = 1,
    ) -> "ReadPlan":
        """Compile the read of an array with so many output and input lines.

        Args:
            params: Whole tree, already validated.
            side: Direction of the product.
            mapping: How weights become conductances.
            outputs: Products that one matrix forms in this direction.
            inputs: Lines that are driven in this direction.
            stream: Where errors of the converters come from.
            stack: Arrays side by side, each of which holds a matrix; 1 for a single one.

        Raises:
            UnknownModelError: A converter model is not installed.
            ParameterError: A converter refuses its parameters or its range; the path is its own.
        """
        dac: DacParams = getattr(params.xbar.dac, side)
        adc: AdcParams = getattr(params.xbar.adc, side)
        with within(f"xbar.dac.{side}"):
            path = InputPath.of(getattr(params.core.mapping.inputs, side), dac)
        pairs = mapping.signs == 2
        balanced = params.core.balanced
        interleaved = pairs and balanced.interleaved_posneg
        device: ConductsNonlinearly | None = device_model(params.xbar.device, "nonlinear_IV")
        circuits = array_circuits(
            params,
            side,
            slices=mapping.slices,
            inputs=inputs,
            interleaved=interleaved,
            law=None if device is None else device.current,
            degree=current_degree(device),
        )
        reader = CellReader.of(params.xbar.device)
        adcs: list[SliceAdc | None] = []
        for index in range(mapping.slices):
            if not adc.converts:
                adcs.append(None)
                continue
            with within(f"xbar.adc.{side}"):
                limits = adc_range(
                    params, adc, dac, mapping=mapping, path=path, inputs=inputs, index=index
                )
                lines = stack * (outputs + mapping.unit_line)
                converter = _slice_adc(adc, limits, lines, stream.child("adc", index))
                adcs.append(stacked_adc(converter) if stack > 1 else converter)
        return cls(
            mapping=mapping,
            path=path,
            saturation=params.xbar.array.Icol_max,
            interleaved=interleaved,
            analog_subtraction=pairs and balanced.subtract_current_in_xbar,
            adcs=tuple(adcs),
            adc_per_digit=adc.adc_per_ibit,
            circuits=circuits,
            reader=reader,
            stochastic=reader is not None or (adc.stochastic_rounding and adc.converts),
        )

    @property
    def ohmic(self) -> bool:
        """Whether all cells obey Ohm's law."""
        return all(circuit.law is None for circuit in self.circuits)

    @property
    def converts(self) -> bool:
        """Whether any line goes through an ADC."""
        return any(adc is not None for adc in self.adcs)


def stacked(read: ReadPlan) -> ReadPlan:
    """The read of one array whose lines belong to a stack of matrices, one after the other."""
    adcs = tuple(None if adc is None else stacked_adc(adc) for adc in read.adcs)
    return replace(read, adcs=adcs, watch=read.watch and StackedWatch(read.watch))


def stacked_adc(adc: SliceAdc) -> SliceAdc:
    """The same converters, of the lines of a stack of matrices."""
    return adc if adc.model.uniform is not None else replace(adc, model=StackedAdc(adc.model))


def _slice_adc(record: AdcParams, limits: AdcRange, lines: int, stream: Stream) -> SliceAdc:
    noise = stream.source()
    site = AdcSite(limits.low, limits.high, lines, noise)
    model: AdcModel = factory("adc", record.model)(record, site)
    redrawn = noise.drawn and not isinstance(model, KeepsErrors)
    if limits.trim:
        model = TrimmedAdc(model, limits.trim)
    by_bound = record.adc_range_option is ADCRangeLimits.MAX
    installed = find_model("adc", record.model)
    made_by = installed.distribution, installed.version
    return SliceAdc(model, limits.background, by_bound, made_by, redrawn)
