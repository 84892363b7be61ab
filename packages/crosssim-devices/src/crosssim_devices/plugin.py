"""What this package brings, told without importing it."""

from crosssim_core.plugins import ModelEntry, hookimpl

CROSSSIM_INTERFACE = 1

_CELLS = "crosssim_devices.cells"
_CONVERTERS = "crosssim_devices.converters"


@hookimpl
def crosssim_device_models() -> list[ModelEntry]:
    """Errors without a technology, devices of the literature, faults, time, measurements."""
    generic = (
        "NormalIndependentDevice",
        "NormalProportionalDevice",
        "NormalInverseProportionalDevice",
        "UniformIndependentDevice",
        "UniformProportionalDevice",
        "UniformInverseProportionalDevice",
    )
    return [
        *(ModelEntry(name, f"{_CELLS}.generic:{name}") for name in generic),
        ModelEntry("SONOS", f"{_CELLS}.sonos:Sonos"),
        ModelEntry("PCMJoshi", f"{_CELLS}.pcm_joshi:PcmJoshi"),
        ModelEntry(
            "RRAMMilo", f"{_CELLS}.rram_milo:RramMilo", f"{_CELLS}.rram_milo:RramMiloParams"
        ),
        ModelEntry("RRAMWan", f"{_CELLS}.rram_wan:RramWan"),
        ModelEntry("CubicDevice", f"{_CELLS}.cubic:CubicDevice"),
        ModelEntry(
            "CellVariation",
            f"{_CELLS}.variation:CellVariation",
            f"{_CELLS}.variation:CellVariationParams",
        ),
        ModelEntry(
            "PowerLawDrift",
            f"{_CELLS}.power_law_drift:PowerLawDrift",
            f"{_CELLS}.power_law_drift:PowerLawDriftParams",
        ),
        ModelEntry(
            "ThermalConductance",
            f"{_CELLS}.thermal:ThermalConductance",
            f"{_CELLS}.thermal:ThermalConductanceParams",
        ),
        ModelEntry(
            "StuckCells", f"{_CELLS}.faults:StuckCells", f"{_CELLS}.faults:StuckCellsParams"
        ),
        ModelEntry("DeadLines", f"{_CELLS}.faults:DeadLines", f"{_CELLS}.faults:DeadLinesParams"),
        ModelEntry("Chain", f"{_CELLS}.chain:chain", f"{_CELLS}.chain:ChainParams"),
        ModelEntry(
            "MeasuredDevice",
            "crosssim_devices.measured.device:MeasuredDevice",
            "crosssim_devices.measured.device:MeasuredDeviceParams",
        ),
    ]


@hookimpl
def crosssim_adc_models() -> list[ModelEntry]:
    """Two plain quantisers, and four converters with the errors of their circuits."""
    records = f"{_CONVERTERS}.params"
    return [
        ModelEntry("QuantizerADC", f"{_CONVERTERS}.quantizer:QuantizerAdc"),
        ModelEntry(
            "SignMagnitudeADC",
            f"{_CONVERTERS}.sign_magnitude:SignMagnitudeAdc",
            f"{records}:SignMagnitudeAdcParams",
        ),
        ModelEntry("RampADC", f"{_CONVERTERS}.ramp:RampAdc", f"{records}:RampAdcParams"),
        ModelEntry("SarADC", f"{_CONVERTERS}.sar:SarAdc", f"{records}:SarAdcParams"),
        ModelEntry(
            "PipelineADC", f"{_CONVERTERS}.pipeline:PipelineAdc", f"{records}:PipelineAdcParams"
        ),
        ModelEntry(
            "CyclicADC", f"{_CONVERTERS}.pipeline:CyclicAdc", f"{records}:PipelineAdcParams"
        ),
    ]


@hookimpl
def crosssim_dac_models() -> list[ModelEntry]:
    """Two plain quantisers."""
    return [
        ModelEntry("QuantizerDAC", f"{_CONVERTERS}.quantizer:QuantizerDac"),
        ModelEntry(
            "SignMagnitudeDAC",
            f"{_CONVERTERS}.sign_magnitude:SignMagnitudeDac",
            f"{_CONVERTERS}.params:SignMagnitudeDacParams",
        ),
    ]
