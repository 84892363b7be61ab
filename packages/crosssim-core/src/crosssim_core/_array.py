"""The only file that knows which array libraries exist."""

import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import array_api_compat
import numpy as np

from crosssim_core.errors import ArrayLibraryError, DeviceUnavailableError
from crosssim_core.typing import Array, Device, DType, Namespace


def is_array(x: object) -> bool:
    """Whether ``x`` is an array of a known library (NumPy scalars included)."""
    return isinstance(x, np.generic) or array_api_compat.is_array_api_obj(x)


def array_namespace(*arrays: Array) -> Namespace:
    """Functions of the one library that all ``arrays`` belong to.

    Raises:
        ArrayLibraryError: They belong to different libraries, or to none.
    """
    try:
        return array_api_compat.array_namespace(*arrays)
    except TypeError as error:
        names = ", ".join(sorted({library_name(a) for a in arrays}))
        raise ArrayLibraryError(
            f"One operation needs arrays of one library; these are of: {names}."
        ) from error


def library_name(x: object) -> str:
    """Name of the library of ``x``, as a user would say it."""
    return type(x).__module__.partition(".")[0]


def installed_namespaces() -> dict[str, Namespace]:
    """Every known array library that works here, by name; CuPy only where there is a GPU."""
    found = {}
    for name in ("numpy", "array_api_strict", "torch", "cupy"):
        if find_spec(name) is None:
            continue
        library = import_module(name)
        try:
            found[name] = array_namespace(library.zeros(1))
        except Exception:
            # Libraries raise errors of their own kinds where their device is missing.
            continue
    return found


def device_of(x: Array) -> Device:
    """Device on which ``x`` lives, in the terms of its own library."""
    return array_api_compat.device(x)


def same_place(x: Array, y: Array) -> bool:
    """Whether two arrays belong to one library and live on one device."""
    return array_api_compat.array_namespace(x) is array_api_compat.array_namespace(y) and device_of(
        x
    ) == device_of(y)


def detached(x: Array) -> Array:
    """``x`` without the derivatives a library may record for it."""
    return x.detach() if array_api_compat.is_torch_array(x) else x


def as_host(x: Array) -> np.ndarray[Any, Any]:
    """Copy of ``x`` as a NumPy array; data types NumPy lacks come back as float32."""
    if isinstance(x, np.ndarray | np.generic):
        return np.array(x)
    if array_api_compat.is_torch_array(x):
        x = x.detach().cpu()
        return np.array(x.float().numpy() if str(x.dtype) == "torch.bfloat16" else x.numpy())
    if array_api_compat.is_cupy_array(x):
        return np.array(x.get())
    return np.array(np.asarray(x))


def shared_with_host(x: Array) -> np.ndarray[Any, Any] | None:
    """``x`` as a NumPy array in the same memory; None where it is not the processor's alone.

    None as well for tensors whose derivatives are recorded: what is done to the memory is not.
    """
    if isinstance(x, np.ndarray):
        return x
    if not array_api_compat.is_torch_array(x):
        return None
    forward = import_module("torch.autograd.forward_ad")
    if forward.unpack_dual(x).tangent is not None:
        return None
    try:
        shared: np.ndarray[Any, Any] = x.numpy()
    except (RuntimeError, TypeError):
        # On another device, without storage, with derivatives, or of a data type NumPy lacks.
        return None
    return shared


def threads_of(x: Array) -> int:
    """Threads that an operation on ``x`` takes on the processor."""
    if array_api_compat.is_torch_array(x):
        return int(import_module("torch").get_num_threads())
    return 1


def from_host(x: np.ndarray[Any, Any], *, like: Array, dtype: DType = None) -> Array:
    """NumPy array ``x`` in the library and on the device of ``like``."""
    xp = array_namespace(like)
    if isinstance(like, np.ndarray | np.generic):
        return np.array(x, dtype=dtype)
    return xp.asarray(np.asarray(x, order="C"), dtype=dtype, device=device_of(like))


def is_floating(x: Array) -> bool:
    """Whether the elements of ``x`` are real floating-point numbers."""
    return bool(array_namespace(x).isdtype(x.dtype, "real floating"))


def is_complex(x: Array) -> bool:
    """Whether the elements of ``x`` are complex numbers."""
    return bool(array_namespace(x).isdtype(x.dtype, "complex floating"))


def rounded(x: Array) -> Array:
    """The nearest integers, of ties the even ones; ``x`` may be overwritten."""
    if array_api_compat.is_torch_array(x):
        return x.round_()
    if isinstance(x, np.ndarray):
        return np.round(x, out=x)
    return array_namespace(x).round(x)


def whole_part(x: Array) -> Array:
    """Integer parts of the elements of ``x`` as int32; any number at all where ``x`` is NaN."""
    xp = array_namespace(x)
    if array_api_compat.is_torch_array(x):
        return xp.astype(x, xp.int32)
    with np.errstate(invalid="ignore"):
        return xp.astype(x, xp.int32)


def exceeded(bounds: Array, x: Array) -> Array:
    """Whether elements of ``x`` are above their bounds, which may be overwritten, as a number or a
    truth value.
    """
    if array_api_compat.is_torch_array(bounds):
        # Truth values would take several times as long.
        return bounds.lt_(x)
    return bounds < x


def gathered(table: Array, place: Array) -> Array:
    """Elements of the vector ``table`` at ``place``, a vector of places from 0 upwards."""
    if array_api_compat.is_torch_array(table):
        # The function of the standard takes most of its time to look for negative places.
        return table.index_select(0, place)
    return array_namespace(table).take(table, place, axis=0)


def gpu_array(x: Array, gpu_id: int) -> Array:
    """``x`` as a CuPy array on GPU number ``gpu_id``.

    Raises:
        DeviceUnavailableError: CuPy is not installed, or there is no such GPU.
    """
    if array_api_compat.is_cupy_array(x):
        return x
    try:
        import cupy  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise DeviceUnavailableError(
            "simulation.useGPU is on, and CuPy is not installed. Install it with "
            "'pip install crosssim-core[gpu]', or set simulation.useGPU = False."
        ) from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        count = 0
    if gpu_id >= count:
        raise DeviceUnavailableError(
            f"simulation.useGPU asks for GPU {gpu_id}; CuPy finds {count} on this machine."
        )
    with cupy.cuda.Device(gpu_id), warnings.catch_warnings():
        return cupy.asarray(as_host(x))
