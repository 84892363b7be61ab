"""The flat options of inference scripts, as a parameter tree."""

from typing import Any, Literal

from pydantic import Field

from crosssim_core.errors import ParameterError
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.enums import (
    ADCRangeLimits,
    BalancedCoreStyle,
    BitSlicedCoreStyle,
    CoreStyle,
    OffsetCoreStyle,
    SelectedRows,
)
from crosssim_core.parameters.plain import AtLeastOne, Count, NonNegative, Positive
from crosssim_core.parameters.ranges import CalibratedRange, lowest
from crosssim_core.parameters.tree import CrossSimParameters

ADC_MODELS = {
    "ramp": "RampADC",
    "sar": "SarADC",
    "pipeline": "PipelineADC",
    "cyclic": "CyclicADC",
}
"""Circuit ADCs by the names of ``adc_type``."""

UNLIMITED = 1e10
"""Input limits where inputs are not quantized, in user units."""


class InferenceOptions(Params):
    """Options of one layer, by the names and with the defaults of CrossSim's inference scripts."""

    ideal: bool = False
    """Leave everything at its default but how the simulator works."""
    core_style: Literal["BALANCED", "OFFSET"] = "BALANCED"
    """How signed weights are held, by whole arrays or by slices."""
    Nslices: AtLeastOne = 1
    """Weight slices; above 1 the core is BITSLICED."""
    weight_bits: Count = 0
    """Bits of a weight with its sign [bit]; 0 is continuous."""
    weight_percentile: Positive = 100.0
    """Limit of the weights, see ``core.mapping.weights.percentile`` [%]."""
    digital_bias: bool = False
    """Whether biases are added digitally, rather than by array rows that are driven by 1."""
    digital_offset: bool = True
    """Whether an offset is subtracted digitally, rather than by a unit column."""
    balanced_style: BalancedCoreStyle = BalancedCoreStyle.ONE_SIDED
    subtract_current_in_xbar: bool = True
    interleaved_posneg: bool = False
    Rmin: Positive = 1000.0
    Rmax: Positive = 10000.0
    Vread: Positive = 0.1
    infinite_on_off_ratio: bool = True
    error_model: str = "none"
    """Programming error: ``"none"``, ``"generic"`` or the name of a device model."""
    alpha_error: NonNegative = 0.0
    """Size of a generic one [1]."""
    proportional_error: bool = False
    """Whether a generic one is proportional to the conductance."""
    noise_model: str = "none"
    """Read noise, likewise."""
    alpha_noise: NonNegative = 0.0
    proportional_noise: bool = False
    drift_model: str | None = None
    """Name of a device model; None or ``"none"`` for no drift."""
    t_drift: NonNegative = 0.0
    """Time since programming, in the unit of the drift model."""
    Rp_row: NonNegative = 0.0
    Rp_col: NonNegative = 0.0
    Rp_row_terminal: NonNegative = 0.0
    Rp_col_terminal: NonNegative = 0.0
    current_from_input: bool = True
    selected_rows: SelectedRows = SelectedRows.TOP
    NrowsMax: Count | None = None
    NcolsMax: Count | None = None
    Icol_max: NonNegative = 0.0
    input_bits: Count = 8
    """Resolution of the DAC [bit]; 0 for an ideal one."""
    input_range: list[float] = Field(default=[0.0, 1.0])
    """Input limits, in user units."""
    positiveInputsOnly: bool = False
    """Whether the DAC is unsigned, on ``input_range``; else it is symmetric about 0."""
    input_bitslicing: bool = False
    input_slice_size: AtLeastOne = 1
    adc_bits: Count = 8
    """Resolution of the ADC [bit]; 0 for an ideal one."""
    adc_range: CalibratedRange = Field(default=[0.0, 1.0])
    """One range, or one for each slice, see ``xbar.adc.mvm.calibrated_range``."""
    adc_range_option: ADCRangeLimits = ADCRangeLimits.CALIBRATED
    adc_type: Literal["generic", "ramp", "sar", "pipeline", "cyclic"] = "generic"
    adc_per_ibit: bool = False
    x_par: AtLeastOne = 1
    y_par: AtLeastOne = 1
    useGPU: bool = False
    gpu_id: Count = 0
    profile_xbar_inputs: bool = False
    profile_adc_inputs: bool = False
    ntest: Count = 1

    def check(self) -> None:
        if len(self.input_range) != 2 or not self.input_range[0] < self.input_range[1]:
            raise ParameterError(f"must be [low, high], got {self.input_range}.", "input_range")
        if self.core_style == "BALANCED" and self.Nslices == 1 and self.weight_bits == 1:
            raise ParameterError(
                "is 1, and a balanced core needs a bit beside the sign: give 2 at least, or 0 for "
                "continuous cells.",
                "weight_bits",
            )

    @property
    def sliced(self) -> bool:
        """Whether weights are spread over slices."""
        return self.Nslices > 1

    @property
    def cell_bits(self) -> int:
        """Bits of one cell [bit]; 0 is continuous."""
        bits, sign = self.weight_bits, int(self.core_style == "BALANCED")
        if not self.sliced:
            return max(bits - sign, 0)
        return (
            bits // self.Nslices if bits % self.Nslices == 0 else -(-(bits - sign) // self.Nslices)
        )

    def tree(self) -> CrossSimParameters:
        """The parameter tree that the options stand for.

        Raises:
            ParameterError: Options contradict each other.
        """
        self.validate()
        params = CrossSimParameters()
        params.simulation.update(self._simulation())
        if not self.ideal:
            params.core.update(self._core())
            params.xbar.device.update(self._device())
            params.xbar.array.update(self._array())
            self._set_inputs(params)
            self._set_adc(params)
        return params

    def _simulation(self) -> dict[str, Any]:
        analytics = ("profile_xbar_inputs", "profile_adc_inputs", "ntest")
        return {
            "useGPU": self.useGPU,
            "gpu_id": self.gpu_id,
            "convolution.x_par": self.x_par,
            "convolution.y_par": self.y_par,
            **{f"analytics.{name}": getattr(self, name) for name in analytics},
            "Niters_max_parasitics": 100,
            "Verr_th_mvm": 2e-4,
            "relaxation_gamma": 0.9,
            "Verr_matmul_criterion": "max_mean",
        }

    def _core(self) -> dict[str, Any]:
        digital, unit = OffsetCoreStyle.DIGITAL_OFFSET, OffsetCoreStyle.UNIT_COLUMN_SUBTRACTION
        return {
            "style": CoreStyle.BITSLICED if self.sliced else CoreStyle[self.core_style],
            "weight_bits": self.weight_bits,
            "rows_max": self.NrowsMax or 0,
            "cols_max": self.NcolsMax or 0,
            "balanced.style": self.balanced_style,
            "balanced.subtract_current_in_xbar": self.subtract_current_in_xbar,
            "balanced.interleaved_posneg": self.interleaved_posneg,
            "bit_sliced.style": BitSlicedCoreStyle[self.core_style],
            "bit_sliced.num_slices": max(self.Nslices, 1),
            "offset.style": digital if self.digital_offset else unit,
            "mapping.weights.percentile": self.weight_percentile / 100.0,
        }

    def _device(self) -> dict[str, Any]:
        names = ("Rmin", "Rmax", "Vread", "infinite_on_off_ratio", "cell_bits")
        drift = self.drift_model if self.drift_model not in (None, "none") else None
        return {
            **{name: getattr(self, name) for name in names},
            "time": self.t_drift,
            **self._error("programming_error", "error"),
            **self._error("read_noise", "noise"),
            **({"drift_error.enable": True, "drift_error.model": drift} if drift else {}),
        }

    def _array(self) -> dict[str, Any]:
        wires = ("Rp_row", "Rp_col", "Rp_row_terminal", "Rp_col_terminal")
        resistances = {f"parasitics.{name}": getattr(self, name) for name in wires}
        return {
            "Icol_max": self.Icol_max,
            "parasitics.enable": any(r > 0 for r in resistances.values()),
            **resistances,
            "parasitics.current_from_input": self.current_from_input,
            "parasitics.selected_rows": self.selected_rows,
        }

    def _set_inputs(self, params: CrossSimParameters) -> None:
        limits, dac = params.core.mapping.inputs.mvm, params.xbar.dac.mvm
        dac.signed = not self.positiveInputsOnly
        if self.input_bits == 0:
            limits.update({"min": -UNLIMITED, "max": UNLIMITED})
            return
        low, high = self.input_range
        if not self.digital_bias:
            high = max(high, 1.0)
        if not self.positiveInputsOnly:
            high = max(abs(low), abs(high))
            low = -high
        limits.update({"min": low, "max": high})
        dac.model = "QuantizerDAC" if self.positiveInputsOnly else "SignMagnitudeDAC"
        dac.bits = self.input_bits
        dac.update({"input_bitslicing": self.input_bitslicing, "slice_size": self.input_slice_size})

    def _set_adc(self, params: CrossSimParameters) -> None:
        adc = params.xbar.adc.mvm
        adc.adc_range_option = self.adc_range_option
        adc.adc_per_ibit = self.adc_per_ibit
        if self.adc_bits == 0:
            return
        calibrated = self.adc_range_option is ADCRangeLimits.CALIBRATED
        if not self.adc_range and calibrated:
            raise ParameterError("is empty, and adc_range_option is CALIBRATED.", "adc_range")
        inputs_signed = not self.positiveInputsOnly
        signed = lowest(self.adc_range) < 0 if calibrated else self._bipolar(inputs_signed)
        given: Any = self.adc_range
        symmetric = signed
        if calibrated and not self.sliced and not isinstance(given[0], list):
            low, high = given
            symmetric = abs(low + high) / 2 / (high - low) < 2.0**-self.adc_bits
            if symmetric:
                high = max(abs(low), abs(high))
                given = [-high, high]
        generic = "SignMagnitudeADC" if symmetric else "QuantizerADC"
        adc.model = ADC_MODELS.get(self.adc_type, generic)
        adc.update({"bits": self.adc_bits, "signed": signed})
        if calibrated:
            adc.calibrated_range = given

    def _error(self, slot: str, kind: str) -> dict[str, Any]:
        """Settings of a device error from the options of one kind."""
        model, size = getattr(self, f"{kind}_model"), getattr(self, f"alpha_{kind}")
        if model == "none" or (model == "generic" and size == 0):
            return {}
        settings = {f"{slot}.enable": True, f"{slot}.model": model}
        if model == "generic":
            law = "Proportional" if getattr(self, f"proportional_{kind}") else "Independent"
            settings |= {f"{slot}.model": f"Normal{law}Device", f"{slot}.magnitude": size}
        return settings

    def _bipolar(self, inputs_signed: bool) -> bool:
        return self.core_style == "BALANCED" or inputs_signed


def dnn_inference_params(**options: Any) -> CrossSimParameters:
    """The parameter tree of one layer from flat options, those of `InferenceOptions`.

    Raises:
        ParameterError: An option is not known, has a bad value, or contradicts another one.

    Example:
        >>> params = dnn_inference_params(weight_bits=8, Nslices=2, NrowsMax=1152)
        >>> params.core.style.name, params.xbar.device.cell_bits
        ('BITSLICED', 4)

    Source: the helper of the same name in CrossSim's applications.
    """
    return InferenceOptions(**options).tree()
