# mypy: disable-error-code="empty-body"
"""What a plugin can offer: the hooks of the entry-point group ``crosssim``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pluggy

PROJECT = "crosssim"
"""Entry-point group, and pluggy project name."""

INTERFACE_VERSION = 1
"""Version of these hooks. A plugin states the one it was written for as a module attribute
``CROSSSIM_INTERFACE``; one that states none is taken to fit."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """Where one model lives, told without importing it."""

    name: str
    """Name by which parameters select the model."""
    factory: str
    """``"package.module:Callable"`` that builds the model from its parameters and its site."""
    params: str = ""
    """``"package.module:Class"`` with the model's own parameters: a subclass of the record of
    its family (``DeviceErrorParams``, ``AdcParams``, ``DacParams``); empty if it has none."""


@hookspec
def crosssim_device_models() -> Iterable[ModelEntry]:
    """Return the device models of this plugin.

    Called once, when a device model is first looked up. The module that implements it must
    import in milliseconds: leave heavy imports to the strings of the entries. A factory is
    called as ``factory(params, cell)`` with a ``DeviceErrorParams`` record and a ``Cell``;
    see ``crosssim_core.devices`` for what a model may then offer.
    """


@hookspec
def crosssim_adc_models() -> Iterable[ModelEntry]:
    """Return the ADC models of this plugin.

    Called once, when an ADC model is first looked up. A factory is called as
    ``factory(params, site)`` with an ``AdcParams`` record and an ``AdcSite``; see
    ``crosssim_core.converters``.
    """


@hookspec
def crosssim_dac_models() -> Iterable[ModelEntry]:
    """Return the DAC models of this plugin.

    Called once, when a DAC model is first looked up. A factory is called as
    ``factory(params, site)`` with a ``DacParams`` record and a ``DacSite``; see
    ``crosssim_core.converters``.
    """


@hookspec
def crosssim_commands(app: Any) -> None:
    """Add sub-commands to the command line.

    Called once, when the ``crosssim`` command starts. ``app`` is its ``typer.Typer``.
    """
