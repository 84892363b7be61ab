"""The six error models without a technology."""

import numpy as np
import pytest
from injection import Injected, assert_close, given
from moments import clipped_normal, clipped_uniform

from crosssim_core._array import as_host
from crosssim_core.devices import Cell, ConductsNonlinearly, DriftsCells, ProgramsCells, ReadsCells
from crosssim_core.devices.interface import DeclaresReadMoments
from crosssim_core.parameters import DeviceErrorParams
from crosssim_core.plugins.registry import factory
from crosssim_core.random import Stream

CELL = Cell(Rmin=1000.0, Rmax=10000.0)

INJECTED = {
    "NormalIndependentDevice": (0.08, (0.18, 0.34, 1.04)),
    "NormalProportionalDevice": (0.08, (0.108, 0.42, 1.04)),
    "NormalInverseProportionalDevice": (0.02, (0.3, 0.42, 1.01)),
    "UniformIndependentDevice": (0.3, (0.025, 0.62, 1.0)),
    "UniformProportionalDevice": (0.3, (0.0925, 0.56, 1.0)),
    "UniformInverseProportionalDevice": (0.02, (0.05, 0.516, 1.0)),
}

DEVIATES = {"Normal": (1.0, -2.0, 0.5), "Uniform": (0.25, 0.9, 0.5)}


def model_of(name, magnitude):
    record = DeviceErrorParams(enable=True, model=name, magnitude=magnitude)
    return factory("device", name)(record, CELL)


@pytest.mark.parametrize("name", INJECTED)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize("role", ["program", "read"])
def test_given_deviates_lead_to_known_conductances(xp, name, dtype, tolerance, role):
    magnitude, want = INJECTED[name]
    g = given(xp, (0.1, 0.5, 1.0), dtype)
    noise = Injected.of(DEVIATES["Normal" if name.startswith("Normal") else "Uniform"])
    got = getattr(model_of(name, magnitude), role)(g, noise=noise)
    assert_close(got, want, tolerance=tolerance, dtype=dtype)
    assert_close(g, (0.1, 0.5, 1.0), tolerance=1e-7)


MEASURED = [
    # name, magnitude, clip range, conductance, mean before, deviation before, after, after
    ("NormalIndependentDevice", 0.1, (0, np.inf), 0.0, 0.1, 0.0398942, 0.0583819),
    ("NormalIndependentDevice", 0.1, (0, np.inf), 0.1, 0.1, 0.1083315, 0.0866653),
    ("NormalIndependentDevice", 0.1, (0, np.inf), 0.25, 0.1, 0.2502004, 0.0994372),
    ("NormalIndependentDevice", 0.1, (0, np.inf), 0.5, 0.1, 0.5, 0.1),
    ("NormalIndependentDevice", 0.1, (0, np.inf), 1.0, 0.1, 1.0, 0.1),
    ("NormalIndependentDevice", 0.1, (0.1, 1), 0.1, 0.1, 0.1398942, 0.0583819),
    ("NormalIndependentDevice", 0.1, (0.1, 1), 0.25, 0.1, 0.2529307, 0.0942536),
    ("NormalIndependentDevice", 0.1, (0.1, 1), 0.5, 0.1, 0.5000007, 0.0999970),
    ("NormalIndependentDevice", 0.1, (0.1, 1), 0.9, 0.1, 0.8916685, 0.0866653),
    ("NormalIndependentDevice", 0.1, (0.1, 1), 1.0, 0.1, 0.9601058, 0.0583819),
    ("NormalProportionalDevice", 0.1, (0, np.inf), 0.0, 0.0, 0.0, 0.0),
    ("NormalProportionalDevice", 0.1, (0, np.inf), 0.1, 0.01, 0.1, 0.01),
    ("NormalProportionalDevice", 0.1, (0, np.inf), 0.25, 0.025, 0.25, 0.025),
    ("NormalProportionalDevice", 0.1, (0, np.inf), 0.5, 0.05, 0.5, 0.05),
    ("NormalProportionalDevice", 0.1, (0, np.inf), 1.0, 0.1, 1.0, 0.1),
    ("NormalInverseProportionalDevice", 0.02, (0, np.inf), 0.05, 0.4, 0.1858220, 0.2504384),
    ("NormalInverseProportionalDevice", 0.02, (0, np.inf), 0.1, 0.2, 0.1395593, 0.1487872),
    ("NormalInverseProportionalDevice", 0.02, (0, np.inf), 0.25, 0.08, 0.2500195, 0.0799339),
    ("NormalInverseProportionalDevice", 0.02, (0, np.inf), 0.5, 0.04, 0.5, 0.04),
    ("NormalInverseProportionalDevice", 0.02, (0, np.inf), 1.0, 0.02, 1.0, 0.02),
    ("UniformIndependentDevice", 0.3, (0, np.inf), 0.0, 0.0866025, 0.0375, 0.0484123),
    ("UniformIndependentDevice", 0.3, (0, np.inf), 0.1, 0.0866025, 0.1041667, 0.0806872),
    ("UniformIndependentDevice", 0.3, (0, np.inf), 0.25, 0.0866025, 0.25, 0.0866025),
    ("UniformIndependentDevice", 0.3, (0, np.inf), 0.5, 0.0866025, 0.5, 0.0866025),
    ("UniformIndependentDevice", 0.3, (0, np.inf), 1.0, 0.0866025, 1.0, 0.0866025),
    ("UniformIndependentDevice", 0.3, (0.1, 1), 0.1, 0.0866025, 0.1375, 0.0484123),
    ("UniformIndependentDevice", 0.3, (0.1, 1), 0.9, 0.0866025, 0.8958333, 0.0806872),
    ("UniformIndependentDevice", 0.3, (0.1, 1), 1.0, 0.0866025, 0.9625, 0.0484123),
    ("UniformProportionalDevice", 0.3, (0, np.inf), 0.0, 0.0, 0.0, 0.0),
    ("UniformProportionalDevice", 0.3, (0, np.inf), 0.1, 0.0086603, 0.1, 0.0086603),
    ("UniformProportionalDevice", 0.3, (0, np.inf), 0.25, 0.0216506, 0.25, 0.0216506),
    ("UniformProportionalDevice", 0.3, (0, np.inf), 0.5, 0.0433013, 0.5, 0.0433013),
    ("UniformProportionalDevice", 0.3, (0, np.inf), 1.0, 0.0866025, 1.0, 0.0866025),
    ("UniformInverseProportionalDevice", 0.02, (0, np.inf), 0.05, 0.1154701, 0.078125, 0.0831704),
    ("UniformInverseProportionalDevice", 0.02, (0, np.inf), 0.1, 0.0577350, 0.1, 0.0577350),
    ("UniformInverseProportionalDevice", 0.02, (0, np.inf), 0.25, 0.0230940, 0.25, 0.0230940),
    ("UniformInverseProportionalDevice", 0.02, (0, np.inf), 0.5, 0.0115470, 0.5, 0.0115470),
    ("UniformInverseProportionalDevice", 0.02, (0, np.inf), 1.0, 0.0057735, 1.0, 0.0057735),
]


