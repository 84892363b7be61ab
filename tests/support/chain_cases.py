"""Random cores with inputs for both directions: every parameter of the chain at once."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from analog_settings import tree
from hypothesis import strategies as st

from crosssim_core import AnalogCore
from crosssim_core.numerics.partition import part_sizes

GENERIC = ("QuantizerADC", "SignMagnitudeADC")
CIRCUITS = ("RampADC", "SarADC", "PipelineADC", "CyclicADC")
ERRORS = tuple(
    f"{law}{size}Device"
    for law in ("Normal", "Uniform")
    for size in ("Independent", "Proportional", "InverseProportional")
)


@dataclass(frozen=True)
class ChainCase:
    """One core and one input, told so that hypothesis can print and shrink it."""

    shape: tuple[int, int]
    side: str
    batch: tuple[int, ...]
    trees: tuple[dict[str, Any], ...]
    """Settings of all arrays, or of each."""
    seed: int
    on_grid: bool
    """Whether values are multiples of 1/8, so that currents meet rounding ties."""
    complex_input: bool = field(default=False)

    @property
    def complex(self) -> bool:
        return bool(self.trees[0]["core.complex_matrix"])

    def core(self, xp: Any = np, *, literal: bool = False) -> AnalogCore:
        """The core, programmed."""
        trees = [tree(settings, simulation__literal=literal) for settings in self.trees]
        matrix = self._values(1, self.shape, complex=self.complex)
        return AnalogCore(xp.asarray(matrix), trees, seed=self.seed)

    def product(self, core: AnalogCore, xp: Any = np) -> np.ndarray:
        """Products of all vectors, which lie along the last axis: (*batch, outputs)."""
        mvm = self.side == "mvm"
        x = self._values(2, (*self.batch, self.shape[mvm]), complex=self.complex_input)
        if not mvm:
            return np.asarray(core.rmatmul(xp.asarray(x)))
        if not self.batch:
            return np.asarray(core.matmul(xp.asarray(x)))
        product = core.matmul(xp.asarray(np.ascontiguousarray(np.swapaxes(x, -1, -2))))
        return np.swapaxes(np.asarray(product), -1, -2)

    def _values(self, use: int, shape: tuple[int, ...], *, complex: bool) -> np.ndarray:
        random = np.random.default_rng((self.seed, use))

        def real() -> np.ndarray:
            x = random.uniform(-1.3, 1.3, shape)
            return np.round(8 * x) / 8 if self.on_grid else x

        return real() + 1j * real() if complex else real()


@st.composite
def chain_cases(draw: st.DrawFn) -> ChainCase:
    is_complex = draw(st.sampled_from((False, False, False, True)))
    smallest = 2 if is_complex else 1
    shape = (draw(st.integers(smallest, 4)), draw(st.integers(smallest, 5)))
    shared = draw(shared_settings()) | {
        "core.complex_matrix": is_complex,
        "core.complex_input": is_complex,
    }
    arrays = _arrays(shape, is_complex, shared)
    if arrays > 1 and draw(st.booleans()):
        two = [shared | draw(array_settings()) for _ in range(2)]
        if arrays > 2:
            # The simplified chain draws for arrays in the order of their input paths.
            two = [{k: v for k, v in one.items() if "stochastic" not in k} for one in two]
        trees = tuple(two[i % 2] for i in range(arrays))
    else:
        trees = (shared | draw(array_settings()),)
    return ChainCase(
        shape=shape,
        side=draw(st.sampled_from(("mvm", "vmm"))),
        batch=draw(st.sampled_from(((), (1,), (3,), (2, 2), (0,), (2, 1, 2)))),
        trees=trees,
        seed=draw(st.integers(0, 2**31)),
        on_grid=draw(st.booleans()),
        complex_input=is_complex and draw(st.booleans()),
    )


@st.composite
def shared_settings(draw: st.DrawFn) -> dict[str, Any]:
    """What the first of several trees decides for all arrays."""
    weights = "core.mapping.weights."
    limits = draw(
        st.sampled_from(
            (
                {"percentile": 1.0},
                {"percentile": 1.4, "clipping": False},
                {"percentile": 0.8},
                {"min": -1.0, "max": 1.0},
                {"min": -0.7, "max": 1.2},
                {"min": -2.0, "max": 0.0},
            )
        )
    )
    strategies = st.sampled_from(("EQUAL", "MAX"))
    priorities = st.lists(st.integers(1, 4), max_size=2)
    return {f"{weights}{name}": value for name, value in limits.items()} | {
        "core.rows_max": draw(st.integers(0, 4)),
        "core.cols_max": draw(st.integers(0, 3)),
        f"{weights}row_partition_strategy": draw(strategies),
        f"{weights}col_partition_strategy": draw(strategies),
        f"{weights}row_partition_priority": draw(priorities),
        f"{weights}col_partition_priority": draw(priorities),
    }


@st.composite
def array_settings(draw: st.DrawFn) -> dict[str, Any]:
    """What every array may decide for itself."""
    style = draw(st.sampled_from(("BALANCED", "OFFSET", "BITSLICED")))
    slice_style = draw(st.sampled_from(("BALANCED", "OFFSET")))
    pairs = style == "BALANCED" or (style == "BITSLICED" and slice_style == "BALANCED")
    interleaved = draw(st.booleans())
    settings = {
        "core.style": style,
        "core.weight_bits": draw(st.integers(2, 9)),
        "core.balanced.style": draw(st.sampled_from(("ONE_SIDED", "TWO_SIDED"))),
        "core.balanced.interleaved_posneg": interleaved,
        "core.balanced.subtract_current_in_xbar": (interleaved and pairs) or draw(st.booleans()),
        "core.bit_sliced.style": slice_style,
        "core.bit_sliced.num_slices": draw(st.integers(1, 5)),
        "core.offset.style": draw(st.sampled_from(("DIGITAL_OFFSET", "UNIT_COLUMN_SUBTRACTION"))),
        "xbar.device.cell_bits": draw(st.sampled_from((0, 2, 3, 6) + (1,) * (style != "OFFSET"))),
        "xbar.device.Rmax": draw(st.sampled_from((2e3, 1e4, 1e6))),
        "xbar.device.infinite_on_off_ratio": draw(st.booleans()),
        "xbar.device.clip_conductance": draw(st.booleans()),
        "xbar.array.Icol_max": draw(st.sampled_from((0.0, 0.0, 0.55, 1.0))),
    }
    if draw(st.booleans()):
        settings |= {
            "xbar.device.programming_error.enable": True,
            "xbar.device.programming_error.model": draw(st.sampled_from(ERRORS)),
            "xbar.device.programming_error.magnitude": 0.05,
        }
    settings |= draw(circuit_settings(settings))
    separate = settings.get("xbar.array.parasitics.current_from_input") is False
    sides = ("mvm", "vmm") if draw(st.booleans()) else ("mvm",)
    if len(sides) == 2:
        settings |= {f"{pair}.match": False for pair in ("xbar.dac", "xbar.adc", INPUTS)}
    for side in sides:
        inputs, dac = draw(input_settings())
        if separate:
            binary = {"input_bitslicing": True, "slice_size": 1}
            inputs, dac = {"min": -1.1, "max": 1.1}, SIGNED_DIGITS | binary
        adc = draw(adc_settings(settings, dac, inputs, pairs=pairs))
        for pair, group in ((INPUTS, inputs), ("xbar.dac", dac), ("xbar.adc", adc)):
            settings |= {f"{pair}.{side}.{name}": value for name, value in group.items()}
    return settings


INPUTS = "core.mapping.inputs"
SIGNED_DIGITS = {"model": "SignMagnitudeDAC", "bits": 3, "signed": True}


@st.composite
def circuit_settings(draw: st.DrawFn, settings: dict[str, Any]) -> dict[str, Any]:
    """Wires with resistance, and cells that saturate; often none of them."""
    chosen: dict[str, Any] = {}
    wires = "xbar.array.parasitics."
    if draw(st.booleans()):
        slices = settings["core.bit_sliced.num_slices"]
        most = slices if settings["core.style"] == "BITSLICED" else 1
        names = ("Rp_row", "Rp_col", "Rp_row_terminal", "Rp_col_terminal")
        chosen |= {
            f"{wires}{name}": draw(st.sampled_from((0.0, 0.1, 8.0, 600.0))) for name in names
        }
        chosen |= {
            f"{wires}enable": True,
            f"{wires}current_from_input": draw(st.sampled_from((True, True, False))),
            f"{wires}selected_rows": draw(st.sampled_from(("top", "bottom"))),
            f"{wires}disable_slices": draw(st.lists(st.integers(0, most - 1), max_size=1)),
        }
    if draw(st.sampled_from((False, False, False, True))):
        law = "xbar.device.nonlinear_IV."
        # Beyond 1.15 V the cell conducts less and less; inputs reach 3.3 times the full scale.
        chosen |= {f"{law}enable": True, f"{law}model": "CubicDevice", "xbar.device.Vread": 0.3}
    return chosen


@st.composite
def input_settings(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Input limits and DAC of one direction."""
    feeding = draw(st.sampled_from(("exact", "whole", "digits", "digits")))
    model = draw(st.sampled_from(("SignMagnitudeDAC", "QuantizerDAC")))
    if feeding == "exact":
        model = draw(st.sampled_from(("IdealDAC", model)))
    slices = feeding == "digits"
    signed = model == "SignMagnitudeDAC" or (not slices and draw(st.booleans()))
    if draw(st.booleans()):
        limits = {
            "percentile": draw(st.sampled_from((0.8, 1.0, 1.3))),
            "per_vector": draw(st.booleans()),
        }
    elif model == "SignMagnitudeDAC":
        limits = draw(st.sampled_from(({"min": -1.1, "max": 1.1}, {"min": -2.0, "max": 2.0})))
    elif signed:
        limits = draw(st.sampled_from(({"min": -0.7, "max": 1.1}, {"min": 0.3, "max": 1.1})))
    else:
        limits = {"min": 0.0 if slices else draw(st.sampled_from((0.0, 0.3))), "max": 1.1}
    bits = 0 if feeding == "exact" else draw(st.sampled_from((2, 3, 4, 7)))
    dac = {"model": model, "bits": bits, "signed": signed, "input_bitslicing": slices}
    return limits, dac | {"slice_size": draw(st.integers(1, 4))}


