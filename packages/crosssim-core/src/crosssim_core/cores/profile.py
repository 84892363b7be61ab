"""What reads of one matrix have seen, recorded where the parameters ask for it."""

from collections import defaultdict
from collections.abc import Iterable
from threading import Lock
from typing import Any

import numpy as np

from crosssim_core._array import as_host
from crosssim_core.chain.bitsliced import BitSlicedMapping
from crosssim_core.chain.lines import flat
from crosssim_core.chain.mapping import Side
from crosssim_core.chain.tap import Place, Shown
from crosssim_core.cores.plan import ArrayPlan
from crosssim_core.errors import OperationError, ShapeError
from crosssim_core.numerics.distribution import Histogram
from crosssim_core.typing import Array

HostArray = np.ndarray[Any, Any]


class ReadTap:
    """Keeps copies of the line currents of one read, outputs first, of images after the batch.

    Args:
        shows: Which currents.
        images: Whether the axis before the outputs counts images.
        stacked: Whether lines belong to matrices of a stack, which lie along the axis before.
    """

    def __init__(self, shows: Shown, *, images: bool, stacked: bool = False) -> None:
        self.shows: Shown = shows
        self._stacked = stacked
        self._outputs = int(images)
        self._seen: dict[Place, list[list[HostArray]]] = {}

    def see(self, place: Place, lines: list[Array], /, *, axis: int) -> None:
        parts = self._seen.setdefault(place, [[] for _ in lines])
        for part, line in zip(parts, lines, strict=True):
            own = as_host(line)
            own = flat(own, axis) if self._stacked else own
            part.append(np.moveaxis(own, axis, self._outputs))

    def flat(self) -> Iterable[tuple[Place, HostArray]]:
        """What was seen at each place: all positive lines, then all negative ones."""
        for place, lines in self._seen.items():
            # A read may have cut its vectors into chunks.
            whole = [p[0] if len(p) == 1 else np.concatenate(p, 1 - self._outputs) for p in lines]
            yield place, np.concatenate([line.ravel() for line in whole])


