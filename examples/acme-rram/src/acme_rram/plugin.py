"""What this package brings to CrossSim."""

from crosssim_core.plugins import ModelEntry, hookimpl

CROSSSIM_INTERFACE = 1


@hookimpl
def crosssim_device_models() -> list[ModelEntry]:
    """One resistive cell."""
    return [
        ModelEntry(
            "acme.rram", factory="acme_rram.model:Rram", params="acme_rram.params:RramParams"
        )
    ]
