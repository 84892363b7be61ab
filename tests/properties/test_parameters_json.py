"""Any valid tree survives dictionaries, JSON files, copies and pickling."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import vendor_installed

from crosssim_core.errors import ParameterError
from crosssim_core.parameters import (
    ADCRangeLimits,
    BalancedCoreStyle,
    BitSlicedCoreStyle,
    CoreStyle,
    CrossSimParameters,
    MatmulCriterion,
    OffsetCoreStyle,
    OutputDType,
    PartitionStrategy,
    SelectedRows,
)

BITS = st.integers(0, 16)
SIZES = st.integers(0, 2000)
COUNTS = st.integers(1, 64)
FACTORS = st.floats(1e-12, 1e12)
LIMITS = st.floats(1e-3, 1e3)
DIVISORS = st.lists(COUNTS, max_size=3)


@pytest.fixture(scope="module", autouse=True)
def _vendor():
    with vendor_installed():
        yield


def some_of(**fields):
    """Dictionaries of any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def weight_mappings(draw):
    fields = draw(
        some_of(
            clipping=st.booleans(),
            row_partition_priority=DIVISORS,
            col_partition_priority=DIVISORS,
            row_partition_strategy=st.sampled_from(PartitionStrategy),
            col_partition_strategy=st.sampled_from(PartitionStrategy),
        )
    )
    if draw(st.booleans()):
        limit = draw(LIMITS)
        return {**fields, "min": -limit, "max": limit}
    return {**fields, "percentile": draw(st.floats(1e-3, 3))}


@st.composite
def input_mappings(draw):
    if draw(st.booleans()):
        return {"percentile": draw(st.floats(1e-3, 3))}
    low = draw(LIMITS)
    return {"min": -low, "max": draw(LIMITS)}


@st.composite
def dacs(draw, sliced):
    """DAC records; ``sliced`` asks for binary input slices."""
    if sliced:
        bits = draw(st.integers(1, 16))
        return {"model": "acme.dac", "bits": bits, "input_bitslicing": True}
    return draw(
        some_of(
            model=st.sampled_from(["IdealDAC", "acme.dac"]),
            bits=BITS,
            signed=st.booleans(),
            slice_size=st.integers(1, 4),
        )
    )


@st.composite
def adcs(draw, sliced, slices):
    """ADC records; ``slices`` is the number of weight slices, or None without slicing."""
    own = draw(
        st.sampled_from(
            [
                {"model": "IdealADC"},
                {"model": "acme.plain"},
                {"model": "acme.ramp", "gain_db": 60.0},
                {"model": "acme.sar", "group_size": 4, "split_cdac": False},
                {"model": "acme.cyclic", "sigma_C1": 0.1},
            ]
        )
    )
    option = draw(st.sampled_from(ADCRangeLimits if sliced else list(ADCRangeLimits)[:2]))
    low = draw(LIMITS)
    pair = [-low, draw(LIMITS)]
    common = draw(some_of(bits=BITS, signed=st.booleans(), stochastic_rounding=st.booleans()))
    return {
        **own,
        **common,
        "calibrated_range": [pair] * slices if slices else pair,
        "adc_range_option": option,
        "adc_per_ibit": option is ADCRangeLimits.GRANULAR or (sliced and draw(st.booleans())),
    }


def pairs(draw, sides):
    """Matched or unmatched pairs of a strategy of records."""
    if draw(st.booleans()):
        return {"mvm": draw(sides)}
    return {"match": False, "mvm": draw(sides), "vmm": draw(sides)}


