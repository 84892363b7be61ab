"""ADCs with circuit errors against worked examples; V = 1, range ±1."""

import numpy as np
import pytest
from injection import Injected, assert_close, given

from crosssim_core.converters import AdcSite
from crosssim_core.errors import ParameterError, ShapeError
from crosssim_core.parameters import AdcParams
from crosssim_core.plugins.registry import factory
from crosssim_core.random import Stream
from crosssim_devices.converters.capacitors import asymmetric_levels, symmetric_levels
from crosssim_devices.converters.pipeline import stage_steps
from crosssim_devices.converters.sar import sar_levels

X = (-1, -0.7, -0.2, -0.05, 0, 0.3, 0.62, 0.9)
M3 = (0.10, -0.20, 0.05, 0.15)
WILD = (1.2, -0.9, -0.3, 0.15)


def built(model, noise, *, lines=1, low=-1.0, high=1.0, bits=3, gain_db=40.0, **own):
    record = AdcParams(model=model, bits=bits, gain_db=gain_db, **own)
    return factory("adc", model)(record, AdcSite(low, high, lines, noise))


def codes_of(converter, x, bits, lines=1):
    """Codes that ``converter`` gives to the currents ``x``, for each of its lines."""
    y = np.tile(np.asarray(x, dtype=float)[:, None], (1, lines))
    values = converter.convert(y, axis=-1, noise=None)
    codes = (values * 2**bits + 2**bits - 1) / 2
    np.testing.assert_allclose(codes, np.round(codes), rtol=0, atol=1e-9)
    return np.round(codes).astype(int).T.tolist()


def digits(text):
    return [int(digit) for digit in text.split(",")]


def test_ramp_with_a_symmetric_dac():
    levels = symmetric_levels(np.asarray(M3), bits=3, reference=1.0, gain=100.0)
    assert_close(
        levels,
        (-0.858234489, -0.552959213, -0.289764069, -0.141515511, 0.123762376, 0.388414914,
         0.536314000, 0.798888704),
    )  # fmt: skip
    converter = built(
        "RampADC", Injected.of((0.02, -0.03), M3), lines=2,
        sigma_comparator=1.0, sigma_capacitor=1.0,
    )  # fmt: skip
    assert codes_of(converter, X, 3, lines=2) == [
        digits("0,1,3,3,4,5,6,7"),
        digits("0,0,2,3,3,5,6,7"),
    ]
    first = (-0.725596851, -0.441361641, -0.235639790, -0.028876568, 0.236088645, 0.442364457,
             0.647601352)  # fmt: skip
    assert_close(converter.table.thresholds[0, :7], first)
    assert_close(converter.table.thresholds[1, :7], np.asarray(first) + 0.05)


def test_ramp_with_an_asymmetric_dac():
    levels = asymmetric_levels(np.asarray(M3), bits=3, reference=1.0, gain=100.0)
    assert_close(
        levels,
        (-0.866336634, -0.606987146, -0.461771645, -0.203465145, 0.096937633, 0.353807204,
         0.497635533, 0.753477025),
    )  # fmt: skip
    converter = built(
        "RampADC", Injected.of((0.02, -0.03), M3), lines=2, symmetric_cdac=False,
        sigma_comparator=1.0, sigma_capacitor=1.0,
    )  # fmt: skip
    assert codes_of(converter, X, 3, lines=2) == [
        digits("0,1,3,4,4,5,7,7"),
        digits("0,1,3,3,4,5,6,7"),
    ]


def test_ramp_whose_levels_are_out_of_order():
    converter = built("RampADC", Injected.of(0.0, WILD), gain_db=100.0, sigma_capacitor=1.0)
    assert_close(
        symmetric_levels(np.asarray(WILD), bits=3, reference=1.0, gain=1e5),
        (-0.874984332, -0.735931100, -0.088883606, -0.522050932, 0.124998750, 0.772047153,
         0.338880683, 0.985926898),
    )  # fmt: skip
    assert_close(
        converter.table.thresholds[0, :7],
        (-0.805457716, -0.628991016, -0.305467269, 0.018057572, 0.231939717, 0.555463918,
         0.878987025),
    )  # fmt: skip
    assert codes_of(converter, X, 3) == [digits("0,1,2,2,2,6,5,7")]
    between = np.sort(np.append(converter.table.thresholds[0, :7] + 1e-6, -1))
    assert codes_of(converter, between, 3) == [digits("0,1,3,2,4,6,5,7")]


