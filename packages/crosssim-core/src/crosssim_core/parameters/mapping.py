"""Which numbers stand for full scale."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from crosssim_core.errors import ParameterError
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.enums import PartitionStrategy
from crosssim_core.parameters.messages import shown
from crosssim_core.parameters.pair import Pair
from crosssim_core.parameters.plain import AtLeastOne, Positive, plain


class LimitParameters(Params):
    """Two limits, or a rule that finds them in the data: setting one clears the other.

    Raises:
        ParameterError: Both are given at construction, or neither.
    """

    clipping: bool
    min: float | None
    max: float | None
    percentile: Positive | None

    def __init__(self, /, **values: Any) -> None:
        limits = [name for name in ("min", "max") if values.get(name) is not None]
        if values.get("percentile") is not None:
            if limits:
                raise ParameterError(
                    f"{limits[0]} ({values[limits[0]]}) and percentile ({values['percentile']}) "
                    "exclude each other."
                )
            values = {**values, "min": None, "max": None}
        elif limits:
            values = {**values, "percentile": None}
        super().__init__(**values)
        self._check_given()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if value is None:
            return
        if name == "percentile":
            super().__setattr__("min", None)
            super().__setattr__("max", None)
        elif name in ("min", "max"):
            super().__setattr__("percentile", None)

    @property
    def range(self) -> float:
        """Distance of the limits.

        Raises:
            ParameterError: A limit is not set, because the range follows from the data.
        """
        if self.min is None or self.max is None:
            raise ParameterError(
                f"min ({self.min}) and max ({self.max}) are needed to tell it.", self._at("range")
            )
        return self.max - self.min

    @property
    def scale(self) -> float | None:
        """Limit over the largest magnitude of the data; None if no such rule is chosen.

        An explicit name for what ``percentile`` means from 1 upwards.
        """
        return self.percentile if self.percentile is not None and self.percentile >= 1 else None

    @scale.setter
    def scale(self, value: float) -> None:
        number: Any = plain(value)
        if isinstance(number, bool) or not isinstance(number, int | float) or not number >= 1:
            raise ParameterError(
                f"must be a number of at least 1, got {shown(number)}; below 1, percentile is a "
                "quantile.",
                self._at("scale"),
            )
        self.percentile = number

    def check(self) -> None:
        self._check_given()
        if self.percentile is not None:
            return
        if self.min is None or self.max is None:
            raise ParameterError(f"min ({self.min}) and max ({self.max}) are needed both.")
        if self.min >= self.max:
            raise ParameterError(f"min ({self.min:g}) must be below max ({self.max:g}).")

    def _check_given(self) -> None:
        if self.percentile is None and self.min is None and self.max is None:
            raise ParameterError("percentile, min and max are all None: set one or the others.")


class WeightMappingParameters(LimitParameters):
    """Which matrix values stand for full scale, and how a large matrix is divided."""

    clipping: bool = True
    """Clip matrix values to the limits."""
    min: float | None = None
    """Lower limit, the value that the weight -1 stands for, in units of the matrix."""
    max: float | None = None
    """Upper limit, the value that the weight 1 stands for, in units of the matrix. Where it is
    not ``-min``, what the middle of both adds to a product is added digitally."""
    percentile: Positive | None = 1.0
    """Limit found in the matrix, as a fraction [1]: from 1 upwards, this times the largest
    magnitude; below 1, the larger magnitude of the two quantiles at ``percentile`` and
    ``1 - percentile``."""
    row_partition_priority: list[AtLeastOne] = Field(default_factory=list)
    """Divisors tried in this order where matrix rows do not divide evenly over arrays."""
    col_partition_priority: list[AtLeastOne] = Field(default_factory=list)
    """Likewise for matrix columns."""
    row_partition_strategy: PartitionStrategy = PartitionStrategy.EQUAL
    """What to do with matrix rows where no divisor fits."""
    col_partition_strategy: PartitionStrategy = PartitionStrategy.EQUAL
    """Likewise for matrix columns."""


class InputMappingParameters(LimitParameters):
    """Which digital inputs stand for full scale."""

    newer = frozenset({"per_vector"})

    clipping: bool = False
    """Without effect: a DAC with ``bits`` above 0 clips, others do not."""
    min: float | None = -1.0
    """Lower limit, in units of the input."""
    max: float | None = 1.0
    """Upper limit, in units of the input."""
    percentile: Positive | None = None
    """Limits found in the inputs, as for weights [1]; without a sign, the lower one is 0."""
    per_vector: bool = False
    """Find these limits for each vector, rather than for all vectors of a call."""

    def doubts(self) -> Iterator[str]:
        if self.per_vector and self.percentile is None:
            yield "per_vector is True, and min and max are the limits of every vector."


class InputMappingPair(Pair):
    """Input ranges of both directions."""

    mvm: InputMappingParameters = Field(default_factory=InputMappingParameters)
    vmm: InputMappingParameters = Field(default_factory=InputMappingParameters)


class MappingParameters(Params):
    """How numbers become fractions of full scale."""

    weights: WeightMappingParameters = Field(default_factory=WeightMappingParameters)
    inputs: InputMappingPair = Field(default_factory=InputMappingPair)
