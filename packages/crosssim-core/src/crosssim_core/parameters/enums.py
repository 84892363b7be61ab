"""Named choices: integers in JSON where CrossSim has integers, strings where it has strings."""

from enum import Enum, IntEnum, StrEnum
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from crosssim_core.errors import ParameterError


class Choice(Enum):
    """A choice that can be given as a member, by name in any case, or by its value."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        """The member that ``value`` stands for.

        Raises:
            ParameterError: It stands for none; True, floats and members of other choices never do.
        """
        if isinstance(value, cls):
            return value
        for member in cls:
            if type(value) is type(member.value) and value == member.value:
                return member
            if type(value) is str and value.casefold() == member.name.casefold():
                return member
        names = ", ".join(f"{m.name} ({m.value})" for m in cls)
        asked = f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)
        raise ParameterError(f"{asked} is no {cls.__name__}; choose one of {names}.")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(cls.parse, handler(source))


class CoreStyle(Choice, IntEnum):
    """How signed numbers become conductances."""

    BALANCED = 1
    BITSLICED = 2
    OFFSET = 3


class BalancedCoreStyle(Choice, IntEnum):
    """Where the zero of a differential pair lies."""

    ONE_SIDED = 1
    TWO_SIDED = 2


class BitSlicedCoreStyle(Choice, IntEnum):
    """How every slice holds the sign."""

    BALANCED = 1
    OFFSET = 3


class OffsetCoreStyle(Choice, IntEnum):
    """How the mid-scale offset of offset-encoded arrays is removed."""

    DIGITAL_OFFSET = 1
    UNIT_COLUMN_SUBTRACTION = 2


class PartitionStrategy(Choice, IntEnum):
    """How a matrix is divided that does not fit into one array."""

    MAX = 1
    EQUAL = 2


class OutputDType(Choice, IntEnum):
    """Which data type a product comes back in."""

    NATIVE = 1
    MATRIX = 2
    INPUT = 3
    FLOAT32 = 4
    FLOAT64 = 5
    FLOAT16 = 6
    INT64 = 7
    INT32 = 8
    INT16 = 9
    INT8 = 10


class ADCRangeLimits(Choice, IntEnum):
    """How the range of an ADC is chosen."""

    CALIBRATED = 1
    MAX = 2
    GRANULAR = 3


class MatmulCriterion(Choice, StrEnum):
    """How errors of a circuit solution are reduced over a batch of products."""

    MAX_MAX = "max_max"
    MAX_MEAN = "max_mean"
    MAX_MIN = "max_min"


class SelectedRows(Choice, StrEnum):
    """Which physical rows are used where there are more rows than inputs."""

    TOP = "top"
    BOTTOM = "bottom"