@pytest.mark.parametrize(
    ("name", "magnitude", "clip", "g", "spread", "mean", "deviation"), MEASURED
)
def test_samples_have_the_moments_of_the_closed_form(
    name, magnitude, clip, g, spread, mean, deviation
):
    """False alarm below 1e-8 for each row, 4e-7 for all.

    The mean of 200 000 samples may be off by 6 standard errors, the deviation by 2 %, which is
    more than 7 standard errors for every distribution here.
    """
    model = model_of(name, magnitude)
    cells = np.full(200_000, g)
    samples = model.program(cells, noise=Stream.of(7).child(name).source())
    samples = np.clip(samples, *clip)
    declared = [float(moment[0]) for moment in model.read_moments(cells)]
    assert declared == pytest.approx([g, spread], abs=1e-7)
    width = declared[1] * 12**0.5
    expected = (
        clipped_normal(*declared, *clip)
        if model.read_is_normal
        else clipped_uniform(g, width, *clip)
    )
    assert expected == pytest.approx((mean, deviation), abs=1e-6)
    assert samples.mean() == pytest.approx(mean, abs=6 * deviation / 447 + 1e-12)
    assert samples.std() == pytest.approx(deviation, rel=0.02, abs=1e-12)


@pytest.mark.parametrize("name", INJECTED)
def test_reads_differ_from_each_other_and_cells_from_each_other(name):
    g = np.full((4, 5), 0.5)
    noise = Stream.of(3).source()
    first, second = (model_of(name, 0.1).read(g, noise=noise) for _ in range(2))
    assert np.unique(np.concatenate([first.ravel(), second.ravel()])).size == 40
    assert np.all(g == 0.5)


@pytest.mark.parametrize("name", INJECTED)
def test_generic_models_program_and_read_and_do_nothing_else(name):
    model = model_of(name, 0.1)
    assert isinstance(model, ProgramsCells)
    assert isinstance(model, ReadsCells)
    assert isinstance(model, DeclaresReadMoments)
    assert not isinstance(model, DriftsCells)
    assert not isinstance(model, ConductsNonlinearly)


@pytest.mark.parametrize("name", INJECTED)
def test_every_library_gets_the_same_conductances(xp, name):
    g = np.linspace(0, 1, 12).reshape(3, 4)
    model = model_of(name, 0.05)
    want = model.program(g, noise=Stream.of(1).source())
    got = model.program(given(xp, g), noise=Stream.of(1).source())
    np.testing.assert_allclose(as_host(got), want, rtol=1e-14, atol=0)
