"""Images whose windows are read as explicit vectors, some images at a time."""

import numpy as np
import pytest
from analog_settings import needs_devices, tree

from crosssim_core import AnalogLayer, ConvLayout
from crosssim_core.chain import arithmetic, literal
from crosssim_core.cores import programmed
from crosssim_core.layers import ConvTransposeLayout, PackedConvLayout

pytestmark = pytest.mark.filterwarnings("ignore::crosssim_core.errors.ParameterWarning")

WIRES = {
    "xbar.array.parasitics.enable": True,
    "xbar.array.parasitics.Rp_row": 8.0,
    "xbar.array.parasitics.Rp_col": 12.0,
}
DIGITS = {
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 4,
    "xbar.dac.mvm.input_bitslicing": True,
}
SUPPLY = WIRES | DIGITS | {"xbar.array.parasitics.current_from_input": False}
CUBIC = {
    "xbar.device.nonlinear_IV.enable": True,
    "xbar.device.nonlinear_IV.model": "CubicDevice",
    "xbar.device.Vread": 0.5,
    "simulation.Verr_th_mvm": 1e-12,
}
NOISE = {
    "xbar.device.read_noise.enable": True,
    "xbar.device.read_noise.model": "NormalProportionalDevice",
    "xbar.device.read_noise.magnitude": 0.05,
}
RANGE = {"core.mapping.inputs.mvm.percentile": 0.9} | DIGITS
LITERAL = {"simulation.literal": True}
PROFILE = {
    "simulation.analytics.profile_adc_inputs": True,
    "simulation.analytics.profile_xbar_inputs": True,
}
KINDS = {
    "ideal": {},
    "literal": DIGITS | LITERAL,
    "supply lines": SUPPLY,
    "cubic": WIRES | CUBIC,
    "a range for each vector": RANGE | {"core.mapping.inputs.mvm.per_vector": True},
    "profile": SUPPLY | PROFILE,
}
GEOMETRY = {"in_channels": 4, "out_channels": 6, "kernel_size": (3, 2), "dilation": (1, 1)}
CONV = GEOMETRY | {"stride": (2, 1), "padding": ((1, 0), (0, 1))}
TRANSPOSED = GEOMETRY | {"stride": (2, 1), "padding": (1, 0), "output_padding": (1, 0)}
LAYOUTS = {
    "dense": (ConvLayout(**CONV), (6, 4, 3, 2)),
    "packed": (PackedConvLayout(**CONV, groups=2), (6, 2, 3, 2)),
    "transposed": (ConvTransposeLayout(**TRANSPOSED), (4, 6, 3, 2)),
}
X = np.random.default_rng(1).uniform(-1, 1, (7, 4, 5, 4))


def layer(layout, *settings):
    layout, shape = LAYOUTS[layout]
    weight = np.random.default_rng(0).uniform(-1, 1, shape)
    return AnalogLayer.program(layout, weight, params=tree(*settings), seed=2)


@pytest.fixture
def seen(monkeypatch):
    """Shapes of the vectors that were read, where 700 numbers are enough at once."""
    shapes = []

    def read(x, *args, **further):
        shapes.append(x.shape)
        return literal.read_literal(x, *args, **further)

    monkeypatch.setattr(programmed, "read_literal", read)
    monkeypatch.setattr(arithmetic, "ROOM", 700)
    return shapes


@needs_devices
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_images_read_some_at_a_time_give_what_they_give_together(request, kind, layout):
    settings = KINDS[kind]
    whole, cut = layer(layout, settings), layer(layout, settings)
    want = whole(X)
    seen = request.getfixturevalue("seen")
    np.testing.assert_allclose(cut(X), want, rtol=0, atol=1e-11)
    assert all(np.prod(shape) <= 700 or shape[0] == 1 for shape in seen)
    assert sum(shape[0] for shape in seen) == (7 if seen else 0)
    np.testing.assert_allclose(cut(X[0]), want[0], rtol=0, atol=1e-11)
    assert cut(X[:0]).shape == (0, *want.shape[1:])
    if kind == "profile":
        whole(X[0]), whole(X[:0])
        records = [each.arrays.profile for each in (whole, cut)]
        np.testing.assert_array_equal(*(record.xbar_inputs() for record in records))
        np.testing.assert_allclose(*(r.adc_inputs()[0] for r in records), rtol=0, atol=1e-11)


@needs_devices
def test_a_range_of_the_whole_call_sees_the_whole_call(request):
    want = layer("dense", RANGE | LITERAL)(X)
    seen = request.getfixturevalue("seen")
    np.testing.assert_array_equal(layer("dense", RANGE | LITERAL)(X), want)
    assert [shape[0] for shape in seen] == [7]


@needs_devices
def test_every_image_has_noise_of_its_own_however_they_are_cut(seen):
    noisy = layer("dense", WIRES | NOISE | LITERAL)
    y = noisy(np.repeat(X[:1], 7, axis=0))
    assert len(seen) > 1
    assert np.unique(y.reshape(7, -1), axis=0).shape[0] == 7
    np.testing.assert_array_equal(
        layer("dense", WIRES | NOISE | LITERAL)(np.repeat(X[:1], 7, axis=0)), y
    )
