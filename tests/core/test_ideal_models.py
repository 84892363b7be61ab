"""The models that core brings itself."""

import numpy as np

from crosssim_core.converters import AdcSite, DacSite
from crosssim_core.devices import Cell, ConductsNonlinearly, DriftsCells, ProgramsCells, ReadsCells
from crosssim_core.parameters import AdcParams, DacParams, DeviceErrorParams
from crosssim_core.plugins import factory
from crosssim_core.random import Stream


def test_the_ideal_device_fills_every_slot_and_changes_nothing(xp):
    model = factory("device", "IdealDevice")(DeviceErrorParams(), Cell(1e3, 1e4))
    for ability in (ProgramsCells, DriftsCells, ReadsCells, ConductsNonlinearly):
        assert isinstance(model, ability)
    g, noise = xp.asarray([0.0, 0.5, 1.3]), Stream.of(0).source()
    for act in (model.program, model.drift, model.read):
        assert act(g, noise=noise) is g
    current = model.current(g, xp.asarray([1.0, -0.5, 2.0]))
    np.testing.assert_allclose(np.asarray(current), [0.0, -0.25, 2.6], rtol=1e-6)


def test_the_ideal_converters_hand_on_what_they_get(xp):
    x = xp.asarray([-9.0, 0.3])
    site = AdcSite(-1.0, 1.0, 2, Stream.of(0).source())
    adc = factory("adc", "IdealADC")(AdcParams(bits=3), site)
    dac = factory("dac", "IdealDAC")(DacParams(bits=3), DacSite(-1.0, 1.0))
    assert adc.convert(x, axis=0, noise=None) is x
    assert dac.convert(x) is x
    assert (adc.uniform, dac.uniform, dac.magnitude_bits) == (None, None, 0)
