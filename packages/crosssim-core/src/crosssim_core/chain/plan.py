"""The steps of one read, compiled from the parameters before any matrix is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from crosssim_core.arrays import ArrayCircuit, array_circuits
from crosssim_core.chain.adcs import SliceAdc, TrimmedAdc
from crosssim_core.chain.drive import Driver
from crosssim_core.chain.inputs import InputPath, InputScale
from crosssim_core.chain.mapping import Mapping, Side
from crosssim_core.chain.noise import CellReader
from crosssim_core.chain.ranges import AdcRange, adc_range
from crosssim_core.chain.watch import LineWatch, StackedWatch
from crosssim_core.converters import (
    AdcModel,
    AdcSite,
    KeepsErrors,
)
from crosssim_core.devices import ConductsNonlinearly, current_degree, device_model
from crosssim_core.parameters import AdcParams, ADCRangeLimits, CrossSimParameters, DacParams
from crosssim_core.parameters.messages import within
from crosssim_core.plugins.registry import factory, find_model
from crosssim_core.random import Stream


@dataclass(frozen=True)
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
                adcs.append(converter.stacked() if stack > 1 else converter)
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

    def of_lines(self, lines: Sequence[int], /) -> "ReadPlan | None":
        """The read of these lines alone; None where a converter cannot tell them apart."""
        adcs = tuple(adc and adc.of_lines(lines) for adc in self.adcs)
        if adcs.count(None) > self.adcs.count(None):
            return None
        return replace(self, adcs=adcs, watch=self.watch and self.watch.of_lines(lines))

    def stacked(self) -> "ReadPlan":
        """The same read of lines that belong to a stack of matrices, one after the other."""
        adcs = tuple(adc and adc.stacked() for adc in self.adcs)
        return replace(self, adcs=adcs, watch=self.watch and StackedWatch(self.watch))

    @cached_property
    def driver(self) -> Driver:
        """The input path after the rewrites ``merge_digits`` and ``fold_input_scale``."""
        path, folded = self.path, 1.0
        if path.dac is None and path.scale.factor is not None:
            folded = path.scale.factor
            path = replace(path, scale=InputScale(1.0))
        if self.saturation == 0 and not (self.adc_per_digit and self.converts) and self.ohmic:
            path = replace(path, digits=None, merged=path.digits)
        return Driver(path, folded)

    @property
    def ohmic(self) -> bool:
        """Whether all cells obey Ohm's law."""
        return all(circuit.law is None for circuit in self.circuits)

    @property
    def converts(self) -> bool:
        """Whether any line goes through an ADC."""
        return any(adc is not None for adc in self.adcs)


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