def test_sar_with_one_capacitor_array():
    levels = sar_levels(np.asarray(M3), bits=3, reference=1.0, gain=100.0, split=False)
    assert_close(
        levels,
        (-0.983234489, -0.677959213, -0.414764069, -0.266515511, -0.001237624, 0.263414914,
         0.411314000, 0.673888704),
    )  # fmt: skip
    converter = built(
        "SarADC", Injected.of(M3, [[0.02], [-0.03]]), lines=3, group_size=2, split_cdac=False,
        sigma_comparator=1.0, sigma_capacitor=1.0,
    )  # fmt: skip
    assert codes_of(converter, X, 3, lines=3) == [
        digits("0,0,3,3,4,5,6,7"),
        digits("0,0,3,3,4,5,6,7"),
        digits("0,0,3,3,3,5,6,7"),
    ]
    assert_close(converter.table.thresholds[0, :7], levels[1:] - 0.02)
    assert_close(converter.table.thresholds[1, :7], levels[1:] + 0.03)


def test_sar_whose_levels_are_out_of_order():
    levels = sar_levels(np.asarray(WILD), bits=3, reference=1.0, gain=1e5, split=False)
    assert_close(
        levels[1:],
        (-0.860931100, -0.213883606, -0.647050932, -0.00000125, 0.647047153, 0.213880683,
         0.860926898),
    )  # fmt: skip
    converter = built(
        "SarADC", Injected.of(WILD, 0.0), gain_db=100.0, split_cdac=False, sigma_capacitor=1.0
    )
    assert_close(
        converter.table.thresholds[0, :7],
        (-0.860931100, -0.213883606, -0.213883606, -0.00000125, 0.213880683, 0.213880683,
         0.860926898),
    )  # fmt: skip
    assert codes_of(converter, X, 3) == [digits("0,1,3,3,4,6,6,7")]


def test_sar_with_a_split_capacitor_array():
    mismatch = (0.10, -0.20, 0.05, 0.15, -0.08)
    levels = sar_levels(np.asarray(mismatch), bits=4, reference=1.0, gain=100.0, split=True)
    assert_close(
        levels[1:],
        (-0.854745294, -0.724684616, -0.651713802, -0.521653124, -0.333710983, -0.203650304,
         -0.130679490, -0.000618812, 0.129441866, 0.202412680, 0.332473359, 0.520415500,
         0.650476178, 0.723446992, 0.853507671),
    )  # fmt: skip
    converter = built(
        "SarADC", Injected.of(mismatch, [[0.02], [-0.03]]), lines=3, bits=4, group_size=2,
        sigma_comparator=1.0, sigma_capacitor=1.0,
    )  # fmt: skip
    codes = codes_of(converter, X, 4, lines=3)
    assert codes[0] == codes[1] == digits("0,2,6,7,8,10,12,15")
    assert codes[2] == digits("0,1,5,7,7,10,12,15")


def test_sar_with_a_split_array_of_odd_bits():
    mismatch = np.asarray((0.10, -0.20, 0.05, 0.15, -0.08, 0.12))
    levels = sar_levels(mismatch, bits=5, reference=1.0, gain=1e5, split=True)
    assert_close(
        levels[[1, 8, 15, 16, 17, 24, 31]],
        (-0.939788836, -0.512285435, -0.071980339, -3.12e-7, 0.071979714, 0.512284810,
         0.939788211),
    )  # fmt: skip


