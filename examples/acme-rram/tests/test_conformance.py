"""The model keeps what the simulator relies on."""

from crosssim_core.testing import device_checks


@device_checks("acme.rram", expected_failures={})
def test_conforms(check, model):
    check(model)
