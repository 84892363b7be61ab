"""Read noise of both chains against the moments that its equations give.

Every statistical test draws with fixed seeds. A mean of N samples is accepted within 6 standard
errors (a false alarm in 5e8), a variance of N samples within ``6 √(2/N)`` of its value, which
N ≥ 20,000 samples exceed less often than once in 1e6 where outputs are normal.
"""

import numpy as np
import pytest

from crosssim_core import AnalogCore, CrossSimParameters

A = np.random.default_rng(1).uniform(-1, 1, (3, 8))
X = np.random.default_rng(2).uniform(-1, 1, 8)
VECTORS = 20_000


def tree(values, *, literal):
    params = CrossSimParameters()
    params.update(
        {
            "simulation.literal": literal,
            "xbar.device.read_noise": {
                "enable": True,
                "model": "NormalProportionalDevice",
                "magnitude": 0.05,
            },
        }
        | values
    )
    return params


def products(values, *, literal, x=X, vectors=VECTORS, a=A):
    core = AnalogCore(a, tree(values, literal=literal), seed=7)
    return core @ np.repeat(x[:, None], vectors, axis=1)


def assert_moments(y, mean, variance):
    n = y.shape[1]
    np.testing.assert_array_less(np.abs(y.mean(1) - mean), 6 * np.sqrt(variance / n) + 1e-12)
    np.testing.assert_array_less(np.abs(y.var(1) / variance - 1), 6 * np.sqrt(2 / n))


@pytest.mark.parametrize("literal", [False, True])
def test_the_variance_is_that_of_independent_cells(literal):
    limit = np.abs(A).max()
    plus, minus = 0.1 + 0.9 * np.clip(A / limit, 0, 1), 0.1 + 0.9 * np.clip(-A / limit, 0, 1)
    variance = (0.05 * limit / 0.9) ** 2 * (plus**2 + minus**2) @ X**2
    y = products({}, literal=literal)
    assert_moments(y, A @ X, variance)
    correlation = np.corrcoef(y)[np.triu_indices(3, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(VECTORS)


@pytest.mark.parametrize("literal", [False, True])
def test_every_digit_sees_fresh_noise(literal):
    values = {
        "xbar.dac.mvm": {
            "model": "SignMagnitudeDAC",
            "bits": 4,
            "input_bitslicing": True,
            "slice_size": 1,
        },
        "xbar.device.read_noise": {
            "enable": True,
            "model": "NormalIndependentDevice",
            "magnitude": 0.001,
        },
        "core.mapping.weights": {"percentile": None, "min": -2.0, "max": 2.0},
        "core.balanced.style": "TWO_SIDED",
    }
    y = products(values, literal=literal, x=np.eye(8)[0])
    variance = np.full(3, (2 * 0.001 / 0.9) ** 2 * 2 * 21 / 49)
    assert_moments(y, A[:, 0], variance)


SETTINGS = {
    "clipped at zero": {
        "xbar.device.infinite_on_off_ratio": True,
        "xbar.device.read_noise": {
            "enable": True,
            "model": "NormalIndependentDevice",
            "magnitude": 0.1,
        },
    },
    "clipped to the range": {
        "xbar.device.clip_conductance": True,
        "xbar.device.read_noise.magnitude": 0.2,
    },
    "uniform": {"xbar.device.read_noise.model": "UniformProportionalDevice"},
    "uniform and clipped": {
        "xbar.device.infinite_on_off_ratio": True,
        "xbar.device.read_noise.model": "UniformIndependentDevice",
    },
    "offset": {"core.style": "OFFSET", "xbar.device.cell_bits": 4},
    "unit line": {"core.style": "OFFSET", "core.offset.style": "UNIT_COLUMN_SUBTRACTION"},
    "slices": {"core.style": "BITSLICED", "core.weight_bits": 6, "core.bit_sliced.num_slices": 3},
    "offset slices": {
        "core.style": "BITSLICED",
        "core.weight_bits": 6,
        "core.bit_sliced.style": "OFFSET",
    },
    "partitions": {"core.rows_max": 3, "core.cols_max": 2},
    "separate conversion": {
        "core.balanced.subtract_current_in_xbar": False,
        "xbar.adc.mvm": {"model": "QuantizerADC", "bits": 10, "calibrated_range": [-9, 9]},
    },
    "saturation": {"xbar.array.Icol_max": 1.0},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_simplified_chain_has_the_moments_of_the_literal_one(name):
    """The literal chain's own scatter doubles the variance of the differences."""
    literal, simplified = (products(SETTINGS[name], literal=literal) for literal in (True, False))
    variance = literal.var(1) + 1e-12
    distance = np.abs(simplified.mean(1) - literal.mean(1))
    np.testing.assert_array_less(distance, 6 * np.sqrt(2 * variance / VECTORS))
    ratio = np.abs(simplified.var(1) / variance - 1)
    np.testing.assert_array_less(ratio, 6 * np.sqrt(4 / VECTORS))


@pytest.mark.parametrize("literal", [False, True])
def test_reads_differ_and_a_seed_repeats_them(literal):
    first, second = (AnalogCore(A, tree({}, literal=literal), seed=3) for _ in range(2))
    reads = [first @ X, first @ X]
    assert (reads[0] != reads[1]).all()
    np.testing.assert_array_equal([second @ X, second @ X], reads)
    np.testing.assert_allclose(first.get_matrix(), A, rtol=1e-14)


def test_b03_batches_from_the_left_have_noise_per_vector():
    core = AnalogCore(A, tree({"xbar.device.read_noise.magnitude": 1e-9}, literal=False), seed=1)
    batch = np.random.default_rng(5).uniform(-1, 1, (4, 3))
    np.testing.assert_allclose(batch @ core, batch @ A, atol=1e-7)
    assert len({*np.round((np.ones((50, 3)) @ core)[:, 0], 15)}) == 50


def test_several_batch_axes_are_read_at_once(xp):
    core = AnalogCore(xp.asarray(A.copy()), tree({}, literal=False), seed=1)
    assert tuple((core @ xp.asarray(np.ones((2, 5, 8, 3)))).shape) == (2, 5, 3, 3)