PIPELINE = (
    (0.02, -0.03, 0.01, 0.04, -0.02, 0.05, -0.01),
    (0.02, -0.02, 0.01),
    (-0.01, 0.03, 0.00),
    (0.05, 0.0, -0.02),
)


def test_pipeline():
    converter = built(
        "PipelineADC", Injected.of(*PIPELINE), bits=4,
        sigma_comparator=1.0, sigma_C1=1.0, sigma_C2=1.0, sigma_Cpar=1.0,
    )  # fmt: skip
    thresholds = (
        -0.887308150, -0.759152111, -0.630996072, -0.493857192, -0.365701153, -0.357932338,
        -0.356718313, -0.266614797, -0.138458758, -0.001319879, 0.126836160, 0.134604975,
        0.135819000, 0.263975039, 0.354078555, 0.491217434, 0.619373474, 0.627142289,
        0.628356314, 0.756512353, 0.884668392,
    )  # fmt: skip
    assert_close(converter.table.thresholds[0, :21], thresholds)
    assert np.all(converter.table.thresholds[0, 21:] == np.inf)
    sequence = digits("0,1,2,3,4,5,4,5,6,7,8,9,8,9,10,11,12,13,12,13,14,15")
    assert codes_of(converter, (-1, *(t + 1e-7 for t in thresholds)), 4) == [sequence]
    assert codes_of(converter, X, 4) == [digits("0,2,6,7,8,10,13,15")]


def test_pipeline_with_finite_gain_only():
    converter = built("PipelineADC", Stream.of(0).source(), bits=4)
    half = (0.1275, 0.25, 0.3725, 0.5, 0.6275, 0.755, 0.88505)
    want = (*(-t for t in reversed(half)), 0, *half)
    assert_close(converter.table.thresholds[0, :15], want, tolerance=1e-5)
    assert codes_of(converter, X, 4) == [digits("0,2,6,7,7,10,12,15")]


def test_cyclic():
    converter = built(
        "CyclicADC", Injected.of((0.02, -0.03, 0.01), 0.02, -0.03, 0.05), bits=4,
        sigma_comparator=1.0, sigma_C1=1.0, sigma_C2=1.0, sigma_Cpar=1.0,
    )  # fmt: skip
    thresholds = (
        -0.874080599, -0.740847174, -0.619241579, -0.486008154, -0.352774730, -0.253409988,
        -0.131804393, 0.001429031, 0.134662456, 0.256268051, 0.355632793, 0.488866217,
        0.622099642, 0.743705237, 0.876938662,
    )  # fmt: skip
    assert_close(converter.table.thresholds[0, :15], thresholds)
    assert codes_of(converter, (-1, *(t + 1e-7 for t in thresholds)), 4) == [list(range(16))]
    assert codes_of(converter, X, 4) == [digits("0,2,6,7,7,10,12,15")]


EVERY = [
    ("RampADC", {}),
    ("RampADC", {"symmetric_cdac": False}),
    ("SarADC", {}),
    ("SarADC", {"split_cdac": False}),
    ("PipelineADC", {}),
    ("CyclicADC", {}),
]


@pytest.mark.parametrize(("model", "own"), EVERY)
@pytest.mark.parametrize(("bits", "low", "high"), [(8, -1.5, 1.5), (5, 0.0, 2.0), (4, -0.5, 1.5)])
def test_without_errors_all_circuits_are_the_same_converter(model, own, bits, low, high):
    converter = built(
        model, Stream.of(0).source(), bits=bits, low=low, high=high, gain_db=np.inf, **own
    )
    v = max(abs(low), abs(high))
    y = np.random.default_rng(4).uniform(low - 0.2, high + 0.2, (2000, 1))
    code = np.ceil(np.clip(y, low, high) * 2 ** (bits - 1) / v) - 1 + 2 ** (bits - 1)
    code = np.clip(code, 0, 2**bits - 1)
    assert_close(
        converter.convert(y, axis=-1, noise=None),
        v * (2 * code - 2**bits + 1) / 2**bits,
        tolerance=1e-12,
    )