@st.composite
def adc_settings(
    draw: st.DrawFn,
    settings: dict[str, Any],
    dac: dict[str, Any],
    inputs: dict[str, Any],
    *,
    pairs: bool,
) -> dict[str, Any]:
    """ADC of one direction, with a range that its model can take."""
    sliced = settings["core.style"] == "BITSLICED"
    subtracted = pairs and settings["core.balanced.subtract_current_in_xbar"]
    bipolar = dac["signed"] or subtracted or (sliced and pairs)
    model = draw(st.sampled_from(("IdealADC", *GENERIC, *GENERIC, *CIRCUITS)))
    if model == "IdealADC":
        return {"model": model}
    adc = {
        "model": model,
        "bits": draw(st.sampled_from((0, 2, 3, 5, 8))),
        "adc_per_ibit": dac["input_bitslicing"] and draw(st.sampled_from((False, True, True))),
    }
    levels = sliced or settings["xbar.device.cell_bits"] > 0
    options = ["CALIBRATED"]
    if model != "SignMagnitudeADC" or bipolar:
        options.append("MAX")
    if adc["adc_per_ibit"] and levels:
        options += ["GRANULAR", "GRANULAR"]
    adc["adc_range_option"] = draw(st.sampled_from(options))
    symmetric = model == "SignMagnitudeADC" or draw(st.booleans())
    ranges = [
        [-top if symmetric else draw(st.sampled_from((-0.3, 0.0, 0.1))), top]
        for top in draw(st.lists(st.sampled_from((0.4, 1.0, 1.7)), min_size=5, max_size=5))
    ]
    if adc["adc_range_option"] == "CALIBRATED":
        slices = settings["core.bit_sliced.num_slices"]
        adc["calibrated_range"] = ranges[:slices] if sliced else ranges[0]
    return adc | draw(model_settings(model))


@st.composite
def model_settings(draw: st.DrawFn, model: str) -> dict[str, Any]:
    """What an ADC model has of its own."""
    if model in GENERIC:
        return {"stochastic_rounding": draw(st.sampled_from((False, False, True)))}
    own = {
        "gain_db": draw(st.sampled_from((40.0, 100.0))),
        "sigma_comparator": draw(st.sampled_from((0.0, 0.05))),
    }
    spread = draw(st.sampled_from((0.0, 0.03)))
    own |= {"sigma_capacitor": spread} if model in ("RampADC", "SarADC") else {"sigma_C1": spread}
    return own if model == "RampADC" else own | {"group_size": draw(st.integers(1, 3))}


def _arrays(shape: tuple[int, int], is_complex: bool, shared: dict[str, Any]) -> int:
    """Number of arrays that the matrix is divided over."""
    factor = 2 if is_complex else 1
    rows, cols = (
        part_sizes(factor * length, shared[f"core.{limit}"])
        for length, limit in zip(shape, ("cols_max", "rows_max"), strict=True)
    )
    return len(rows) * len(cols)