@st.composite
def trees(draw):
    """Valid trees of any style."""
    style = draw(st.sampled_from(CoreStyle))
    slices = draw(st.integers(1, 4))
    sliced = draw(st.booleans())
    interleaved = draw(st.booleans())
    rmin = draw(st.floats(1, 1e6))
    errors = some_of(
        enable=st.booleans(),
        model=st.sampled_from(["IdealDevice", "acme.cell"]),
        magnitude=st.floats(0, 1),
    )
    resistance = st.floats(0, 100)
    core = {
        "style": style,
        "weight_bits": draw(st.integers(2, 16)),
        **draw(
            some_of(
                rows_max=SIZES,
                cols_max=SIZES,
                complex_matrix=st.booleans(),
                complex_input=st.booleans(),
                output_dtype=st.sampled_from(OutputDType),
                offset=some_of(style=st.sampled_from(OffsetCoreStyle)),
            )
        ),
        "balanced": {
            "style": draw(st.sampled_from(BalancedCoreStyle)),
            "interleaved_posneg": interleaved,
            "subtract_current_in_xbar": interleaved or draw(st.booleans()),
        },
        "bit_sliced": {"style": draw(st.sampled_from(BitSlicedCoreStyle)), "num_slices": slices},
        "mapping": {
            "weights": draw(weight_mappings()),
            "inputs": pairs(draw, input_mappings()),
        },
    }
    simulation = draw(
        some_of(
            useGPU=st.booleans(),
            gpu_id=st.integers(0, 3),
            Niters_max_parasitics=COUNTS,
            Verr_th_mvm=FACTORS,
            Verr_matmul_criterion=st.sampled_from(MatmulCriterion),
            relaxation_gamma=FACTORS,
            disable_fast_matmul=st.booleans(),
            hide_convergence_msg=st.booleans(),
            literal=st.booleans(),
            convolution=some_of(is_conv_core=st.booleans(), x_par=COUNTS, Nwindows=COUNTS),
            analytics=some_of(profile_adc_inputs=st.booleans(), ntest=SIZES),
        )
    )
    device = {
        "cell_bits": draw(st.integers(2, 8)),
        "Rmin": rmin,
        "Rmax": rmin * draw(st.floats(1.001, 1e9)),
        **draw(
            some_of(
                Vread=FACTORS,
                time=st.floats(0, 1e6),
                infinite_on_off_ratio=st.booleans(),
                clip_conductance=st.booleans(),
                read_noise=errors,
                programming_error=errors,
                drift_error=errors,
                nonlinear_IV=errors,
            )
        ),
    }
    array = {
        "Icol_max": draw(resistance),
        "parasitics": {
            "current_from_input": not sliced or draw(st.booleans()),
            **draw(
                some_of(
                    enable=st.booleans(),
                    Rp_row=resistance,
                    Rp_col=resistance,
                    Rp_row_terminal=resistance,
                    Rp_col_terminal=resistance,
                    selected_rows=st.sampled_from(SelectedRows),
                )
            ),
        },
    }
    xbar = {
        "device": device,
        "array": array,
        "adc": pairs(draw, adcs(sliced, slices if style is CoreStyle.BITSLICED else None)),
        "dac": pairs(draw, dacs(sliced)),
    }
    return CrossSimParameters(core=core, simulation=simulation, xbar=xbar)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trees")


@pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")
@given(tree=trees())
def test_every_valid_tree_survives_a_json_file(folder, tree):
    tree.validate()
    tree.to_json(folder / "tree.json")
    again = CrossSimParameters.from_json(folder / "tree.json")
    assert again == tree
    assert again.to_dict() == tree.to_dict()
    assert again.xbar.adc.match == tree.xbar.adc.match
    assert json.loads(json.dumps(tree.to_dict(), allow_nan=False)) == tree.to_dict()


@given(tree=trees())
def test_copies_and_pickles_are_equal_and_independent(tree):
    for twin in (tree.copy(), pickle.loads(pickle.dumps(tree))):
        assert twin == tree
        assert twin.xbar.dac.match == tree.xbar.dac.match
        twin.core.rows_max += 1
        twin.xbar.adc.mvm.bits += 1
        assert twin.core != tree.core
        assert twin.xbar.adc != tree.xbar.adc


@given(tree=trees(), other=trees())
def test_a_bulk_update_to_the_groups_of_another_tree_makes_it_equal(tree, other):
    tree.update({"core": other.core, "simulation": other.simulation, "xbar": other.xbar})
    assert tree == other
    assert tree.xbar is not other.xbar


@given(
    tree=trees(),
    path=st.sampled_from(
        ["core.rows_max", "xbar.adc.mvm.bits", "xbar.dac.vmm.bits", "simulation.convolution.x_par"]
    ),
    value=st.one_of(
        st.integers(max_value=-1), st.booleans(), st.floats(), st.text(), st.none(), st.just([1])
    ),
)
def test_a_bulk_update_that_fails_changes_nothing(tree, path, value):
    before = tree.copy()
    with pytest.raises(ParameterError) as caught:
        tree.update({"xbar.device.Rmin": 1.5, "core.style": "OFFSET", path: value})
    assert str(caught.value).replace("vmm", "mvm").startswith(f"{path.replace('vmm', 'mvm')}: ")
    assert tree == before


@given(name=st.text(min_size=1).filter(lambda name: not name.startswith("_")), value=st.integers())
def test_no_made_up_name_is_ever_accepted(name, value):
    tree = CrossSimParameters()
    for group in (tree.core, tree.xbar.adc, tree.xbar.device.read_noise):
        if name in type(group).model_fields or name == "match":
            continue
        with pytest.raises(ParameterError):
            type(group)(**{name: value})
        with pytest.raises(ParameterError):
            setattr(group, name, value)
    assert tree == CrossSimParameters()