def test_a_range_of_one_sign_uses_half_of_the_codes():
    converter = built("SarADC", Stream.of(0).source(), bits=8, low=0.0, gain_db=100.0)
    got = np.unique(converter.convert(np.linspace(-1, 2, 9000)[:, None], axis=-1, noise=None))
    assert got.size == 128
    assert got[[0, -1]].tolist() == [0.00390625, 0.99609375]


@pytest.mark.parametrize(("model", "own"), EVERY)
def test_zero_bits_pass_everything(model, own):
    x = np.asarray([[-9.0], [0.3]])
    assert built(model, None, bits=0, **own).convert(x, axis=-1, noise=None) is x


@pytest.mark.parametrize(
    ("model", "own", "said"),
    [
        ("SarADC", {"bits": 1}, "split CDAC"),
        ("RampADC", {"bits": 17}, "16 bits"),
        ("RampADC", {"low": 1.0, "high": 0.5}, "lower limit"),
        ("PipelineADC", {"group_size": 0}, "group_size"),
        ("SarADC", {"sigma_capacitor": -0.1}, "sigma_capacitor"),
        ("SarADC", {"gain_db": float("nan")}, "gain_db"),
    ],
)
def test_what_cannot_be_built_is_refused(model, own, said):
    with pytest.raises(ParameterError, match=said):
        built(model, Stream.of(0).source(), **own)


def test_one_bit_is_enough_for_the_others():
    for model, own in (("SarADC", {"split_cdac": False}), ("RampADC", {}), ("PipelineADC", {}),
                       ("CyclicADC", {})):  # fmt: skip
        converter = built(model, Stream.of(0).source(), bits=1, gain_db=np.inf, **own)
        assert codes_of(converter, (-0.7, -0.2, 0.2, 0.7), 1) == [[0, 0, 1, 1]]


def test_currents_of_another_number_of_lines_are_refused():
    converter = built("RampADC", Stream.of(0).source(), lines=4)
    with pytest.raises(ShapeError, match=r"4 lines and got 3 along axis -1.*\(7, 3\)"):
        converter.convert(np.zeros((7, 3)), axis=-1, noise=None)


def test_parameters_of_a_model_appear_when_it_is_chosen_and_common_ones_are_kept():
    record = AdcParams(bits=6, calibrated_range=[-2.0, 2.0])
    for model in ("RampADC", "SarADC", "PipelineADC", "CyclicADC", "SarADC", "QuantizerADC"):
        record.model = model
        assert (record.bits, record.calibrated_range) == (6, [-2.0, 2.0])
        record.validate()
    record.model = "SarADC"
    record.sigma_capacitor = 0.2
    record.model = "RampADC"
    assert record.sigma_capacitor == 0.2
    assert not hasattr(record, "split_cdac")


def test_tables_move_to_every_library(xp):
    own = {"sigma_comparator": 0.05, "sigma_capacitor": 0.1}
    y = np.random.default_rng(0).uniform(-1.2, 1.2, (2, 5, 3))
    host = built("SarADC", Stream.of(9).source(), lines=5, bits=5, group_size=2, **own)
    want = host.convert(y, axis=1, noise=None)
    got = built("SarADC", Stream.of(9).source(), lines=5, bits=5, group_size=2, **own).convert(
        given(xp, y), axis=1, noise=None
    )
    assert_close(got, want, tolerance=0, dtype="float64")


def test_crossed_comparators_are_followed_like_any_others():
    steps = stage_steps(
        offsets=np.asarray((-0.4, 0.4, 0.0)), ratio=np.ones(1), gain_error=np.ones(1),
        reference=1.0, limits=(-1.0, 1.0),
    )  # fmt: skip
    x = np.linspace(-1, 1, 2001)
    code = steps.codes[np.searchsorted(steps.thresholds, x)]
    above, below = x > -0.15, x <= 0.15
    residue = 2 * x + (below.astype(int) - above.astype(int))
    want = 2 * above + (~above & ~below) + (residue > 0)
    assert np.count_nonzero(code != want) <= 2