class Profile:
    """Digital inputs and currents before the ADCs, for both directions of a product.

    Records grow as needed; histograms take constant memory. Several threads may read at once:
    what one read has seen stays together.

    Args:
        plan: The arrays that are read.
        inputs: Record digital inputs.
        currents: Which currents before the ADCs to record; None for none.
        bins: Bins of the histograms that are kept instead of values; 0 keeps the values.
        images: Whether inputs are images ``(N, channels, *image)`` instead of vectors.
    """

    def __init__(
        self, plan: ArrayPlan, *, inputs: bool, currents: Shown | None, bins: int, images: bool
    ) -> None:
        self.plan = plan
        self.inputs = inputs
        self.currents = currents
        self.bins = bins
        self.images = images
        self._lock = Lock()
        self.reset()

    @classmethod
    def of(cls, plan: ArrayPlan, *, images: bool = False) -> "Profile | None":
        """What the parameters ask for; None if nothing is to be recorded.

        Source: CrossSim parameters ``simulation.analytics``.
        """
        asked = plan.params[0].simulation.analytics
        if not (asked.profile_xbar_inputs or asked.profile_adc_inputs):
            return None
        return cls(
            plan,
            inputs=asked.profile_xbar_inputs,
            currents="digits" if asked.profile_adc_inputs else None,
            bins=asked.profile_bins,
            images=images,
        )

    # Recording

    def tap(self) -> ReadTap | None:
        """What to hand to the next read."""
        if self.currents is None:
            return None
        return ReadTap(self.currents, images=self.images, stacked=self.plan.stack > 1)

    def keep(self, side: Side, x: Array, tap: ReadTap | None) -> None:
        """Record the digital inputs ``x`` of a read, and what ``tap`` was shown."""
        data = as_host(x) if self.inputs else None
        with self._lock:
            if data is not None:
                vectors = data if self.images else data.reshape(-1, data.shape[-1])
                self._add(self._inputs, side, vectors)
            for place, values in tap.flat() if tap is not None else ():
                self._add(self._currents, (side, place), values)

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._inputs: dict[Any, Any] = defaultdict(self._empty)
            self._currents: dict[Any, Any] = defaultdict(self._empty)

    def forget_currents(self) -> None:
        """Forget the currents, which belong to the matrix that the arrays held so far."""
        with self._lock:
            self._currents = defaultdict(self._empty)

    def _empty(self) -> Any:
        return Histogram(self.bins) if self.bins else []

    def _add(self, records: dict[Any, Any], key: Any, values: HostArray) -> None:
        records[key].add(values) if self.bins else records[key].append(values)

    # Reading off

    def xbar_inputs(self, side: Side = "mvm") -> HostArray:
        """Digital inputs in user units, before scaling and conversion.

        Returns:
            Vectors (n, inputs), those of the real blocks of a complex matrix; or padded images
            (n, channels, *image).

        Raises:
            OperationError: They are not recorded, or as a histogram.
            ShapeError: Images have different sizes; `xbar_values` gives their values.
        """
        reads = self._reads(self._inputs, side, inputs=True)
        if len({read.shape[1:] for read in reads}) > 1:
            raise ShapeError("The recorded images have different sizes: take xbar_values().")
        if not reads:
            return np.zeros((0, self.plan.shape[side == "mvm"]))
        return np.concatenate(reads)

    def xbar_values(self, side: Side = "mvm") -> HostArray:
        """All digital inputs as one vector, in the order of `xbar_inputs`.

        Raises:
            OperationError: They are not recorded, or as a histogram.
        """
        reads = self._reads(self._inputs, side, inputs=True)
        return np.concatenate([read.ravel() for read in reads] or [np.zeros(0)])

    def adc_inputs(self, side: Side = "mvm") -> tuple[HostArray, ...]:
        """Currents before the ADCs of each array, row by row of the matrix [1].

        In units of one device at full conductance and full input; after saturation and analog
        subtraction. Each read adds its values output by output, those of a unit line first, of
        images image by image; all positive lines come before the negative ones where pairs are
        subtracted digitally.

        Returns:
            Shape (digits, n) for each array, (slices, digits, n) of a BITSLICED one. There are as
            many digits as magnitude bits of the DAC, the last ones 0 where a digit has several
            bits, and one without input bit slicing.

        Raises:
            OperationError: They are not recorded, or as histograms.

        Source: CrossSim's ``profile_adc_inputs``.
        """
        return tuple(self._of_array(number, side) for number in range(len(self.plan.arrays)))

    def xbar_histogram(self, side: Side = "mvm") -> Histogram:
        """Counts of the digital inputs.

        Raises:
            OperationError: They are not recorded, or as values.
        """
        self._check(inputs=True, histograms=True)
        counted = Histogram(self.bins)
        with self._lock:
            counted.merge(self._inputs[side])
        return counted

    def adc_histogram(
        self, array: int | None = None, slice: int | None = None, side: Side = "mvm"
    ) -> Histogram:
        """Counts of the currents before the ADCs, all digits together [1].

        Args:
            array: Number of the array, row by row of the matrix; None for all of them.
            slice: Weight slice; None for all of them.
            side: Direction of the product.

        Raises:
            OperationError: They are not recorded, or as values.
        """
        self._check(inputs=False, histograms=True)
        counted = Histogram(self.bins)
        with self._lock:
            for (of, place), histogram in self._currents.items():
                wanted = array in (None, place.array) and slice in (None, place.slice)
                if of == side and wanted:
                    counted.merge(histogram)
        return counted

    def _reads(self, records: dict[Any, Any], key: Any, *, inputs: bool) -> list[HostArray]:
        self._check(inputs=inputs, histograms=False)
        with self._lock:
            return list(records.get(key, ()))

    def _of_array(self, number: int, side: Side) -> HostArray:
        plan = self.plan.arrays[number].reads[side]
        slices, digits = plan.mapping.slices, plan.path.digits
        joined = [
            [
                np.concatenate(reads) if reads else None
                for k in range(digits.bits if digits else 1)
                for reads in [
                    self._reads(self._currents, (side, Place(number, i, k)), inputs=False)
                ]
            ]
            for i in range(slices)
        ]
        empty = np.zeros(0) if joined[0][0] is None else np.zeros_like(joined[0][0])
        values = np.stack([np.stack([empty if v is None else v for v in row]) for row in joined])
        return values if isinstance(plan.mapping, BitSlicedMapping) else values[0]

    def _check(self, *, inputs: bool, histograms: bool) -> None:
        name = "profile_xbar_inputs" if inputs else "profile_adc_inputs"
        if not (self.inputs if inputs else self.currents):
            raise OperationError(f"Nothing of this kind is recorded: set {name} = True.")
        if histograms and not self.bins:
            raise OperationError("Values are recorded, not histograms: set profile_bins.")
        if self.bins and not histograms:
            raise OperationError("Histograms are recorded, not values: set profile_bins = 0.")

    def __getstate__(self) -> dict[str, Any]:
        records = {"_inputs": dict(self._inputs), "_currents": dict(self._currents)}
        return {k: v for k, v in vars(self).items() if k != "_lock"} | records

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=Lock())
        self._inputs = defaultdict(self._empty, self._inputs)
        self._currents = defaultdict(self._empty, self._currents)
