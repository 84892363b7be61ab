"""A programmed chip as plain arrays and plain values."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from crosssim_core._array import array_namespace, as_host, device_of, from_host, library_name
from crosssim_core.chain.block import WeightRange
from crosssim_core.cores.converters import kept_errors, versions, warn_of_versions, with_errors
from crosssim_core.cores.holder import MatrixHolder, block_shape
from crosssim_core.cores.plan import ArrayPart, ArrayPlan, ArrayState
from crosssim_core.cores.programmed import SIDES
from crosssim_core.errors import ArrayLibraryError, StateError
from crosssim_core.parameters import CrossSimParameters
from crosssim_core.random import Entropy, Occasions, Stream
from crosssim_core.typing import Array

HostArray: TypeAlias = np.ndarray[Any, Any]

FORMAT = 1
"""Number of the form in which states are written."""


class ChipState(NamedTuple):
    """Everything that makes a chip: give it to ``AnalogCore.from_state`` or ``load_state``.

    ``numpy.savez(file, **state.arrays)`` and ``json.dump(state.info, file)`` write it to files.
    """

    arrays: Mapping[str, HostArray]
    """``conductance_0``, …: one for each array, shape (slices, signs, lines, drives) [1];
    ``matrix``: the values that were programmed; ``adc_mvm_0_0_…``: errors of the ADCs by
    direction, array, slice and name, as far as their models hand them over."""
    info: Mapping[str, Any]
    """Shape, data type, parameters, limits, names of converter errors, and the seed and counts
    that further random numbers and errors of other converters follow from."""


def taken_out(holder: MatrixHolder) -> ChipState:
    """What ``holder`` holds, as plain arrays and values.

    Raises:
        NotProgrammedError: It holds nothing yet.
    """
    held, plan = holder.held, holder.plan
    state = held.programmed().state
    arrays = {f"conductance_{i}": as_host(g) for i, g in enumerate(state.conductance)}
    errors = kept_errors(plan, SIDES)
    info = {
        "format": FORMAT,
        "shape": list(holder.shape),
        "dtype": str(held.dtype).rpartition(".")[2],
        "params": [tree.to_dict() for tree in plan.params],
        "limits": list(state.weights),
        "seed": plan.stream.entropy.get(),
        "key": list(plan.stream.key),
        "writes": held.writes,
        "reads": holder.reads.count,
        "errors": list(errors),
        "versions": versions([plan], SIDES, redrawn=True),
    }
    return ChipState(arrays | errors | {"matrix": as_host(held.matrix)}, info)


def params_of(saved: ChipState) -> list[CrossSimParameters]:
    """The parameters in a state.

    Raises:
        StateError: It is damaged, or of another form.
        ParameterError: They are not valid here, for instance because a model is not installed.
    """
    number = saved.info.get("format")
    if number != FORMAT:
        raise StateError(f"This is no state of format {FORMAT}: its 'format' is {number!r}.")
    return [CrossSimParameters.from_dict(tree) for tree in _entry(saved.info, "params")]


def put_back(saved: ChipState, params: list[CrossSimParameters], *, like: Array) -> MatrixHolder:
    """What `taken_out` took out, in the library and on the device of ``like``.

    Raises:
        StateError: The state is damaged.
        ArrayLibraryError: The library lacks the data type of the matrix.

    Warns:
        StateWarning: Converters that keep no errors were drawn by another version.
    """
    arrays, info = saved
    xp, device = array_namespace(like), device_of(like)
    for tree in params:
        tree.simulation.useGPU = tree.simulation.useGPU and library_name(like) == "cupy"
    matrix = from_host(np.asarray(_entry(arrays, "matrix")), like=like)
    shape = tuple(_entry(info, "shape"))
    if tuple(matrix.shape) != shape:
        raise StateError(f"'matrix' has shape {tuple(matrix.shape)} and 'shape' is {shape}.")
    stream = Stream(Entropy(_entry(info, "seed"), given=True), tuple(_entry(info, "key")))
    core = params[0].core
    plan = ArrayPlan.of(block_shape(shape, core), params, stream, blocks=core.holds_complex)
    errors = {name: np.asarray(_entry(arrays, name)) for name in info.get("errors", ())}
    plan = with_errors(plan, SIDES, errors)
    warn_of_versions(info.get("versions", {}), versions([plan], SIDES))
    conductance = tuple(
        from_host(_conductance(arrays, i, part), like=like) for i, part in enumerate(plan.arrays)
    )
    name = _entry(info, "dtype")
    if not hasattr(xp, name):
        raise ArrayLibraryError(
            f"{library_name(like)} has no data type {name!r}, which the matrix in the state has."
        )
    dtype = xp.empty((0,), dtype=getattr(xp, name), device=device).dtype
    holder = MatrixHolder(plan, dtype, like, Occasions(_entry(info, "reads")))
    state = ArrayState(WeightRange(*_entry(info, "limits")), conductance)
    holder.hold(state, matrix, dtype=dtype, writes=_entry(info, "writes"))
    return holder


def _conductance(arrays: Mapping[str, Any], number: int, part: ArrayPart) -> HostArray:
    g = np.asarray(_entry(arrays, f"conductance_{number}"), dtype=np.float64)
    expected = part.cells
    if g.shape != expected:
        raise StateError(
            f"'conductance_{number}' has shape {g.shape}; by its parameters it has {expected}."
        )
    return g


def _entry(entries: Mapping[str, Any], name: str) -> Any:
    try:
        return entries[name]
    except KeyError:
        raise StateError(f"The state has no entry {name!r}.") from None
