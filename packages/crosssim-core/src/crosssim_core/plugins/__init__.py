"""Models from outside: the hooks that a plugin implements, and the registry that finds them."""

from crosssim_core.plugins.discovery import Plugin, PluginProblem
from crosssim_core.plugins.entries import Family, InstalledModel
from crosssim_core.plugins.registry import (
    factory,
    find_model,
    installed_models,
    left_out,
    params_class,
    plugins,
    problems,
    register,
    unregister,
)
from crosssim_core.plugins.specs import INTERFACE_VERSION, PROJECT, ModelEntry, hookimpl

__all__ = [
    "INTERFACE_VERSION",
    "PROJECT",
    "Family",
    "InstalledModel",
    "ModelEntry",
    "Plugin",
    "PluginProblem",
    "factory",
    "find_model",
    "hookimpl",
    "installed_models",
    "left_out",
    "params_class",
    "plugins",
    "problems",
    "register",
    "unregister",
]
