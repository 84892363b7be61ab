"""One layer while it is calibrated."""

from collections.abc import Callable

from crosssim_core import CrossSimParameters
from crosssim_core.chain.tap import Shown
from crosssim_core.cores import Profile
from crosssim_core.layers.ranges import (
    ConverterRanges,
    RangeRule,
    adc_ranges,
    clipped,
    input_range,
    lost_bits,
)
from crosssim_core.numerics.distribution import Histogram
from crosssim_core.parameters import ADCRangeLimits
from crosssim_torch.analog import AnalogModule
from crosssim_torch.calibration.ranges import set_converters
from crosssim_torch.calibration.report import ConverterReport
from crosssim_torch.params import trees_of


class Subject:
    """A layer, what it was like, and what has been chosen for it.

    Args:
        name: Its name in the network.
        module: The layer.
        rule: How ranges are chosen.
        bins: Bins of the histograms.
        inputs: Whether DACs are to be set.
        adcs: Whether ADCs are to be set.
    """

    def __init__(
        self,
        name: str,
        module: AnalogModule,
        rule: RangeRule,
        bins: int,
        *,
        inputs: bool,
        adcs: bool,
    ) -> None:
        self.name, self.module = name, module
        self._rule, self._bins = rule, bins
        self._given = list(trees_of(module.params))
        self._inputs = [inputs and _sets_inputs(tree) for tree in self._given]
        self._adcs = [adcs and _sets_adcs(tree) for tree in self._given]
        self.ranges = tuple(ConverterRanges() for _ in self._given)
        self.reports: list[ConverterReport] = []
        self.reached = False

    @property
    def wants_inputs(self) -> bool:
        """Whether the layer has DACs to be set."""
        return any(self._inputs)

    @property
    def wants_adcs(self) -> bool:
        """Whether the layer has ADCs to be set."""
        return any(self._adcs)

    def restore(self) -> None:
        """Take back everything."""
        set_converters(self.module, self._given)

    def watch_inputs(self) -> None:
        """Count digital inputs while no converter of this layer does anything."""
        self._watch(_without_converters, inputs=True, currents=None)

    def choose_inputs(self) -> None:
        """Set the DACs to what they were given."""
        seen = self._merged(Profile.xbar_histogram)
        if seen.count:
            self.reached = True
            self.ranges = tuple(self._with_inputs(i, seen) for i in range(len(self._given)))
        self._set(lambda tree: tree)

    def watch_adcs(self) -> None:
        """Count currents before the ADCs while these do nothing."""
        self._watch(_without_adcs, inputs=False, currents="conversions")

    def choose_adcs(self) -> None:
        """Set the ADCs to what they were given; the layer is calibrated then."""
        if self._merged(Profile.adc_histogram).count:
            self.reached = True
            self.ranges = tuple(self._with_adcs(i) for i in range(len(self._given)))
        self._set(lambda tree: tree)

    def _set(self, change: Callable[[CrossSimParameters], CrossSimParameters]) -> None:
        pairs = zip(self._given, self.ranges, strict=True)
        set_converters(self.module, [change(new.applied(tree)) for tree, new in pairs])

    def _watch(
        self,
        change: Callable[[CrossSimParameters], CrossSimParameters],
        *,
        inputs: bool,
        currents: Shown | None,
    ) -> None:
        self._set(change)
        for key, holding in self.module._holdings(self.module._rows, self.module._options).items():
            tile = self.module._tiles[key]
            profile = Profile(
                tile.whole,
                inputs=inputs,
                currents=currents,
                bins=self._bins,
                images=holding.layout.images,
            )
            tile.record(profile)

    def _merged(self, counted: Callable[[Profile], Histogram]) -> Histogram:
        """What all matrices of the layer have seen."""
        whole = Histogram(self._bins)
        for tile in self.module._tiles.values():
            assert tile.profile is not None
            whole.merge(counted(tile.profile))
        return whole

    def _with_inputs(self, index: int, seen: Histogram) -> ConverterRanges:
        tree = self._given[index]
        if not self._inputs[index]:
            return self.ranges[index]
        limits = input_range(tree, seen, self._rule, bias_rows=any(self.module._rows.values()))
        self._report("DAC", index, tree.xbar.dac.mvm.bits, limits, seen)
        return ConverterRanges(inputs=limits)

    def _with_adcs(self, index: int) -> ConverterRanges:
        tree, found = self._given[index], self.ranges[index]
        if not self._adcs[index]:
            return found
        slices = range(self._slices(index))
        seen = [self._merged(lambda p, i=i: self._counted(p, index, i)) for i in slices]  # type: ignore[misc]
        limits = adc_ranges(tree, seen, self._rule)
        for i in slices:
            name = f"ADC slice {i}" if len(slices) > 1 else "ADC"
            self._report(name, index, tree.xbar.adc.mvm.bits, limits[i], seen[i])
        return ConverterRanges(found.inputs, limits)

    def _slices(self, index: int) -> int:
        plan = next(iter(self.module._tiles.values())).whole
        return plan.arrays[index].mapping.slices

    def _counted(self, profile: Profile, index: int, of_slice: int) -> Histogram:
        """What the arrays have seen that the tree number ``index`` describes."""
        whole = Histogram(self._bins)
        for array in range(index, len(profile.plan.arrays), len(self._given)):
            whole.merge(profile.adc_histogram(array, of_slice))
        return whole

    def _report(
        self,
        converter: str,
        index: int,
        bits: int,
        limits: tuple[float, float],
        seen: Histogram,
    ) -> None:
        where = f" of array {index}" if len(self._given) > 1 else ""
        self.reports.append(
            ConverterReport(
                layer=self.name,
                converter=converter + where,
                bits=bits,
                low=limits[0],
                high=limits[1],
                clipped=clipped(seen, limits),
                lost_bits=lost_bits(seen, limits),
            )
        )


def _sets_inputs(tree: CrossSimParameters) -> bool:
    return tree.xbar.dac.mvm.converts and tree.core.mapping.inputs.mvm.percentile is None


def _sets_adcs(tree: CrossSimParameters) -> bool:
    adc = tree.xbar.adc.mvm
    return adc.converts and adc.adc_range_option is not ADCRangeLimits.GRANULAR


def _without_adcs(tree: CrossSimParameters) -> CrossSimParameters:
    tree.xbar.adc.mvm.bits = 0
    return tree


def _without_converters(tree: CrossSimParameters) -> CrossSimParameters:
    tree.xbar.dac.mvm.update({"input_bitslicing": False, "bits": 0})
    max_range = ADCRangeLimits.MAX
    tree.xbar.adc.mvm.update({"adc_per_ibit": False, "adc_range_option": max_range, "bits": 0})
    # Inputs do not depend on wires, of which some forms need input bit slicing.
    tree.xbar.array.parasitics.update({"enable": False, "current_from_input": True})
    return tree
