"""What the arrays of a network have been given, and what they hold."""

import pickle
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from crosssim_core._array import as_host
from crosssim_core.chain.mapping import facing
from crosssim_core.cores import ArrayPlan, Profile
from crosssim_core.errors import OperationError
from crosssim_core.parameters import BitSlicedCoreStyle, CoreStyle
from crosssim_torch.analog import AnalogModule
from crosssim_torch.convert import analog_modules
from crosssim_torch.params import trees_of

HostArray = np.ndarray[Any, Any]


def profiles_of(module: AnalogModule) -> dict[str, Profile]:
    """The record of each matrix of ``module``, by its key; empty where nothing is recorded.

    `simulation.analytics` of its parameters switches recording on when the module is built.
    """
    found = {key: tile.profile for key, tile in module._tiles.items()}
    return {key: profile for key, profile in found.items() if profile is not None}


def reset_profiles(model: nn.Module) -> None:
    """Forget what all analog modules of ``model`` have recorded."""
    for module in analog_modules(model):
        for profile in profiles_of(module).values():
            profile.reset()


def get_profiled_xbar_inputs(
    model: nn.Module, save_dir: str | PathLike[str] | None = None
) -> list[HostArray | None]:
    """Digital inputs of each analog module, in the order of `analog_modules`.

    In user units, before scaling and conversion: the values of dense layers vector by vector; of
    convolutions padded image by padded image, each pixel once; of recurrent layers step by step
    the whole vector (input, state, ones of bias rows), one matrix after the other.

    Args:
        model: A network whose ``simulation.analytics.profile_xbar_inputs`` is on in some layers.
        save_dir: Where to pickle the list as ``all_xbar_inputs.p``.

    Returns:
        One vector for each module; None where inputs are not recorded.

    Raises:
        OperationError: A module records histograms; `profiles_of` gives them.
    """

    def inputs(profiles: Sequence[Profile]) -> HostArray:
        return np.concatenate([profile.xbar_values() for profile in profiles])

    values = [_of(m, lambda profile: profile.inputs, inputs) for m in analog_modules(model)]
    _save(values, save_dir, "all_xbar_inputs.p")
    return values


def get_profiled_adc_inputs(
    model: nn.Module, save_dir: str | PathLike[str] | None = None
) -> list[HostArray | None]:
    """Currents before the ADCs of each analog module, in the order of `analog_modules` [1].

    In units of one device at full conductance and full input. Each forward pass adds its values:
    of dense and recurrent layers output by output, of convolutions image by image.

    Args:
        model: A network whose ``simulation.analytics.profile_adc_inputs`` is on in some layers.
        save_dir: Where to pickle the list as ``all_adc_inputs.p``.

    Returns:
        For each module shape (digits, n), or (slices, digits, n) if it is BITSLICED, its arrays
        one after the other along the last axis; see `Profile.adc_inputs`. None where currents
        are not recorded.

    Raises:
        OperationError: A module records histograms, or its arrays have different slices;
            `profiles_of` gives them one by one.
    """

    def currents(profiles: Sequence[Profile]) -> HostArray:
        return _joined([array for profile in profiles for array in profile.adc_inputs()])

    values = [_of(m, lambda p: p.currents is not None, currents) for m in analog_modules(model)]
    _save(values, save_dir, "all_adc_inputs.p")
    return values


def get_conductance_matrices(model: nn.Module) -> list[dict[str, Any]]:
    """Programmed conductances of each analog module, in the order of `analog_modules`.

    Returns:
        A dictionary for each module: ``core_style``, ``bitsliced_core_style``, ``num_slices``, and
        ``Gmats``, which lists its arrays, matrix by matrix and row by row. An array is
        ``{"Gmat_pos", "Gmat_neg"}`` or ``{"Gmat"}``, and a list of these over its slices if it is
        BITSLICED: conductances over the largest one, shape (outputs, inputs), of packed groups
        (groups, outputs, inputs), a unit line before the outputs, errors included [1].
    """
    return [_conductances(module) for module in analog_modules(model)]


def corestyle_str(style: CoreStyle, bitsliced_style: BitSlicedCoreStyle) -> tuple[str, str]:
    """Names of a core style and of its slices, ``"NONE"`` without slices."""
    return style.name, bitsliced_style.name if style is CoreStyle.BITSLICED else "NONE"


def _of(
    module: AnalogModule,
    recorded: Callable[[Profile], bool],
    joined: Callable[[Sequence[Profile]], HostArray],
) -> HostArray | None:
    profiles = [profile for profile in profiles_of(module).values() if recorded(profile)]
    return joined(profiles) if profiles else None


def _joined(arrays: list[HostArray]) -> HostArray:
    """Arrays along the last axis; digits that some lack are 0."""
    if len({array.shape[:-2] for array in arrays}) > 1:
        raise OperationError(
            "The arrays of a layer have different slices: take profiles_of(layer)."
        )
    digits = max(array.shape[-2] for array in arrays)
    return np.concatenate([_padded(array, digits) for array in arrays], axis=-1)


def _padded(array: HostArray, digits: int) -> HostArray:
    widths = [(0, 0)] * array.ndim
    widths[-2] = (0, digits - array.shape[-2])
    return np.pad(array, widths)


def _save(values: list[HostArray | None], directory: Any, name: str) -> None:
    if directory is not None:
        (Path(directory) / name).write_bytes(pickle.dumps(values))


def _conductances(module: AnalogModule) -> dict[str, Any]:
    core = trees_of(module.params)[0].core
    style, slices = corestyle_str(core.style, core.bit_sliced.style)
    layers = module.core if isinstance(module.core, list) else [module.core]
    programmed = [layer.arrays for layer in layers]
    return {
        "core_style": style,
        "bitsliced_core_style": slices,
        "num_slices": core.bit_sliced.num_slices if core.style is CoreStyle.BITSLICED else 1,
        "Gmats": [g for arrays in programmed for g in _arrays(arrays.plan, arrays.state)],
    }


def _arrays(plan: ArrayPlan, state: Any) -> list[Any]:
    """The arrays of one matrix."""
    arrays = []
    for i, (part, conductance) in enumerate(zip(plan.arrays, state.conductance, strict=True)):
        g = as_host(facing(conductance, part.mapping, "mvm"))
        names = ("Gmat_pos", "Gmat_neg") if part.mapping.signs == 2 else ("Gmat",)
        slices = [dict(zip(names, of_slice, strict=True)) for of_slice in g]
        sliced = plan.params[i % len(plan.params)].core.style is CoreStyle.BITSLICED
        arrays.append(slices if sliced else slices[0])
    return arrays
