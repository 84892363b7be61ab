"""Records that select a model by name and hold its parameters."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from crosssim_core.errors import ParameterError, PluginError
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.enums import ADCRangeLimits
from crosssim_core.parameters.messages import located
from crosssim_core.parameters.plain import Bits, NonNegative
from crosssim_core.parameters.ranges import CalibratedRange, lowest
from crosssim_core.plugins.entries import Family
from crosssim_core.plugins.registry import params_class


class ModelRecord(Params):
    """Common parameters of the models of one family.

    A model with parameters of its own brings a subclass that adds them and names the model as
    the default of ``model``. Assigning ``model`` turns the record into the class of that model
    in place: fields that both classes have keep their values, others get defaults.
    """

    family: ClassVar[Family]
    ideal: ClassVar[str]
    """Model of the family that does nothing."""
    record: ClassVar[type["ModelRecord"]]
    """Class of the family without parameters of a single model."""

    if TYPE_CHECKING:
        model: str

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        if ModelRecord in cls.__bases__:
            cls.record = cls

    def __init__(self, /, **values: Any) -> None:
        cls = self._class_for(values)
        if cls is not type(self):
            object.__setattr__(self, "__class__", cls)
        super(ModelRecord, self).__init__(**values)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "model" and isinstance(value, str):
            self._become(value)
        else:
            super().__setattr__(name, value)

    def check(self) -> None:
        if self._record_class(self.model) is not type(self):
            raise ParameterError(f"{self.model!r} has other parameters than {type(self).__name__}.")

    @classmethod
    def _class_for(cls, values: Mapping[str, Any]) -> type["ModelRecord"]:
        model = values.get("model")
        if not isinstance(model, str):
            return cls
        chosen = cls._record_class(model)
        if not issubclass(chosen, cls):
            raise ParameterError(
                f"{model!r} has the parameters {chosen.__name__}, not {cls.__name__}.", "model"
            )
        return chosen

    @classmethod
    def _record_class(cls, model: str) -> type["ModelRecord"]:
        """Class that holds the parameters of ``model``.

        Raises:
            UnknownModelError: No such model is installed.
            PluginError: What the model brings as its parameters is of the wrong kind.
        """
        if model == cls.ideal:
            return cls.record
        try:
            found = params_class(cls.family, model)
        except ParameterError as error:
            raise located(error, "model") from None
        if found is None:
            return cls.record
        if not issubclass(found, cls.record):
            raise PluginError(
                f"The parameters of {cls.family} model {model!r}, {found.__module__}."
                f"{found.__qualname__}, are no subclass of {cls.record.__name__}."
            )
        return found

    def _become(self, model: str) -> None:
        try:
            cls = self._record_class(model)
            if cls is type(self):
                return super().__setattr__("model", model)
            fields = type(self).model_fields
            kept = {
                name: value
                for name, value in self._state().items()
                if name in cls.model_fields
                and value != fields[name].get_default(call_default_factory=True)
            }
            fresh = cls(**{**kept, "model": model})
        except ParameterError as error:
            raise located(error, self._path or "") from None
        fresh._label(self._path)
        object.__setattr__(self, "__class__", cls)
        object.__setattr__(self, "__dict__", fresh.__dict__)

    def _hint(self, name: str) -> str:
        model = self.__dict__.get("model", "")
        selected = f" (it is {model!r})" if model else ""
        return f"Parameters of one model appear once model selects it{selected}."


class DeviceErrorParams(ModelRecord):
    """One way in which a cell errs."""

    family: ClassVar[Family] = "device"
    ideal: ClassVar[str] = "IdealDevice"

    enable: bool = False
    """Whether the error is simulated."""
    model: str = "IdealDevice"
    """Name of a device model."""
    magnitude: NonNegative = 0.0
    """Scale of the generic models: standard deviation of a normal error, whole width of a
    uniform one [1]. Models of measured devices ignore it."""


class AdcParams(ModelRecord):
    """An analog-to-digital converter."""

    family: ClassVar[Family] = "adc"
    ideal: ClassVar[str] = "IdealADC"
    symmetric: ClassVar[bool] = False
    """Whether the model needs a range that is symmetric about zero."""
    mid_rise: ClassVar[bool] = False
    """Whether codes stand for odd multiples of half a step, so that none stands for zero."""

    model: str = "IdealADC"
    """Name of an ADC model."""
    bits: Bits = 0
    """Resolution [bit]; 0 hands the current on. Ignored by IdealADC."""
    signed: bool = True
    """Whether codes have a sign; some models require it, others ignore it."""
    stochastic_rounding: bool = False
    """Round up with a probability equal to the fractional part."""
    adc_per_ibit: bool = False
    """Convert after every input slice, instead of once after analog accumulation."""
    calibrated_range: CalibratedRange = Field(default_factory=list)
    """``[low, high]``, or one such pair for each weight slice, the least significant first, in
    units of one device at full conductance and full input [1]."""
    adc_range_option: ADCRangeLimits = ADCRangeLimits.CALIBRATED
    """How the conversion range is chosen."""

    def check(self) -> None:
        super().check()
        if self.adc_range_option is ADCRangeLimits.GRANULAR and not self.adc_per_ibit:
            raise ParameterError(
                "adc_range_option is GRANULAR, which needs adc_per_ibit = True, got False."
            )
        if (
            self.converts
            and self.adc_range_option is ADCRangeLimits.CALIBRATED
            and not self.calibrated_range
        ):
            raise ParameterError(
                f"adc_range_option is CALIBRATED and calibrated_range is empty although "
                f"{self.model} has {self.bits} bits: give [low, high], or choose another option."
            )

    def doubts(self) -> Iterator[str]:
        if self.model == self.ideal and self.bits:
            yield f"bits is {self.bits}, and IdealADC ignores it."
        if (
            self.converts
            and not self.signed
            and self.adc_range_option is ADCRangeLimits.CALIBRATED
            and lowest(self.calibrated_range) < 0
        ):
            yield (
                f"signed is False, and {self.model} ignores it: it will convert negative values, "
                f"because calibrated_range is {self.calibrated_range}."
            )

    @property
    def converts(self) -> bool:
        """Whether currents are digitised at all."""
        return self.model != self.ideal and self.bits > 0


class DacParams(ModelRecord):
    """A digital-to-analog converter."""

    family: ClassVar[Family] = "dac"
    ideal: ClassVar[str] = "IdealDAC"

    model: str = "IdealDAC"
    """Name of a DAC model."""
    bits: Bits = 0
    """Resolution, with the sign bit if ``signed`` [bit]; 0 hands the input on without clipping.
    Ignored by IdealDAC."""
    input_bitslicing: bool = False
    """Feed the input digit by digit."""
    signed: bool = True
    """Whether inputs span [−1, 1] rather than [0, 1]."""
    slice_size: Annotated[Bits, Field(ge=1)] = 1
    """Magnitude bits of one input digit [bit]."""

    def check(self) -> None:
        super().check()
        if self.input_bitslicing and self.bits == 0:
            raise ParameterError("input_bitslicing is True and bits is 0: there are no digits.")
        if self.input_bitslicing and self.model == self.ideal:
            raise ParameterError(f"input_bitslicing is True, and {self.ideal} has no digits.")
        if self.model == "QuantizerDAC" and self.input_bitslicing and self.signed:
            raise ParameterError(
                "input_bitslicing and signed are True, and QuantizerDAC slices unsigned inputs "
                "only: choose SignMagnitudeDAC."
            )

    def doubts(self) -> Iterator[str]:
        if self.model == self.ideal and self.bits:
            yield f"bits is {self.bits}, and IdealDAC ignores it."

    @property
    def converts(self) -> bool:
        """Whether inputs are quantized and clipped at all."""
        return self.model != self.ideal and self.bits > 0
